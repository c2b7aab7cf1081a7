"""Tests of the conversion of float samples to PCM, and back."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import EngineFailed
from engines.toolkit.pcm import FULL_SCALE, LARGEST, from_floats, from_tensor, to_floats


def numbers(pcm: bytes) -> list[int]:
    """Return the samples of PCM as integers."""
    return [int(sample) for sample in np.frombuffer(pcm, "<i2")]


def test_floats_become_pcm() -> None:
    """Full scale is 32767, halves are rounded to the even number, and samples beyond the scale are limited."""
    samples = np.array([0, 1, -1, 2, -2, 1.5 / LARGEST, 2.5 / LARGEST], np.float32)

    assert numbers(from_floats(samples)) == [0, LARGEST, -LARGEST, LARGEST, -LARGEST, 2, 2]


def test_no_number_is_an_error() -> None:
    """A NaN is an error, as it would be silence that nobody notices; infinity is limited."""
    with pytest.raises(EngineFailed):
        from_floats(np.array([np.nan, 0.5], np.float32))
    assert numbers(from_floats(np.array([np.inf, -np.inf], np.float32))) == [LARGEST, -LARGEST]


def test_pcm_becomes_floats() -> None:
    """The smallest sample is -1, and no sample is changed by a conversion to floats and back."""
    every = np.arange(-32768, 32768, dtype="<i2")
    samples = to_floats(every.tobytes())

    assert samples.dtype == np.float32
    assert samples[0] == -1
    assert (samples * FULL_SCALE == every).all()


@pytest.mark.engines
def test_tensors_are_like_arrays() -> None:
    """A tensor of any shape and precision is converted as torch itself does."""
    torch = pytest.importorskip("torch")
    sound = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(0)).half()
    expected = (sound.float().clamp(-1, 1) * LARGEST).round().short().numpy().astype("<i2").tobytes()

    assert from_tensor(sound) == expected
