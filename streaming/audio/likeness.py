"""Tell whether two takes are the same reading: as long to the sample, and as loud at each moment.

An engine whose seed changes no more than the noise in its sound gives that, and one that has no chance in it
at all. Where a reading differs, so does its length or its course.
"""

from __future__ import annotations

import math
from array import array

import msgspec

BLOCK_SECONDS = 0.02
"""the stretch of audio whose loudness is measured"""
STRIDE = 16
"""one sample in so many is enough to measure it"""
LEAST_CORRELATION = 0.99
"""of the loudness of two takes of one reading; hibari's with two seeds: 0.999"""


class Reading(msgspec.Struct, frozen=True):
    """The course of a take's loudness."""

    samples: int
    loudness: tuple[int, ...]
    """of each 20 ms"""


def reading_of(pcm: bytes, rate: int) -> Reading:
    """Measure a take's PCM, s16le mono at `rate` Hertz."""
    samples = array("h", pcm)
    block = round(BLOCK_SECONDS * rate)
    blocks = (samples[start : start + block : STRIDE] for start in range(0, len(samples), block))
    return Reading(len(samples), tuple(sum(map(abs, one)) // len(one) for one in blocks))


def is_same_reading(one: Reading, other: Reading) -> bool:
    """Return whether two takes are the same reading."""
    if one.samples != other.samples:
        return False
    if one.loudness == other.loudness:
        return True
    count = len(one.loudness)
    first_mean, second_mean = sum(one.loudness) / count, sum(other.loudness) / count
    first = [value - first_mean for value in one.loudness]
    second = [value - second_mean for value in other.loudness]
    scale = math.sqrt(_product(first, first) * _product(second, second))
    return scale > 0 and _product(first, second) / scale > LEAST_CORRELATION


def _product(one: list[float], other: list[float]) -> float:
    """Return the scalar product of two lists."""
    return sum(a * b for a, b in zip(one, other, strict=True))
