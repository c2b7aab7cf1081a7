"""Where to cut speech that is longer than a model takes: in the last pause, or at the quietest point."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from engines.toolkit.pcm import FULL_SCALE
from engines.toolkit.vad import SAMPLE_RATE, Floats, Silero, SpeechDetector
from engines.toolkit.windows import HOP_LENGTH, MAX_WINDOW_SAMPLES

PAUSE_SECONDS = 0.2
MIN_FRACTION = 0.5
"""the part of a window before which it is not cut"""
QUIET_SAMPLES = round(0.2 * SAMPLE_RATE)
"""length of the quietest stretch"""


def cut_point(samples: Floats, silero: Silero | None) -> int:
    """Return how many of a window's samples to transcribe now; all, where it is not full."""
    if len(samples) <= MAX_WINDOW_SAMPLES - HOP_LENGTH:
        return len(samples)
    pause = _last_pause(samples, silero) if silero else None
    return pause or _quietest_point(samples)


def _last_pause(samples: Floats, silero: Silero) -> int | None:
    """Return the middle of the last pause; None where there is none late enough."""
    detector = SpeechDetector(silero, pause=PAUSE_SECONDS, padding=0.0)
    spans = [*detector.push((samples * FULL_SCALE).astype("<i2").tobytes()), *detector.finish()]
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(spans)]
    late_enough = [
        round(middle * SAMPLE_RATE)
        for middle in middles
        if middle * SAMPLE_RATE >= MIN_FRACTION * len(samples)
    ]
    return late_enough[-1] if late_enough else None


def _quietest_point(samples: Floats) -> int:
    """Return the middle of the stretch with the least energy."""
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    first = round(MIN_FRACTION * len(samples))
    sums = energy[first + QUIET_SAMPLES :: HOP_LENGTH] - energy[first:-QUIET_SAMPLES:HOP_LENGTH]
    return first + int(sums.argmin()) * HOP_LENGTH + QUIET_SAMPLES // 2
