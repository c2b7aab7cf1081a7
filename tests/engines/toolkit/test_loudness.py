"""Loudness as engines measure it is that of FFmpeg's meter."""

from __future__ import annotations

import numpy as np
import pytest
from loudness import integrated_loudness

from engines.toolkit.loudness import loudness


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("hertz", [100, 300, 1_000, 4_000, 0])
def test_it_is_the_standards(rate: int, hertz: int) -> None:
    """Tones of several frequencies, and noise that comes and goes (0), are as loud as FFmpeg finds them."""
    times = np.arange(6 * rate) / rate
    noise = np.random.default_rng(1).standard_normal(len(times)) * (np.sin(2 * times) > 0)
    sound = (0.1 * np.sin(2 * np.pi * hertz * times) if hertz else 0.05 * noise).astype(np.float32)

    assert loudness(sound, rate) == pytest.approx(integrated_loudness(sound, rate), abs=0.05)


def test_silence_and_shortness() -> None:
    """Silence is infinitely quiet; what is shorter than a block is measured all the same."""
    assert loudness(np.zeros(16_000, np.float32), 16_000) == float("-inf")
    assert loudness(np.zeros(0, np.float32), 16_000) == float("-inf")
    assert loudness(np.full(1_000, 0.5, np.float32) * np.tile([1, -1], 500).astype(np.float32), 16_000) > -40
