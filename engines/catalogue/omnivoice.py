"""The record of OmniVoice."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from engines.catalogue.records import TOKENIZER_FILES, TORCH_DEVICES, Adapter, ModelRecord

OMNIVOICE_ENGINE = Adapter(
    name="omnivoice",
    import_path="engines.adapters.omnivoice.engine:OmniVoice",
    packages=("torch", "torchaudio", "transformers", "soundfile", "omnivoice"),
    rank=4,  # below Qwen3-TTS VoiceDesign, which understands whole descriptions
    request_options="engines.adapters.omnivoice.request_options:OPTIONS",
)
OMNIVOICE = ModelRecord(
    name="omnivoice",
    display="OmniVoice, some six hundred languages",
    engine=OMNIVOICE_ENGINE,
    repo="k2-fsa/OmniVoice",
    licence="Apache-2.0",
    kinds=("speech",),
    files=(
        "config.json",
        "model*.safetensors",
        "model.safetensors.index.json",
        *TOKENIZER_FILES,
        "audio_tokenizer/*.json",
        "audio_tokenizer/*.safetensors",
    ),
    voice_types=("cloned", "designed"),
    requires=TORCH_DEVICES,
    tier="experimental",
)
"""its licence and files are from memory, and its size is not known"""
NEEDED = (
    "model*.safetensors",
    "tokenizer_config.json",
    "audio_tokenizer/config.json",
    "audio_tokenizer/*.safetensors",
)


def missing_file(files: Iterable[str]) -> str:
    """Return which file an OmniVoice lacks, in words that go on "It is a …, but "; empty where none is."""
    there = tuple(files)
    lacking = (one for one in NEEDED if not any(fnmatchcase(file, one) for file in there))
    return next((f"its {one} is missing: copy that of the model that it was made of" for one in lacking), "")
