"""The catalogue of models: one record each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engines.catalogue.kokoro import KOKORO, KOKORO_GRAPHS
from engines.catalogue.own import OwnModel
from engines.catalogue.piper import PIPER_MODELS, own_voice
from engines.catalogue.records import TOKENIZER_FILES, Adapter, ModelRecord, Source
from engines.catalogue.transformers import TRANSFORMERS_MODELS, own_record
from engines.catalogue.whisper import WHISPER_MODELS

POCKET = Adapter(
    name="pocket-tts",
    import_path="engines.adapters.pocket.engine:Pocket",
    packages=("torch", "pocket_tts"),
    rank=40,
    voices="engines.adapters.pocket.voice_files:read_voices",
)
HIBARI_ENGINE = Adapter(
    name="hibari",
    import_path="engines.adapters.hibari.engine:Hibari",
    packages=("hibari", "onnxruntime"),
    rank=15,
    group="onnx",
    voices="engines.adapters.hibari.voice_files:read_voices",
)
VOXCPM = Adapter(
    name="voxcpm",
    import_path="engines.adapters.voxcpm.engine:VoxCPM",
    packages=("torch", "transformers", "einops", "voxcpm"),
    rank=20,
    designs=True,
    voices="engines.adapters.voxcpm.voice_files:read_voices",
)

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

HIBARI_VOICES = ModelRecord(
    name="hibari-voices",
    display="Hibari, with four further voices: American and British, women and men",
    engine=HIBARI_ENGINE,
    repo="maureesewilliams/hibari",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("voices/*.onnx",),
    size_bytes=31_800_000,
    languages=("en-US", "en-GB"),
    voice_types=("preset",),
    rank=1,  # before the embedded engine, whose voices it has too
)

MODELS: tuple[ModelRecord, ...] = (
    HIBARI_VOICES,
    KOKORO,
    *KOKORO_GRAPHS,
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
    *PIPER_MODELS,
    *WHISPER_MODELS,
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


def own_records(own: Mapping[str, OwnModel]) -> tuple[ModelRecord, ...]:
    """Return the records of all repositories that the settings name."""
    make = {"transformers": own_record, "piper": own_voice}
    return tuple(make[model.engine](name, model) for name, model in own.items())
