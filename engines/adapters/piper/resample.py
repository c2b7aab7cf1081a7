"""Bring sound from one rate to another."""

from __future__ import annotations

from math import gcd

import numpy as np

from engines.adapters.piper.network import Floats


def resample(sound: Floats, rate: int, wanted: int) -> Floats:
    """Return a sound at another rate, by its spectrum: it should begin and end in silence."""
    if rate == wanted or not len(sound):
        return sound
    step, new_step = rate // gcd(rate, wanted), wanted // gcd(rate, wanted)
    padded = np.pad(sound, (0, -len(sound) % step))
    count = len(padded) // step * new_step
    spectrum = np.fft.rfft(padded)
    kept = spectrum[: count // 2 + 1]
    spread = np.fft.irfft(kept, count) * (new_step / step)
    return np.asarray(spread[: round(len(sound) * wanted / rate)], np.float32)
