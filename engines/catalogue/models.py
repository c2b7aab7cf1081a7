"""The catalogue of models: one record each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engines.catalogue.records import TORCH_DEVICES, Adapter, ModelRecord, Source
from engines.catalogue.transformers import TRANSFORMERS_MODELS, OwnModel, own_records

WHISPER = Adapter(
    name="whisper",
    import_path="engines.adapters.whisper.engine:Whisper",
    packages=("torch", "transformers", "onnxruntime"),
    rank=30,
)
FASTER_WHISPER = Adapter(
    name="faster-whisper",
    import_path="engines.adapters.faster_whisper.engine:FasterWhisper",
    packages=("faster_whisper",),
    rank=31,
)
KOKORO_ENGINE = Adapter(
    name="kokoro",
    import_path="engines.adapters.kokoro.engine:Kokoro",
    packages=("torch", "kokoro"),
    rank=50,
)
POCKET = Adapter(
    name="pocket-tts",
    import_path="engines.adapters.pocket.engine:Pocket",
    packages=("torch", "pocket_tts"),
    rank=40,
)
VOXCPM = Adapter(
    name="voxcpm",
    import_path="engines.adapters.voxcpm.engine:VoxCPM",
    packages=("torch", "transformers", "einops", "voxcpm"),
    rank=20,
    designs=True,
)

WHISPER_CODES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la
mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be
tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jv su
"""
WHISPER_LANGUAGES = tuple(WHISPER_CODES.split())
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
WHISPER_FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "normalizer.json",
    "model.safetensors",
    *TOKENIZER_FILES,
)
FASTER_WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.*")
FASTER_WHISPER_V3_FILES = (*FASTER_WHISPER_FILES, "preprocessor_config.json")
"""of the later models, which have another number of mel bands: that file names it"""
KOKORO_LANGUAGES = ("en-US", "en-GB", "es", "fr", "hi", "it", "ja", "pt-BR", "zh")
POCKET_CLONING = "kyutai/pocket-tts"
POCKET_PRESETS = "kyutai/pocket-tts-without-voice-cloning"
PocketCommits = tuple[str, str, str]
"""commits of the weights that clone, of those that do not, and of the tokenizer, as pocket-tts 4.0.1 names
them: it works with no others
"""
POCKET_ENGLISH: PocketCommits = (
    "db04f0e653473e5c7333c69686ac92b7460b0c1d",
    "a7056f505a4a8ca72d8b5fb1440071d6f1a35739",
    "00eac05ed3d16bdc3f6b5d598874019c34a89214",
)
POCKET_OTHERS: PocketCommits = (
    "3e82814a68665eec246ff649b14c71331f955c06",
    "1e08e6a23401048648a9fdcfde2f89348215c2a7",
    "4e1e0a3e611c51c0b4ed8174fc10f32a54644303",
)
POCKET_FRENCH: PocketCommits = (*POCKET_OTHERS[:2], "8843db76457a91db32077edf8dfcd1c0e3e755fd")
POCKET_VOICES = POCKET_ENGLISH[1]
"""the commit of the preset voices of all languages"""

# Sizes are approximate, from memory of what the hub listed, and serve for choosing; a pull asks the hub.

WHISPER_SIZES = ("distil-large-v3", "tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")
"""of Whisper, the best last: what somebody has pulled is what should be used; what knows only English comes
first
"""
RANK_STEP = 4
"""between two sizes"""


def _whisper(
    size: str, size_bytes: int, *, licence: str = "Apache-2.0", owner: str = "openai"
) -> ModelRecord:
    """Return the record of a Whisper as its makers publish it. Distilled ones know English only."""
    distilled = size.startswith("distil-")
    return ModelRecord(
        name=f"whisper-{size}",
        display=f"Whisper {size}",
        engine=WHISPER,
        repo=f"{owner}/{size}" if distilled else f"{owner}/whisper-{size}",
        licence=licence,
        kinds=("transcription",),
        files=WHISPER_FILES,
        size_bytes=size_bytes,
        languages=("en",) if distilled else WHISPER_LANGUAGES,
        sample_rate=16_000,
        rank=RANK_STEP * WHISPER_SIZES.index(size),
        requires=TORCH_DEVICES,
    )


def _faster_whisper(
    size: str, size_bytes: int, repo: str = "", files: tuple[str, ...] = FASTER_WHISPER_FILES
) -> ModelRecord:
    """Return the record of a Whisper converted for CTranslate2."""
    return ModelRecord(
        name=f"faster-whisper-{size}",
        display=f"faster-whisper {size}",
        engine=FASTER_WHISPER,
        repo=repo or f"Systran/faster-whisper-{size}",
        licence="MIT",
        kinds=("transcription",),
        files=files,
        size_bytes=size_bytes,
        languages=("en",) if size.startswith("distil-") else WHISPER_LANGUAGES,
        sample_rate=16_000,
        rank=RANK_STEP * WHISPER_SIZES.index(size),
        requires=("cpu", "cuda"),
    )


