"""The first job of a model, for which nobody waits: kernels are chosen and caches filled before it says that
it is ready.
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
SECONDS = 1.5
PITCH, FORMANTS = 80, (390, 2300, 2850)
"""Hertz, of a vowel"""


def warm_up(engine: Any, info: EngineInfo) -> None:  # noqa: ANN401 - an engine of whichever kind
    """Speak until the first audio comes, or hear a vowel. What cannot be done is no fault: real jobs will say
    so.
    """
    try:
        if info.speech and hasattr(engine, "speak"):
            engine.speak(SpeechJob(TEXT, ""), _until_audio)
        elif info.speech:
            engine.speak_batch([BatchItem(SpeechJob(TEXT, ""), _until_audio, lambda _: None)])
        if info.transcription:
            engine.transcribe(TranscriptionJob(), iter([vowel(info.transcription.sample_rate)]), _all)
    except MemoryError:
        raise
    except (
        Exception
    ) as exc:  # a library may stumble over what nobody asked for; out of memory it would for everybody
        if "out of memory" in str(exc):
            raise
        print(f"not warmed up: {type(exc).__name__}: {exc}", file=sys.stderr)


def _until_audio(event: SpeechEvent) -> bool:
    return not (isinstance(event, Audio) and event.pcm)


def _all(_event: TranscriptionEvent) -> bool:
    return True


def vowel(rate: int) -> bytes:
    """Make a vowel that swells six times a second, which voice detection takes for speech: s16le PCM at
    `rate` Hertz.
    """
    import numpy as np

    time = np.arange(round(SECONDS * rate)) / rate
    phase = 2 * np.pi * np.cumsum(PITCH * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))) / rate
    wave = np.zeros(len(time))
    for number in range(1, min(6500, rate // 2) // PITCH):
        loudness = sum(
            1 / (1 + ((number * PITCH - formant) / (60 + 0.05 * formant)) ** 2) for formant in FORMANTS
        )
        wave += loudness / number**0.3 * np.sin(number * phase)
    wave *= 0.1 + 0.9 * np.abs(np.sin(np.pi * 6 * time))
    return bytes((0.3 * 32767 * wave / np.abs(wave).max()).astype("<i2").tobytes())
