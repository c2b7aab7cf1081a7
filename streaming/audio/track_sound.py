"""How much of a track is sound, and whether it moves as speech does: to tell the track with the voice from
one with a hum, noise, or a notification's beep.

A constant offset is no sound. Speech changes its loudness within a tenth of a second, again and again; hum
and noise hardly do, and a beep does at its edges only.

This module imports numpy, which costs 12 MB: import it where a recording with several tracks has come in.
"""

from __future__ import annotations

from contextlib import suppress

import av
import numpy as np

from streaming.audio.avio import FFMPEG_ERRORS
from streaming.audio.filters import Resampler

RATE = 16_000
"""Hertz, at which tracks are listened to"""
WINDOW = 800
"""samples that are measured together, 50 ms"""
SOUNDING = 33
"""of 32768, -60 dBFS, which the samples of a window with sound exceed, and codecs' noise does not"""
MOVING = 2.0
"""the ratio of two windows' loudness in high tones, 6 dB, from which on it has changed"""
LEAST_CHANGES = 5
"""of speech: one short word has as many"""
LEAST_SHARE = 0.1
"""of windows side by side with sound, between which speech changes"""


class TrackSound:
    """What was heard of a track so far, in seconds."""

    def __init__(self) -> None:
        self.decoded = 0.0
        self.sounding = 0.0
        self._resampler = Resampler(RATE)
        self._waiting = b""
        self._last = 0.0
        """the loudness of the last window; 0 where it was silent"""
        self._pairs = 0
        self._changes = 0

    @property
    def moves(self) -> bool:
        """Whether its loudness changes as that of speech does."""
        return self._changes >= max(LEAST_CHANGES, LEAST_SHARE * self._pairs)

    def add(self, frame: av.AudioFrame) -> None:
        """Measure one more frame."""
        with suppress(*FFMPEG_ERRORS):
            pcm = self._waiting + self._resampler.push(frame)
            whole = len(pcm) // (2 * WINDOW) * 2 * WINDOW
            self._waiting = pcm[whole:]
            self._measure(np.frombuffer(pcm[:whole], "<i2").reshape(-1, WINDOW).astype(np.float32))

    def _measure(self, windows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
        seconds = WINDOW / RATE
        peaks = np.abs(windows - windows.mean(axis=1, keepdims=True)).max(axis=1)
        # the difference of neighbours leaves low tones out, in which noise moves too
        loudness = np.sqrt((np.diff(windows, axis=1) ** 2).mean(axis=1))
        for peak, loud in zip(peaks.tolist(), loudness.tolist(), strict=True):
            now = loud if peak > SOUNDING else 0.0
            self.decoded += seconds
            self.sounding += seconds if now else 0.0
            if now and self._last:
                self._pairs += 1
                self._changes += max(now, self._last) >= MOVING * min(now, self._last)
            self._last = now
