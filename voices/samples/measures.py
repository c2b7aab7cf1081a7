"""Measures of a recorded voice: loudness, share of silence, clipping, and whether anybody speaks.

Sounds are mono, floats in -1..1. Levels are in dBFS, of the root mean square of frames of 20 ms; 0 is that of
a square wave at full scale. This module imports numpy, which costs 12 MB: import it where a recording has
come in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Levels = NDArray[np.float64]
FrameMask = NDArray[np.bool_]
"""one value a frame"""

FRAME_SECONDS = 0.02
FLOOR = -120.0
"""dBFS, of digital silence"""
SOUNDING = 40.0
"""decibels below the loudest frame, within which frames count for how loud a recording is at its loudest"""
PERCENTILE = 95
"""of those frames' levels, which is that loudness: a mere click is not"""
ACTIVE = 30.0
"""decibels below that loudness, down to which speech goes"""
LOUD = 12.0
"""decibels below that loudness, down to which vowels go"""
EXTREME = 0.98
"""of full scale: a recording is clipped where its extreme is beyond"""
NEAR = 0.0002
"""how near to the extreme a clipped sample is, as a share of it"""
RUN = 3
"""clipped samples are so many in a row, or more"""
PITCH_SECONDS = 0.05
"""of a window: a pitch of 60 Hz needs three periods"""
PITCH_RATE = 8000
"""Hertz: speech has enough of its harmonics below 4 kHz"""
MOST_FRAMES = 2000
"""in which pitch is looked for: enough to know the share"""
LOWEST = 60
"""Hertz, the lowest pitch of voices"""
HIGHEST = 500
"""Hertz, the highest pitch of voices"""
PERIODIC = 0.5
"""of the autocorrelation at 0: a period comes back to so much"""


def samples(pcm: bytes) -> Sound:
    """Return s16le PCM as floats."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def pcm(sound: Sound) -> bytes:
    """Return floats as s16le PCM."""
    return np.rint(sound * 32768).clip(-32768, 32767).astype("<i2").tobytes()


def frame_length(rate: int) -> int:
    """Return how many samples a frame has."""
    return round(FRAME_SECONDS * rate)


def levels(sound: Sound, rate: int) -> Levels:
    """Return the level of every frame; silence fills the last one up, and there is at least one."""
    size = frame_length(rate)
    count = max(1, -(-len(sound) // size))
    frames = np.pad(sound, (0, count * size - len(sound))).reshape(count, size)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / size
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR / 10)))  # type: ignore[no-any-return]


def mean_level(levels: Levels) -> float:
    """Return the average of levels by their energy."""
    return float(10 * np.log10((10 ** (levels / 10)).mean()))


def movement(levels: Levels) -> float:
    """Return how far levels vary, in decibels, but for the lowest and the highest tenth, where a steady sound
    begins and ends.
    """
    low, high = np.percentile(levels, [10, 90])
    return float(high - low)


def active(levels: Levels) -> FrameMask:
    """Return which frames are not silence: within 30 dB of the loudest.

    The mean level of these is an active speech level in the manner of ITU-T P.56, with a gate that is
    relative to the recording itself, as in ITU-R BS.1770, in place of the search for a threshold.
    """
    return levels > max(FLOOR, _loudest(levels) - ACTIVE)


def loud(levels: Levels) -> FrameMask:
    """Return which frames are loud: of speech these are vowels mostly, and not the noise in its pauses."""
    return levels > max(FLOOR, _loudest(levels) - LOUD)


def _loudest(levels: Levels) -> float:
    """Return the level of the loudest sound that is no mere click."""
    return float(np.percentile(levels[levels >= levels.max() - SOUNDING], PERCENTILE))


def clipped(sound: Sound) -> float:
    """Return the share of the samples, 0..1, that stand in a row at the extreme, where that is nearly full
    scale.
    """
    edges = (edge for edge in (sound.max(initial=0), sound.min(initial=0)) if abs(edge) >= EXTREME)
    return sum(_in_runs(sound / edge >= 1 - NEAR) for edge in edges) / max(1, len(sound))


def _in_runs(there: FrameMask) -> int:
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= RUN].sum())


def voiced(sound: Sound, rate: int, gate: FrameMask) -> float:
    """Return the share of the gate's frames, 0..1, that have the pitch of a voice.

    They have one where the autocorrelation of the 50 ms around them, divided by that of the window, comes
    back to half of what it was (Boersma 1993, "Accurate short-term analysis of the fundamental frequency").
    """
    frames = np.flatnonzero(gate)
    frames = frames[:: len(frames) // MOST_FRAMES + 1]
    step = rate // PITCH_RATE
    slow = sound[: len(sound) // step * step].reshape(-1, step).mean(axis=1)
    size = round(PITCH_SECONDS * rate / step)
    slow = np.pad(slow, (size // 2, size))
    starts = ((frames + 0.5) * frame_length(rate) / step).astype(int)
    windows = np.lib.stride_tricks.sliding_window_view(slow, size)[starts]
    return float((_periodicity(windows, rate / step) >= PERIODIC).mean()) if len(frames) else 0.0


def _periodicity(windows: Sound, rate: float) -> Sound:
    """Return the highest peak of each window's normalised autocorrelation, among the periods of voices.

    The spectrum is tilted by 3 dB an octave first: the autocorrelation of pink noise has no peaks then, and
    that of rumble few.
    """
    size = windows.shape[1]
    window = np.hanning(size)
    power = _power(windows * window, 2 * size) * _tilt(2 * size, rate)
    shortest, longest = int(rate / HIGHEST), int(rate / LOWEST) + 1
    own = np.fft.irfft(_power(window, 2 * size))[: longest + 1]
    curve = np.fft.irfft(power, axis=1)[:, : longest + 1] / own
    inner = curve[:, shortest:longest]
    peaks = (inner >= curve[:, shortest - 1 : longest - 1]) & (inner >= curve[:, shortest + 1 :])
    return np.where(peaks, inner, 0).max(axis=1) / np.maximum(curve[:, 0], 1e-12)  # type: ignore[no-any-return]


def _power(windows: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    return np.abs(np.fft.rfft(windows, size)) ** 2


def _tilt(size: int, rate: float) -> NDArray[np.floating]:
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    return np.where(frequencies < LOWEST, 0, frequencies)
