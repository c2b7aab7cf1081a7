"""The record of LuxTTS."""

from __future__ import annotations

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
