"""Recordings of tones, and the frequencies of the tones that the engine `mimic` speaks with."""

from __future__ import annotations

from array import array
from itertools import pairwise

import numpy as np

from engines.fakes.sine import RATE

WORD_SAMPLES = round(0.12 * RATE)
"""samples of a word of `mimic`, with the gap behind it"""


def tone(*hertz: float, seconds: float = 1.0) -> bytes:
    """Return PCM of tones that are equally loud."""
    times = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * one * times) for one in hertz) / len(hertz)
    return np.asarray(16000 * sound).astype("<i2").tobytes()


def word_frequencies(pcm: bytes) -> list[float]:
    """Return the frequency of each word, by its zero crossings."""
    found = []
    for start in range(0, len(pcm) // 2, WORD_SAMPLES):
        word = array("h", pcm)[start + 240 : start + 2160]
        crossings = [at for at, (one, other) in enumerate(pairwise(word)) if one < 0 <= other]
        found.append((len(crossings) - 1) * RATE / (crossings[-1] - crossings[0]))
    return found
