"""Tell whether two takes are the same reading: as long, and as loud at each moment.

An engine whose seed changes no more than the noise in its sound gives that, and one that has hardly any
chance in it. Where words or the melody differ, so do length or course.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import msgspec

BLOCK_SECONDS = 0.04
"""the stretch of audio whose loudness is measured"""
STRIDE = 16
"""one sample in so many is enough to measure it"""
LENGTH_SECONDS = 0.01
"""by which the lengths of takes of one reading differ..."""
LENGTH_SHARE = 0.003
"""...and the share of it besides: eSpeak's differ by 0.2 %"""
QUIET = 100
"""loudness, of 32768, below which there is nothing but noise"""
WINDOW_BLOCKS = 50
"""two seconds: in each of them the loudness must run alike, so that one word among many is noticed"""
LEAST_CORRELATION = 0.8
"""of the loudness within a window: hibari's takes have 0.99, eSpeak's 0.85; without a word it is below 0.7"""


class Reading(msgspec.Struct, frozen=True):
    """The course of a take's loudness."""

    seconds: float
    loudness: tuple[int, ...]
    """of each 40 ms"""


def reading_of(pcm: bytes, rate: int) -> Reading:
    """Measure a take's PCM, s16le mono at `rate` Hertz."""
    samples = array("h", pcm)
    block = round(BLOCK_SECONDS * rate)
    blocks = (samples[start : start + block : STRIDE] for start in range(0, len(samples), block))
    return Reading(len(samples) / rate, tuple(sum(map(abs, one)) // len(one) for one in blocks))


def is_same_reading(one: Reading, other: Reading) -> bool:
    """Return whether two takes are the same reading."""
    if abs(one.seconds - other.seconds) > LENGTH_SECONDS + LENGTH_SHARE * one.seconds:
        return False
    count = min(len(one.loudness), len(other.loudness))
    starts = {*range(0, count - WINDOW_BLOCKS, WINDOW_BLOCKS), max(0, count - WINDOW_BLOCKS)}
    return all(_runs_alike(one.loudness[start:][:WINDOW_BLOCKS], other.loudness[start:]) for start in starts)


def _runs_alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether two stretches of loudness rise and fall together, as long as both last."""
    pairs = list(zip(one, other, strict=False))
    if all(first == second or max(first, second) < QUIET for first, second in pairs):
        return True
    first_mean = sum(first for first, _ in pairs) / len(pairs)
    second_mean = sum(second for _, second in pairs) / len(pairs)
    product = sum((first - first_mean) * (second - second_mean) for first, second in pairs)
    first_square = sum((first - first_mean) ** 2 for first, _ in pairs)
    second_square = sum((second - second_mean) ** 2 for _, second in pairs)
    return product > LEAST_CORRELATION * math.sqrt(first_square * second_square)
