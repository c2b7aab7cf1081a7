"""Speak and hear: what a server says in some manner, decoded, and what the ear makes of it.

Each answer is asked for and heard once, however many measurements look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import msgspec
import numpy as np

from bench.quality import ear, speakers
from bench.quality.corpus import Text
from bench.quality.scoring import Score, score, total
from bench.quality.sound import EAR_RATE, PCM_RATE, Samples, decoded
from bench.quality.speakers import Manner
from bench.target import Target


class Extent(msgspec.Struct, frozen=True):
    """How much is measured."""

    lists: int = 20
    """of Harvard sentences"""
    long_texts: int = 200
    sentences: int = 24
    """in a long text"""
    streams: int = 32


class Listener:
    """Speaks by a server and hears with the ear."""

    def __init__(self, target: Target, engines: Sequence[str], extent: Extent | None = None) -> None:
        self.target = target
        self.engines = list(engines)
        self.extent = extent or Extent()
        self._transcripts: dict[tuple[str, Manner], str] = {}
        self._lock = Lock()

    def sound(self, text: str, manner: Manner, rate: int = EAR_RATE) -> Samples:
        """Return what is said, decoded."""
        return decoded(speakers.speak(self.target, text, manner), manner.format, rate)

    def pcm(self, text: str, manner: Manner) -> Samples:
        """Return what is said as it left the server, at 24 kHz, undecoded."""
        answer = speakers.speak(self.target, text, manner)
        return np.asarray(np.frombuffer(answer, "<i2") / 32768, np.float32)

    def transcripts(self, texts: Sequence[Text], manner: Manner) -> list[str]:
        """Return what is heard of texts, each spoken by a request of its own."""
        ear.whisper()  # so that it is loaded once, and not by each thread
        with ThreadPoolExecutor(ear.AT_ONCE) as pool:
            return list(pool.map(lambda text: self._transcript(text.spoken, manner), texts))

    def score(self, texts: Sequence[Text], manner: Manner) -> Score:
        """Return the errors in what is heard of texts."""
        return total(map(score, texts, self.transcripts(texts, manner)))

    def _transcript(self, text: str, manner: Manner) -> str:
        with self._lock:
            known = self._transcripts.get((text, manner))
        if known is None:
            known = ear.transcribe(self.sound(text, manner))
            with self._lock:
                self._transcripts[text, manner] = known
        return known


def heard(sounds: Sequence[Samples], rate: int = PCM_RATE) -> list[str]:
    """Return the transcripts of recordings, in their order."""
    ear.whisper()
    with ThreadPoolExecutor(ear.AT_ONCE) as pool:
        return list(pool.map(lambda sound: ear.transcribe(sound, rate), sounds))
