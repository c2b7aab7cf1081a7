"""Tests of the tempo filter: the requested duration, the original pitch, whole to the end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.audio.tempo import PAD_SECONDS, TempoFilter

RATE = 22_050
TEMPI = [0.25, 0.3, 0.5, 0.8, 1.25, 2.0, 2.5, 4.0]


def bursts(seconds: float = 3.0) -> bytes:
    """Return a tone of 50 ms every half second, each higher than the last, one at the very end."""
    sound = np.zeros(round(seconds * RATE))
    t = np.arange(RATE // 20) / RATE
    for number in range(round(2 * seconds)):
        start = number * RATE // 2
        sound[start : start + len(t)] = 9000 * np.sin(2 * np.pi * (500 + 150 * number) * t)
    sound[-len(t) :] = 9000 * np.sin(2 * np.pi * 2000 * t)
    return sound.astype("<i2").tobytes()


def filtered(pcm: bytes, tempo: float, step: int = 882) -> np.ndarray:
    tempo_filter = TempoFilter(RATE, tempo)
    out = (
        b"".join(tempo_filter.push(pcm[start : start + step]) for start in range(0, len(pcm), step))
        + tempo_filter.finish()
    )
    return np.frombuffer(out, "<i2").astype(float)


def onsets(samples: np.ndarray, quiet: float) -> np.ndarray:
    """Return where sound begins after at least `quiet` seconds without any."""
    loud = np.flatnonzero(np.abs(samples) > 1000)
    return loud[np.diff(loud, prepend=-RATE) > quiet * RATE]


@pytest.mark.parametrize("tempo", TEMPI)
def test_length(tempo: float) -> None:
    """The duration is what the tempo makes it: never shorter, and longer by less than a window."""
    out, due = len(filtered(bursts(), tempo)), 3 * RATE / tempo

    assert -1 <= out - due <= 0.03 * RATE


@pytest.mark.parametrize("tempo", TEMPI)
def test_every_burst_comes_once(tempo: float) -> None:
    """Each burst comes out once, at its time, the one at the very end too."""
    out = filtered(bursts(), tempo)
    found = onsets(out, 0.2 / tempo)

    assert len(found) == 7
    assert found * tempo / RATE == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 2.95], abs=0.15)
    tail = out[-round(0.05 * RATE / tempo) - RATE // 50 :]
    assert np.abs(tail).max() > 4000


@pytest.mark.parametrize("tempo", TEMPI)
def test_sound_does_not_wait_for_the_end(tempo: float) -> None:
    """Output begins after a quarter of a second of input, at any tempo."""
    tempo_filter, sound = TempoFilter(RATE, tempo), bursts()

    assert any(tempo_filter.push(sound[start : start + 1764]) for start in range(0, RATE // 4 * 2, 1764))


@given(st.integers(0, 3000), st.sampled_from(TEMPI))
@settings(max_examples=40, deadline=None)
def test_short_sounds(samples: int, tempo: float) -> None:
    """Sounds shorter than atempo's window come out with their duration, longer at most by the padding."""
    out, due = len(filtered(bursts()[: 2 * samples], tempo)), samples / tempo

    assert -1 <= out - due <= PAD_SECONDS * RATE
    assert (out == 0) == (samples == 0) or due < 1


@pytest.mark.parametrize("tempo", [0.0, -1.0, 0.01, 50.0, float("nan"), float("inf")])
def test_impossible_tempo(tempo: float) -> None:
    """An impossible tempo is refused at once."""
    with pytest.raises(ValueError, match="tempo must be"):
        TempoFilter(RATE, tempo)


def test_the_end_can_be_asked_for_twice() -> None:
    """Asking for the end a second time returns nothing."""
    tempo_filter = TempoFilter(RATE, 1.5)
    tempo_filter.push(bursts())

    assert tempo_filter.finish()
    assert tempo_filter.finish() == b""
