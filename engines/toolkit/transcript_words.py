"""The words of a transcript: their letters without punctuation, and their log-probabilities."""

from __future__ import annotations

import math

PUNCTUATION = " \"'“”‘’«»‹›¡!¿?.。．,，、;；:：…()（）[]{}「」『』-–—"
"""characters that are no part of a word at its edges"""
MIN_PROBABILITY = 1e-10
"""a probability may underflow to nothing, which has no logarithm"""


def strip_punctuation(word: str) -> str:
    """Return a word without the spaces and punctuation around it; nothing when it is no word."""
    return word.strip(PUNCTUATION)


def log_probability(probability: float) -> float:
    """Return the logarithm of a probability, which rounding may have pushed out of its range."""
    return math.log(min(1.0, max(MIN_PROBABILITY, probability)))
