"""Audio at another rate, by soxr."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def resample(samples: Floats, rate: int, wanted_rate: int) -> Floats:
    """Return a whole recording at another rate, lower or higher; nothing of it is lost at its ends."""
    if rate == wanted_rate or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted_rate), np.float32)
