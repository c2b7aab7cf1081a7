"""Measure how loud speech is, in LUFS, as broadcasters do: ITU-R BS.1770 and EBU R 128, for mono.

The weighting is applied to the spectra of blocks rather than by filters, which is the same for their power.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BLOCK_SECONDS = 0.4
STEPS = 4
"""in which a block moves on: they overlap by three quarters"""
OFFSET = -0.691
SILENT = -70.0
"""LUFS: a block below it does not count, nor does one that is far below the mean of those above it"""
FAR_BELOW = 10.0
SHELF = (1681.974450955533, 3.999843853973347, 0.7071752369554196)
"""Hertz, decibels and quality of the standard's first filter, which is the effect of a head"""
SHELF_SLOPE = 0.4996667741545416
HIGH_PASS = (38.13547087602444, 0.5003270373238773)
"""Hertz and quality of its second one; both as its reference for any rate has them"""


def loudness(sound: Floats, rate: int) -> float:
    """Return the integrated loudness of samples in [-1, 1]; minus infinity where there is only silence."""
    size = round(BLOCK_SECONDS * rate)
    padded = np.pad(sound, (0, max(0, size - len(sound))))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // STEPS]
    weights = _weights(np.fft.rfftfreq(size, 1 / rate), rate)
    power = np.array([2 * np.sum(np.abs(np.fft.rfft(block)) ** 2 * weights) / size**2 for block in blocks])
    audible = power[power > _power(SILENT)]
    if not len(audible):
        return float("-inf")
    loud = audible[audible > audible.mean() * 10 ** (-FAR_BELOW / 10)]
    return float(OFFSET + 10 * np.log10(loud.mean()))


def _power(level: float) -> float:
    return float(10 ** ((level - OFFSET) / 10))


def _weights(hertz: NDArray[np.floating], rate: int) -> NDArray[np.float64]:
    """Return the power gain of both filters at some frequencies."""
    z = np.exp(-2j * np.pi * hertz / rate)
    frequency, decibels, quality = SHELF
    k = np.tan(np.pi * frequency / rate)
    high = 10 ** (decibels / 20)
    middle = high**SHELF_SLOPE
    shelf = (
        (high + middle * k / quality + k**2)
        + 2 * (k**2 - high) * z
        + (high - middle * k / quality + k**2) * z**2
    ) / ((1 + k / quality + k**2) + 2 * (k**2 - 1) * z + (1 - k / quality + k**2) * z**2)
    frequency, quality = HIGH_PASS
    k = np.tan(np.pi * frequency / rate)
    first = 1 + k / quality + k**2
    high_pass = (1 - 2 * z + z**2) / (1 + (2 * (k**2 - 1) * z + (1 - k / quality + k**2) * z**2) / first)
    return np.asarray(np.abs(shelf * high_pass) ** 2, np.float64)
