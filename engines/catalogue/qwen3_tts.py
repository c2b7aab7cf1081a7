"""Records of Qwen3-TTS: models that clone, that have nine voices, and that speak with a described one."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from engines.catalogue.own import EngineName
from engines.catalogue.records import TOKENIZER_FILES, TORCH_DEVICES, Adapter, ModelRecord, VoiceType


def _engine(name: str, rank: int) -> Adapter:
    """Return the engine of one kind; all are run by the same code."""
    return Adapter(
        name=name,
        import_path="engines.adapters.qwen3_tts.engine:Qwen3Tts",
        packages=("torch", "transformers", "qwen_tts"),
        rank=rank,
        group="legacy457",
        voices="engines.adapters.qwen3_tts.voice_files:read_voices",
        request_options="engines.adapters.qwen3_tts.request_options:OPTIONS",
    )


QWEN3_TTS = _engine("qwen3-tts", 28)
QWEN3_TTS_CUSTOM = _engine("qwen3-tts-custom", 30)
QWEN3_TTS_DESIGN = _engine("qwen3-tts-design", 5)  # each text that it reads gets a voice of its own
FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "model-*.safetensors",
    "model.safetensors.index.json",
    *TOKENIZER_FILES,
    "speech_tokenizer/*.json",
    "speech_tokenizer/*.safetensors",
)
LANGUAGES = ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")
LARGE = "1.7B"
SMALL = "0.6B"
SIZES = {LARGE: 4_540_000_000, SMALL: 2_520_000_000}
"""bytes, from memory of what the hub listed; a pull asks the hub"""
KINDS: dict[str, tuple[str, VoiceType]] = {
    "qwen3-tts": ("Base", "cloned"),
    "qwen3-tts-custom": ("CustomVoice", "preset"),
    "qwen3-tts-design": ("VoiceDesign", "designed"),
}
"""for each engine the models' name, and the kind of voices"""
NEEDED = (
    "generation_config.json",
    "model*.safetensors",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "speech_tokenizer/config.json",
    "speech_tokenizer/model*.safetensors",
)
"""patterns of files, one of each of which a model of one's own has to have"""


def _model(engine: Adapter, size: str) -> ModelRecord:
    title, voices = KINDS[engine.name]
    return ModelRecord(
        name=f"{engine.name}-{size.lower()}",
        display=f"Qwen3-TTS {title}, {size}",
        engine=engine,
        repo=f"Qwen/Qwen3-TTS-12Hz-{size}-{title}",
        licence="Apache-2.0",
        kinds=("speech",),
        files=FILES,
        rank=int(size == LARGE),
        size_bytes=SIZES[size],
        languages=LANGUAGES,
        voice_types=(voices,),
        streaming=True,
        instruct=engine is not QWEN3_TTS and size == LARGE,
        requires=TORCH_DEVICES,
    )


QWEN3_TTS_MODELS = (
    _model(QWEN3_TTS, LARGE),
    _model(QWEN3_TTS, SMALL),
    _model(QWEN3_TTS_CUSTOM, LARGE),
    _model(QWEN3_TTS_CUSTOM, SMALL),
    _model(QWEN3_TTS_DESIGN, LARGE),
)


def own_models() -> tuple[tuple[EngineName, str, ModelRecord], ...]:
    """Return for each engine what config.json calls its kind, and a record for models of one's own."""
    large = [record for record in QWEN3_TTS_MODELS if record.name.endswith(LARGE.lower())]
    base, custom, design = (msgspec.structs.replace(record, size_bytes=0, rank=0) for record in large)
    return (
        ("qwen3-tts", "base", base),
        ("qwen3-tts-custom", "custom_voice", custom),
        ("qwen3-tts-design", "voice_design", design),
    )


def missing_file(files: Sequence[str]) -> str:
    """Return what files of a model lack, in words that go on "It is a …, but "; empty where nothing is."""
    for pattern in NEEDED:
        if not any(fnmatchcase(file, pattern) for file in files):
            return f"its {pattern} is missing: copy that of the model that it was made of"
    return ""