def _pocket(language: str, tag: str, commits: PocketCommits, *, cloning: bool) -> ModelRecord:
    """Return the record of a Pocket TTS; the preset voices and the tokenizer lie in the repository of the
    weights that do not clone.
    """
    folder = f"languages/{language}"
    return ModelRecord(
        name=f"pocket-tts-{language}" if cloning else f"pocket-tts-{language}-presets",
        display=f"Pocket TTS, {language.title()}{'' if cloning else ', without cloning'}",
        engine=POCKET,
        repo=POCKET_CLONING if cloning else POCKET_PRESETS,
        revision=commits[0] if cloning else commits[1],
        licence="CC-BY-4.0",
        kinds=("speech",),
        files=(f"{folder}/model.safetensors", f"{folder}/config.yaml"),
        extra_sources=(
            Source(POCKET_PRESETS, commits[2], (f"{folder}/tokenizer.json",)),
            Source(POCKET_PRESETS, POCKET_VOICES, (f"{folder}/embeddings/*.safetensors",)),
        ),
        options={"language": language},
        languages=(tag,),
        voice_types=("preset", "cloned") if cloning else ("preset",),
        rank=2 * (language == "english") + cloning,
        streaming=True,
        cloning=cloning,
        gated=cloning,
    )


KOKORO = ModelRecord(
    name="kokoro",
    display="Kokoro 82M",
    engine=KOKORO_ENGINE,
    repo="hexgrad/Kokoro-82M",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("config.json", "kokoro-v1_0.pth", "voices/*.pt"),
    size_bytes=355_000_000,
    languages=KOKORO_LANGUAGES,
    voice_types=("preset",),
    requires=TORCH_DEVICES,
)

VOXCPM_CODES = "en zh ar my da nl fi fr de el he hi id it ja km ko lo ms no pl pt ru es sw sv tl th tr vi"
VOXCPM_LANGUAGES = tuple(VOXCPM_CODES.split())
VOXCPM2 = ModelRecord(
    name="voxcpm2",
    display="VoxCPM2",
    engine=VOXCPM,
    repo="openbmb/VoxCPM2",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("config.json", "model.safetensors", "audiovae.safetensors", "audiovae.pth", *TOKENIZER_FILES),
    size_bytes=4_960_000_000,
    languages=VOXCPM_LANGUAGES,
    sample_rate=48_000,
    voice_types=("preset", "cloned", "designed"),
    streaming=True,
    instruct=True,
    cloning=True,
    requires=("cpu", "cuda", "mps"),
    tier="experimental",
)

MODELS: tuple[ModelRecord, ...] = (
    KOKORO,
    VOXCPM2,
    *(
        _pocket(language, tag, commits, cloning=cloning)
        for language, tag, commits in (
            ("english", "en", POCKET_ENGLISH),
            ("french", "fr", POCKET_FRENCH),
            ("german", "de", POCKET_OTHERS),
            ("portuguese", "pt", POCKET_OTHERS),
            ("italian", "it", POCKET_OTHERS),
            ("spanish", "es", POCKET_OTHERS),
            ("dutch", "nl", POCKET_OTHERS),
        )
        for cloning in (True, False)
    ),
    _whisper("tiny", 155_000_000),
    _whisper("base", 294_000_000),
    _whisper("small", 971_000_000),
    _whisper("medium", 3_060_000_000),
    _whisper("large-v3", 3_090_000_000),
    _whisper("large-v3-turbo", 1_620_000_000, licence="MIT"),
    _whisper("distil-large-v3", 1_520_000_000, licence="MIT", owner="distil-whisper"),
    _faster_whisper("tiny", 78_000_000),
    _faster_whisper("base", 148_000_000),
    _faster_whisper("small", 486_000_000),
    _faster_whisper("medium", 1_530_000_000),
    _faster_whisper("large-v3", 3_090_000_000, files=FASTER_WHISPER_V3_FILES),
    _faster_whisper(
        "large-v3-turbo",
        1_620_000_000,
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        FASTER_WHISPER_V3_FILES,
    ),
    _faster_whisper(
        "distil-large-v3", 1_520_000_000, "Systran/faster-distil-whisper-large-v3", FASTER_WHISPER_V3_FILES
    ),
    *TRANSFORMERS_MODELS,
)


def find_model(name: str, records: Iterable[ModelRecord] = MODELS) -> ModelRecord:
    """Return the record of a model. Raises KeyError."""
    for record in records:
        if record.name == name:
            return record
    raise KeyError(name)


def all_models(own: Mapping[str, OwnModel]) -> tuple[ModelRecord, ...]:
    """Return all models, with those of the settings, which go before others of the same name."""
    return (*(record for record in MODELS if record.name not in own), *own_records(own))
