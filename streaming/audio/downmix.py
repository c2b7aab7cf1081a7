"""Several channels into one, without any of them cancelling another.

The plain mean of the channels loses what is in them with opposite signs: a microphone wired the wrong way
round is silence then, and so is a voice that was widened. So, from the first frame on in which the mean would
lose something, channels are added at different phases, spread over half a circle: left and right at 90
degrees keep each other's power, whatever signs they have. Up to then, and where all channels are the same to
the end, it is their mean.

A Hilbert transform turns all frequencies by 90 degrees; any other angle is a sum of the sound and its
transform, so that one is enough for all channels. It is a FIR filter (windowed, Oppenheim and Schafer,
"Discrete-Time Signal Processing", chapter 12), as long as 16 ms.

This module imports numpy, which costs 12 MB: import it where a recording with several channels has come in.
"""

from __future__ import annotations

from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEFT = ("FL", "BL", "SL", "FLC", "WL", "TFL", "TBL", "TSL", "DL")
"""FFmpeg's names of the channels on the left"""
RIGHT = ("FR", "BR", "SR", "FRC", "WR", "TFR", "TBR", "TSR", "DR")
WEIGHTS = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
"""by which channels are added, as FFmpeg adds them: speech in films is in the centre"""
OTHER_WEIGHT = 0.5
LOW = frozenset({"LFE", "LFE2"})
"""channels of low tones, which are left out; where one holds others, as of a microphone, it is none"""
HIGHEST_LOW = 200.0
"""Hertz, to which the mean tone of such a channel may come; they are made of up to 120"""
LOST = 0.01
"""of the mean's power, that what is lost in it may have: joint stereo codecs make some noise"""
INAUDIBLE = 3e-7
"""of full scale's power, -65 dBFS"""
HALF_LENGTH_SECONDS = 0.008
FADE_SECONDS = 0.02
"""from the mean to the sum at different phases"""


class Downmix:
    """Mixes the channels of one layout, in s16 frames at `rate` Hertz.

    Their channels are interleaved: PyAV crashes over eight planes, as it looks for a ninth.
    """

    def __init__(self, channels: Sequence[str], rate: int) -> None:
        self._rate = rate
        self._names = list(channels)
        self._weigh()
        self._filter = _hilbert(max(1, round(HALF_LENGTH_SECONDS * rate)))
        self._half = len(self._filter) // 2
        self._fade_samples = max(1, round(FADE_SECONDS * rate))
        self._spread = False
        """whether channels are added at different phases from here on"""
        self._channels: Floats = np.zeros((len(channels), 2 * self._half), np.float32)
        """what the filter looks at, before and behind the samples that are next: silence first"""
        self._pending = -self._half
        """samples that wait in it; negative while the filter is filled"""

    def push(self, frame: av.AudioFrame) -> bytes:
        """Mix a frame, and return the PCM that is ready."""
        interleaved = frame.to_ndarray().reshape(-1, len(self._weights))
        return self._mixed(interleaved.T.astype(np.float32))

    def finish(self) -> bytes:
        """Return the rest of the PCM."""
        return self._mixed(np.zeros((len(self._weights), self._half), np.float32))

    def _weigh(self) -> None:
        """Set what each channel is multiplied by, for the mean and at different phases."""
        weights = np.array([WEIGHTS.get(name, OTHER_WEIGHT) for name in self._names], np.float32)
        self._weights: Floats = weights / weights.sum() if weights.any() else weights + 1 / len(weights)
        turns = np.exp(1j * _phases(self._names))
        self._in_phase: Floats = (self._weights * turns.real).astype(np.float32)
        self._turned: Floats = (self._weights * turns.imag).astype(np.float32)

    def _find_misnamed(self, channels: Floats) -> None:
        """Take a channel for any other from where on it holds more than low tones."""
        misnamed = [
            at
            for at, name in enumerate(self._names)
            if name in LOW and _mean_tone(channels[at], self._rate) > HIGHEST_LOW
        ]
        if misnamed:
            for at in misnamed:
                self._names[at] = f"{at}"
            self._weigh()

    def _mixed(self, channels: Floats) -> bytes:
        if not LOW.isdisjoint(self._names):
            self._find_misnamed(channels)
        begins = not self._spread and self._loses(channels)
        known = np.concatenate([self._channels, channels], axis=1)
        count = channels.shape[1]
        self._channels = known[:, count:]
        now = known[:, self._half : self._half + count]
        mixed = self._weights @ now
        if self._spread or begins:
            spread = self._in_phase @ now + np.convolve(self._turned @ known, self._filter, "valid")
            mixed = _faded(mixed, spread, self._fade_samples) if begins else spread
            self._spread = True
        skipped = min(count, max(0, -self._pending))
        self._pending += skipped
        return bytes(np.rint(mixed[skipped:]).clip(-32768, 32767).astype("<i2"))

    def _loses(self, channels: Floats) -> bool:
        """Tell whether the mean of channels loses more than a codec's noise."""
        scaled = channels / 32768
        mean = float(((self._weights @ scaled) ** 2).mean())
        lost = float((self._weights @ scaled**2).mean()) - mean
        return lost > max(INAUDIBLE, LOST * mean)


def _mean_tone(sound: Floats, rate: int) -> float:
    """Return the mean frequency of a sound in Hertz, weighted by power; 0 of silence."""
    scaled = sound / 32768
    power = float((scaled**2).mean()) if len(scaled) else 0.0
    if power <= INAUDIBLE:
        return 0.0
    return float(np.sqrt((np.diff(scaled) ** 2).sum() / (power * len(scaled)))) * rate / (2 * np.pi)


def _faded(one: Floats, other: Floats, samples: int) -> Floats:
    """Go over from one sound to another within so many samples."""
    share: Floats = np.linspace(0, len(one) / samples, len(one), dtype=np.float32).clip(0, 1)
    faded: Floats = one + (other - one) * share
    return faded


def _phases(channels: Sequence[str]) -> NDArray[np.float64]:
    """Return the angle of each channel: the centre has none, left ones some, and right ones more."""
    order = sorted(range(len(channels)), key=lambda at: (channels[at] in RIGHT, channels[at] in LEFT, at))
    audible = [at for at in order if WEIGHTS.get(channels[at], OTHER_WEIGHT)]
    phases = np.zeros(len(channels))
    for step, at in enumerate(audible):
        phases[at] = np.pi * step / len(audible)
    return phases


def _hilbert(half: int) -> Floats:
    """Return the impulse response of a Hilbert transform, from `half` samples before to as many behind."""
    at = np.arange(-half, half + 1)
    ideal = np.where(at % 2, 2 / (np.pi * np.where(at, at, 1)), 0)
    return (ideal * np.hamming(len(at))).astype(np.float32)
