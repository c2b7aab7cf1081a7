"""Tests of the joiner: sample rate, tempo and the joins of segments, continuous over the response."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.audio.joiner import Joiner
from streaming.audio.resampling import TempoResampler


def tone(frequency: float = 440, seconds: float = 2.0, rate: int = 22_050, phase: float = 0.0) -> bytes:
    t = np.arange(round(seconds * rate)) / rate
    return (10_000 * np.sin(2 * np.pi * frequency * t + phase)).astype("<i2").tobytes()


def converted(pcm: bytes, rate: int, tempo: float = 1.0, step: int = 2646) -> np.ndarray:
    resampler = TempoResampler(rate, tempo=tempo)
    out = (
        b"".join(resampler.push(pcm[start : start + step]) for start in range(0, len(pcm), step))
        + resampler.finish()
    )
    return np.frombuffer(out, "<i2").astype(float)


def frequency(samples: np.ndarray, rate: int = 24_000) -> float:
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    return float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * rate / len(middle))


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_resampling(rate: int) -> None:
    """Any engine's rate becomes 24 kHz, with the same duration and pitch."""
    out = converted(tone(rate=rate), rate)

    assert len(out) == 48_000
    assert frequency(out) == pytest.approx(440, rel=0.01)


@given(
    st.sampled_from([8000, 16_000, 22_050, 44_100, 48_000]), st.integers(100, 40_000), st.integers(50, 5000)
)
@settings(max_examples=40, deadline=None)
def test_resampled_length(rate: int, samples: int, step: int) -> None:
    """The length is exact to one sample, however PCM is cut."""
    assert abs(len(converted(bytes(2 * samples), rate, step=2 * step)) - samples * 24_000 / rate) <= 1


def test_resampling_is_clean() -> None:
    """A resampled tone has its phase and loudness, and is 60 dB above whatever the resampler adds."""
    out = converted(tone(), 22_050)[2400:-2400]
    due = np.frombuffer(tone(rate=24_000), "<i2").astype(float)[2400:-2400]

    assert 10 * np.log10((due**2).mean() / ((out - due) ** 2).mean()) > 60


def test_the_same_rate_and_tempo_change_nothing() -> None:
    """Where rate and tempo stay, the bytes are unchanged."""
    assert np.array_equal(converted(tone(rate=24_000), 24_000), np.frombuffer(tone(rate=24_000), "<i2"))


@pytest.mark.parametrize("tempo", [0.25, 0.4, 0.55, 0.9, 1.1, 1.6, 2.5, 4.0])
def test_tempo_keeps_pitch(tempo: float) -> None:
    """Tempo changes the duration by its factor, and not the pitch."""
    out = converted(tone(), 22_050, tempo)

    assert len(out) == pytest.approx(48_000 / tempo, rel=0.03)
    assert frequency(out) == pytest.approx(440, rel=0.01)


def test_no_audio() -> None:
    """No audio stays no audio, at any tempo."""
    for tempo in (1.0, 1.5):
        assert len(converted(b"", 22_050, tempo)) == 0


def joined(segments: list[bytes], rate: int = 22_050, step: int = 500) -> np.ndarray:
    joiner, out = Joiner(rate), b""
    for segment in segments:
        joiner.begin()
        out += b"".join(joiner.push(segment[start : start + step]) for start in range(0, len(segment), step))
        out += joiner.end()
    return np.frombuffer(out, "<i2").astype(float)


def test_joins_do_not_click() -> None:
    """Segments that begin and end far from zero are joined without a jump, and begin without one."""
    loud = tone(phase=1.5, seconds=0.1013)
    out = joined([loud, loud, loud])

    assert (
        np.abs(np.diff(out)).max() < 1.1 * np.abs(np.diff(np.frombuffer(tone(), "<i2").astype(float))).max()
    )
    assert abs(out[0]) < 200
    assert abs(out[-1]) < 200


def test_quiet_edges_are_left_alone() -> None:
    """Where nothing would click, no sample is changed."""
    quiet = bytes(400) + tone(seconds=0.1) + bytes(400)

    assert np.array_equal(joined([quiet, quiet]), np.frombuffer(quiet + quiet, "<i2"))


@given(st.lists(st.integers(0, 400), max_size=4), st.integers(1, 50))
@settings(deadline=None)
def test_no_sample_is_lost(lengths: list[int], step: int) -> None:
    """However short segments are, and however they are cut into chunks, all samples come out."""
    segments = [tone(phase=1.0)[: 2 * length] for length in lengths]

    assert len(joined(segments, step=2 * step)) == sum(lengths)
