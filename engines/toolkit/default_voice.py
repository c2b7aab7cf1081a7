"""A voice for models that have none of their own, and take another for each text.

A page that is read sentence by sentence would change its speaker at every stop. So such a model says a line
once, always with the same random numbers, and clones that recording wherever no voice is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
LINE = "Hello! This is how I sound, whatever I am asked to read."
SEEDS = range(3)
LEAST, FAINT = 0.5, 0.01
"""seconds, and of full scale: what is shorter or fainter is no voice"""
LOUDEST = 32767


def own_voice(say: Callable[[str, int], tuple[Floats, bool]], rate: int, heard: int) -> bytes | None:
    """Give a recording as s16le mono PCM at `heard` Hertz; None where no try came to an end that is speech.

    `say` speaks a text with a seed, and gives samples in [-1, 1] at `rate` Hertz, and whether it came to its
    end by itself.
    """
    for seed in SEEDS:
        sound, ended = say(LINE, seed)
        if ended and len(sound) >= LEAST * rate and np.abs(sound).max() > FAINT:
            return (resampled(sound, rate, heard).clip(-1, 1) * LOUDEST).round().astype("<i2").tobytes()
    return None


def resampled(sound: Floats, rate: int, wanted: int) -> Floats:
    """Give a whole recording at another rate, lower or higher: its spectrum is cut off, or padded, at the new
    one's half.
    """
    count = round(len(sound) * wanted / rate)
    made = np.fft.irfft(np.fft.rfft(sound), count) * (count / len(sound))
    return np.asarray(made, np.float32)
