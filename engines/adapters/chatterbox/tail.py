"""Where the speech in a recording ends: what Chatterbox adds behind it, after a long silence, is noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.02
SILENT_SHARE = 0.01
"""of the loudest frame's level, which is 40 dB below it: a frame below this is silent"""
GAP_SECONDS = 1.0
"""a silence this long is no pause within a segment, which is a sentence or two"""
REST_SECONDS = 0.3
"""of a silence that are kept"""
FADE_SECONDS = 0.01
LETTER_SECONDS = 0.06
"""of a letter, spoken quickly: what is shorter than all the letters of a text is hardly all of it"""
SYLLABLE_SECONDS = 0.15
"""likewise of a character of a script that writes syllables or words"""
FIRST_SYLLABLE = "\u1100"
"""from this character on, nearly: Hangul, kana, ideographs"""


def quickest_seconds(text: str) -> float:
    """Return how long a text takes at the least, about."""
    return sum(
        SYLLABLE_SECONDS if char >= FIRST_SYLLABLE else LETTER_SECONDS for char in text if char.isalnum()
    )


def without_tail(samples: NDArray[np.float32], rate: int, least_seconds: float) -> NDArray[np.float32]:
    """Return samples of speech up to the first long silence after so many seconds, by when all can be said.

    `samples` are mono at `rate` Hertz. A silence at their end is shortened likewise, whenever it begins.
    """
    size = round(FRAME_SECONDS * rate)
    count = len(samples) // size
    if not count:
        return samples
    frames = samples[: count * size].reshape(count, size)
    levels = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1))
    end = _speech_end(levels > SILENT_SHARE * levels.max(), least_seconds / FRAME_SECONDS)
    if end is None:
        return samples
    kept = samples[: (end + round(REST_SECONDS / FRAME_SECONDS)) * size].copy()
    fade = min(len(kept), round(FADE_SECONDS * rate))
    kept[len(kept) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return kept


def _speech_end(loud: NDArray[np.bool_], least: float) -> int | None:
    """Return the frame behind the last one of speech; None where no long silence follows any."""
    gap = round(GAP_SECONDS / FRAME_SECONDS)
    places = [int(place) for place in np.flatnonzero(loud)]
    for last, following in pairwise([*places, len(loud)]):
        at_the_end = following == len(loud)
        if following - last > gap and (at_the_end or last >= least):
            return last + 1
    return None
