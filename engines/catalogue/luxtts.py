"""The record of LuxTTS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engines.catalogue.records import Adapter, ModelRecord

LUXTTS_ENGINE = Adapter(
    name="luxtts",
    import_path="engines.adapters.luxtts.engine:LuxTTS",
    packages=("torch", "torchaudio", "zipvoice", "linacodec", "vocos", "lhotse", "piper_phonemize"),
    rank=25,
    group="legacy457",
    added_as="luxtts",
    request_options="engines.adapters.luxtts.request_options:OPTIONS",
)

LUXTTS = ModelRecord(
    name="luxtts",
    display="LuxTTS, English and Chinese at 48 kHz",
    engine=LUXTTS_ENGINE,
    repo="YatharthS/LuxTTS",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("config.json", "tokens.txt", "model.pt", "vocoder/config.yaml", "vocoder/vocos.bin"),
    size_bytes=600_000_000,  # by the numbers of weights that its shapes have
    languages=("en", "zh"),
    sample_rate=48_000,
    voice_types=("cloned",),
    requires=("cpu", "cuda", "mps"),
    tier="experimental",
)


def is_luxtts(files: Iterable[str], config: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint is a LuxTTS, by its parts and what its config.json describes."""
    return {"model", "feature"} <= config.keys() and "tokens.txt" in files


def missing_file(files: Iterable[str]) -> str:
    """Return which file a LuxTTS lacks, in words that go on "It is a …, but "; empty where none is."""
    missing = [file for file in LUXTTS.files if file not in files]
    return f"its {missing[0]} is missing: copy that of the model that it was made of" if missing else ""
