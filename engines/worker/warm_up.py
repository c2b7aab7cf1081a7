"""The first job of a model, for which nobody waits: kernels are chosen and caches filled before it reports
that it is ready.
"""

from __future__ import annotations

import sys
from typing import Any

from engines.api import (
    Audio,
    BatchItem,
    EngineInfo,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
)

TEXT = "Hello there."
VOWEL_SECONDS = 1.5
PITCH = 80
"""Hertz, of the vowel"""
FORMANTS = (390, 2300, 2850)
"""Hertz, of the vowel"""


def warm_up(engine: Any, info: EngineInfo) -> None:  # noqa: ANN401 - an engine of whichever kind
    """Speak until the first audio comes, or transcribe a vowel.

    What cannot be done is no error: real jobs will report it. Raises what the engine raises when it is out of
    memory.
    """
    try:
        if info.speech and hasattr(engine, "speak"):
            engine.speak(SpeechJob(TEXT, ""), _stop_at_audio)
        elif info.speech:
            engine.speak_batch([BatchItem(SpeechJob(TEXT, ""), _stop_at_audio, lambda _: None)])
        if info.transcription:
            audio = iter([vowel(info.transcription.sample_rate)])
            engine.transcribe(TranscriptionJob(), audio, _accept)
    except MemoryError:
        raise
    except Exception as exc:  # a library may stumble over this text alone; without memory it would over all
        if "out of memory" in str(exc):
            raise
        print(f"not warmed up: {type(exc).__name__}: {exc}", file=sys.stderr)


def _stop_at_audio(event: SpeechEvent) -> bool:
    return not (isinstance(event, Audio) and event.pcm)


def _accept(_event: TranscriptionEvent) -> bool:
    return True


def vowel(rate: int) -> bytes:
    """Return a vowel that swells six times a second, which voice detection accepts as speech: s16le PCM at
    `rate` Hertz.
    """
    import numpy as np

    time = np.arange(round(VOWEL_SECONDS * rate)) / rate
    phase = 2 * np.pi * np.cumsum(PITCH * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))) / rate
    wave = np.zeros(len(time))
    for harmonic in range(1, min(6500, rate // 2) // PITCH):
        loudness = sum(
            1 / (1 + ((harmonic * PITCH - formant) / (60 + 0.05 * formant)) ** 2) for formant in FORMANTS
        )
        wave += loudness / harmonic**0.3 * np.sin(harmonic * phase)
    wave *= 0.1 + 0.9 * np.abs(np.sin(np.pi * 6 * time))
    return bytes((0.3 * 32767 * wave / np.abs(wave).max()).astype("<i2").tobytes())
