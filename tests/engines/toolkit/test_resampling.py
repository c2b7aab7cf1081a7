"""Tests of audio at another rate."""

from __future__ import annotations

import numpy as np
import pytest

from engines.toolkit.resampling import resample


def tone(hertz: float, rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)


@pytest.mark.parametrize(("rate", "wanted"), [(24_000, 16_000), (16_000, 24_000), (22_050, 48_000)])
def test_a_tone_stays_a_tone(rate: int, wanted: int) -> None:
    """A second of a tone is one of the same tone at the other rate, from its first to its last sample."""
    found = resample(tone(440, rate), rate, wanted)
    assert found.dtype == np.float32
    assert len(found) == wanted
    inner = slice(wanted // 50, -wanted // 50)  # a tone that is cut off has no clean ends at any rate
    assert np.abs(found - tone(440, wanted))[inner].max() < 1e-3


def test_what_the_lower_rate_cannot_hold_is_left_out() -> None:
    """It does not come back as a tone of another height."""
    assert np.abs(resample(tone(11_000, 24_000), 24_000, 16_000)[1000:-1000]).max() < 1e-3


def test_nothing_to_do() -> None:
    """At its own rate a recording stays what it is, and an empty one is empty."""
    samples = tone(440, 16_000)
    assert resample(samples, 16_000, 16_000) is samples
    assert len(resample(samples[:0], 16_000, 24_000)) == 0
