"""Sine tones, which the fake engines speak with."""

from __future__ import annotations

import math
from array import array

RATE = 24_000
"""Hertz"""
AMPLITUDE = 19_660
"""60 % of full scale"""
RAMP = RATE // 200
"""samples in which a tone fades in and out: 5 ms"""


def faded_sine(frequency: float, count: int) -> array[int]:
    """Return so many samples of a tone at `frequency` Hertz that fades in and out."""
    step = 2 * math.pi * frequency / RATE
    return array(
        "h",
        (
            round(AMPLITUDE * min(1.0, i / RAMP, (count - 1 - i) / RAMP) * math.sin(step * i))
            for i in range(count)
        ),
    )
