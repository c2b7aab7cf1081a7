"""Tests of telling whether two takes are the same reading."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streaming.audio.likeness import is_same_reading, reading_of

RATE = 24_000


def pulses(levels: list[int], noise: float = 0.0, seed: int = 0) -> bytes:
    """Return a tone whose loudness changes every 50 ms, with noise of a share of it."""
    envelope = np.repeat(levels, RATE // 20).astype(float)
    tone = envelope * np.sin(np.arange(len(envelope)) * 2 * np.pi * 180 / RATE)
    hiss = np.random.default_rng(seed).normal(0, 1, len(tone)) * noise * (envelope.mean() + 1)
    return bytes((tone + hiss).clip(-32768, 32767).astype("<i2"))


LEVELS = st.lists(st.sampled_from([0, 800, 4000, 12_000]), min_size=8, max_size=60).filter(
    lambda levels: len(set(levels)) > 2
)


@given(LEVELS, st.integers(1, 100))
def test_other_noise_is_the_same_reading(levels: list[int], seed: int) -> None:
    """Takes that differ in their noise alone are the same reading."""
    assert is_same_reading(reading_of(pulses(levels), RATE), reading_of(pulses(levels, 0.02, seed), RATE))


@given(LEVELS, st.data())
def test_a_lost_stretch_is_another_reading(levels: list[int], data: st.DataObject) -> None:
    """A take that lacks some of the other is another reading, and so is one in another order of its parts."""
    place = data.draw(st.integers(0, len(levels) - 1))
    whole = reading_of(pulses(levels), RATE)

    assert not is_same_reading(whole, reading_of(pulses(levels[:place] + levels[place + 1 :]), RATE))
    turned = levels[::-1]
    if np.corrcoef(levels, turned)[0, 1] < 0.8:
        assert not is_same_reading(whole, reading_of(pulses(turned), RATE))


def test_silence() -> None:
    """Two takes of nothing are the same, and so are two of silence."""
    assert is_same_reading(reading_of(b"", RATE), reading_of(b"", RATE))
    assert is_same_reading(reading_of(bytes(9600), RATE), reading_of(bytes(9600), RATE))
