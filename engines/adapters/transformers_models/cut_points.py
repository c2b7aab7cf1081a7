"""Where to cut speech that goes on for longer than a model hears at once: in the last pause, or at the
quietest place.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from engines.toolkit.vad import Silero, Speech
from engines.toolkit.windows import LONGEST, RATE, STEP, Floats

PAUSE = 0.2
"""seconds"""
EARLIEST = 0.5
"""the part of a window that is heard in any case"""
QUIET = round(0.2 * RATE)
"""samples of the quietest place"""


def heard_until(samples: Floats, silero: Silero | None) -> int:
    """Give how many of a window's samples are to be heard now; all, where it is not full."""
    if len(samples) <= LONGEST - STEP:
        return len(samples)
    found = _pause(samples, silero) if silero else None
    return found or _quietest(samples)


def _pause(samples: Floats, silero: Silero) -> int | None:
    """Find the middle of the last pause, if there is one late enough."""
    speech = Speech(silero, pause=PAUSE, padding=0.0)
    spans = [*speech.push((samples * 32768).astype("<i2").tobytes()), *speech.finish()]
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(spans)]
    late = [round(middle * RATE) for middle in middles if middle * RATE >= EARLIEST * len(samples)]
    return late[-1] if late else None


def _quietest(samples: Floats) -> int:
    energy = np.cumsum(np.square(samples, dtype=np.float64))
    first = round(EARLIEST * len(samples))
    sums = energy[first + QUIET :: STEP] - energy[first:-QUIET:STEP]
    return first + int(sums.argmin()) * STEP + QUIET // 2
