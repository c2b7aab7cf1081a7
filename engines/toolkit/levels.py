"""Make a sound as loud as speech is elsewhere without clipping it, and take the silence off its ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CEILING = 0.89
"""of full scale, -1 dB: no peak is higher"""
BLOCKS_A_SECOND = 500
"""whose loudness is measured, each by itself: 2 ms"""
HOLD = 4
"""blocks before and behind a peak that are held down with it"""
SMOOTHING = HOLD - 1
"""blocks either way over which the gain is averaged: one less, so that no peak is let through"""
SILENCE = 1e-3
"""of full scale, -60 dB: a block with less is silent"""
LEADS_A_SECOND = 67
"""of the silence that is left before the first sound: 15 ms"""
FADES_A_SECOND = 200
"""of which one is how long a cut end is faded: 5 ms"""


def find_sound(sound: Floats, rate: int) -> tuple[int, int]:
    """Return where sound begins and ends, in samples; nothing but silence begins at its end."""
    size = rate // BLOCKS_A_SECOND
    blocks = sound[: len(sound) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > SILENCE)
    if not len(loud):
        return len(sound), len(sound)
    return int(loud[0]) * size, min(len(sound), (int(loud[-1]) + 1) * size)


def trim(sound: Floats, pause: float, rate: int) -> tuple[Floats, int]:
    """Return a sound with 15 ms of silence before it and `pause` seconds behind it, its ends faded, and how
    many samples were cut off before it. Nothing where there is only silence.
    """
    begin, end = find_sound(sound, rate)
    if begin == end:
        return sound[:0], 0
    start = max(0, begin - rate // LEADS_A_SECOND)
    fade = rate // FADES_A_SECOND
    length = end - start + round(pause * rate)
    kept = sound[start : start + length]
    trimmed = np.zeros(length, np.float32)
    trimmed[: len(kept)] = kept
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    trimmed[:fade] *= ramp[:length]
    trimmed[max(0, len(kept) - fade) : len(kept)] *= ramp[::-1][-len(kept) :]
    return trimmed, start


def amplify(sound: Floats, decibels: float, rate: int) -> Floats:
    """Return a sound made louder, with its peaks held down below the ceiling by gain that moves slowly."""
    louder = sound * np.float32(10 ** (decibels / 20))
    size = rate // BLOCKS_A_SECOND
    count = -(-len(louder) // size)
    peaks = np.abs(np.pad(louder, (0, count * size - len(louder)))).reshape(-1, size).max(axis=1, initial=0)
    if not count or peaks.max() <= CEILING:
        return louder
    allowed = np.minimum(1, CEILING / np.maximum(peaks, CEILING))
    held = _windows(allowed, HOLD).min(axis=1)
    gain = _windows(held, SMOOTHING).mean(axis=1)
    centres = (np.arange(count) + 0.5) * size
    return np.asarray(louder * np.interp(np.arange(len(louder)), centres, gain), np.float32)


def _windows(values: NDArray[np.floating], reach: int) -> NDArray[np.floating]:
    """Return each value with its neighbours within reach, [values, 2 * reach + 1]."""
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
