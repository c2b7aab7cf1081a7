"""Measures of a sound, for telling voices apart and finding faults.

Samples are floats in -1..1, mono.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
FRAME = 1024
LOUD = 0.05
"""frames with less than this part of the loudest one's energy do not count"""
BEND = 0.02
"""a click bends the waveform by more than this"""
ISOLATED = 5.0
"""a click's bend is this many times as strong as the seventh strongest bend within 10 ms"""


def samples(pcm: bytes) -> Samples:
    """Return s16le PCM as samples."""
    return np.frombuffer(pcm, "<i2").astype(float) / 32768


def spectral_centroid(sound: Samples, rate: int) -> float:
    """Return the centre of the amplitude spectrum of the loud parts, their median in Hertz: how bright a
    voice is.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[:: FRAME // 2] * np.hanning(FRAME)
    amplitude = np.abs(np.fft.rfft(frames, axis=1))
    energy = (amplitude**2).sum(axis=1)
    loud = amplitude[energy > LOUD * energy.max()]
    return float(np.median((loud * np.fft.rfftfreq(FRAME, 1 / rate)).sum(axis=1) / loud.sum(axis=1)))


def clicks(sound: Samples, rate: int) -> list[float]:
    """Find clicks, in seconds: lone bends of the waveform, as where two pieces do not meet, or one starts or
    ends above zero.

    Clean speech of eSpeak NG stays below 3.5 times its surroundings; a step of 0.1 within a quiet place is 5
    or more. Small steps inside loud speech are not found, as they are inaudible.
    """
    reach = rate // 100
    bends = np.abs(np.diff(np.pad(sound, 2), 2))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(bends, reach), 2 * reach + 1)
    around = np.partition(windows, -7, axis=1)[:, -7]
    return [float(place) / rate for place in np.flatnonzero(bends > ISOLATED * np.maximum(around, BEND))]


def clipped(sound: Samples) -> int:
    """Return the number of samples that are at the end of the scale."""
    return int((np.abs(sound) >= 32767 / 32768).sum())
