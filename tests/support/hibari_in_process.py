"""Hibari in this very process, loaded once: for tests of what it says rather than of how it is run."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from outputs import QUIET, run_speech

pytest.importorskip("hibari", reason="hibari-tts is not installed: pip install -e '.[natural]'")

from engines.adapters.hibari.engine import Hibari
from engines.api import Audio, EngineInfo, Place, SpeechEvent, SpeechJob, Word

RATE = 24_000
SEED = 5


class Spoken(NamedTuple):
    """What a job gave; `ahead` tells for each word whether it came before the sample it begins at."""

    sound: NDArray[np.float64]
    """-1..1"""
    pcm: bytes
    words: list[Word]
    ahead: list[bool]
    chunk_sizes: list[int]
    """bytes"""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / RATE


@lru_cache(1)
def loaded() -> tuple[Hibari, EngineInfo]:
    """Load the engine; give it and its account of itself."""
    engine = Hibari()
    return engine, engine.load(Place(), QUIET)


def speak(job: SpeechJob, engine: Hibari | None = None) -> Spoken:
    """Speak a job to its end."""
    pcm = bytearray()
    words: list[Word] = []
    ahead: list[bool] = []
    sizes: list[int] = []

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Word):
            words.append(event)
            ahead.append(event.time * RATE >= len(pcm) / 2 - 1)
        elif event.pcm:
            pcm.extend(event.pcm)
            sizes.append(len(event.pcm))
        return True

    run_speech(engine or loaded()[0], job, emit)
    sound = np.frombuffer(pcm, "<i2").astype(float) / 32768
    return Spoken(sound, bytes(pcm), words, ahead, sizes)


def say(text: str, voice: str = "", seed: int | None = SEED, **fields: Any) -> Spoken:
    """Speak a text."""
    return speak(SpeechJob(text, voice, seed=seed, **fields))


def spoken_words(text: str) -> list[str]:
    """Give the words that are announced while a text is spoken, as they stand in it."""
    return [text[word.start : word.end] for word in say(text).words]


def is_audio(event: SpeechEvent) -> bool:
    """Tell whether an event carries sound; an engine asks with an empty one whether it should go on."""
    return isinstance(event, Audio) and bool(event.pcm)
