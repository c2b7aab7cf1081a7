"""Tests of telling whether two takes are the same reading."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from espeak_in_process import RATE as ESPEAK_RATE
from espeak_in_process import say
from hypothesis import given
from hypothesis import strategies as st

from streaming.audio.likeness import is_same_reading, reading_of

RATE = 24_000
BEAT = 0.1
"""seconds that each level of loudness lasts"""


def pulses(levels: list[int], noise: float = 0.0, seed: int = 0) -> bytes:
    """Return a tone whose loudness changes with each beat, with noise of a share of it."""
    envelope = np.repeat(levels, round(RATE * BEAT)).astype(float)
    tone = envelope * np.sin(np.arange(len(envelope)) * 2 * np.pi * 180 / RATE)
    hiss = np.random.default_rng(seed).normal(0, 1, len(tone)) * noise * (envelope.mean() + 1)
    return bytes((tone + hiss).clip(-32768, 32767).astype("<i2"))


LEVELS = st.lists(st.integers(1, 3), min_size=8, max_size=60).map(
    lambda steps: [[0, 800, 4000, 12_000][level % 4] for level in accumulate(steps)]
)
"""no two beside each other are alike"""


@given(LEVELS, st.integers(1, 100))
def test_other_noise_is_the_same_reading(levels: list[int], seed: int) -> None:
    """Takes that differ in their noise alone are the same reading."""
    assert is_same_reading(reading_of(pulses(levels), RATE), reading_of(pulses(levels, 0.005, seed), RATE))


@given(LEVELS, st.data())
def test_a_lost_stretch_is_another_reading(levels: list[int], data: st.DataObject) -> None:
    """A take that lacks a beat of the other is another reading, however long they are."""
    place = data.draw(st.integers(0, len(levels) - 1))
    lacking = levels[:place] + levels[place + 1 :]

    assert not is_same_reading(reading_of(pulses(levels), RATE), reading_of(pulses(lacking), RATE))


@given(st.lists(st.sampled_from([0, 6000, 12_000]), min_size=20, max_size=100), st.data())
def test_another_course_is_another_reading(levels: list[int], data: st.DataObject) -> None:
    """A take that is as long, and whose sound runs otherwise for a second anywhere, is another reading."""
    place = data.draw(st.integers(0, len(levels) - 10))
    here, there = levels.copy(), levels.copy()
    here[place : place + 10] = [0, 12_000] * 5
    there[place : place + 10] = [12_000, 0] * 5

    assert not is_same_reading(reading_of(pulses(here), RATE), reading_of(pulses(there), RATE))


def test_silence() -> None:
    """Two takes of nothing are the same, and so are two of silence; a sound is none of it."""
    assert is_same_reading(reading_of(b"", RATE), reading_of(b"", RATE))
    assert is_same_reading(reading_of(bytes(9600), RATE), reading_of(bytes(9600), RATE))
    assert not is_same_reading(reading_of(bytes(9600), RATE), reading_of(pulses([0, 12_000]), RATE))


def test_espeak_has_one_reading() -> None:
    """eSpeak's takes differ by some samples each time, and are the same reading; without a word they are not."""
    text = "A pot of tea helps to pass the evening. Smoky fires lack flame and heat. The sun rose, and it was there."
    first, second = say(text), say(text)
    known = reading_of(first.pcm, ESPEAK_RATE)

    assert is_same_reading(known, reading_of(second.pcm, ESPEAK_RATE))
    for number in range(1, len(second.words) - 1):
        start, end = (2 * round(ESPEAK_RATE * second.words[place].time) for place in (number, number + 1))
        if end - start > ESPEAK_RATE // 5:
            lacking = second.pcm[:start] + second.pcm[end:]
            assert not is_same_reading(known, reading_of(lacking, ESPEAK_RATE))
