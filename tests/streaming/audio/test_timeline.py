"""Tests that sound keeps its time: late starts and holes are filled with silence, within bounds."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from muxed import RATE, Samples, Track, muxed, once

from engines.errors import BadAudio
from streaming.audio.decode import decode
from streaming.audio.recording import MOST_SILENCE

Spans = list[tuple[float, float]]
CLOCKED = [("matroska", "libopus"), ("webm", "libopus"), ("mp4", "aac"), ("mpegts", "mp2"), ("mpegts", "aac"), ("ogg", "libopus"), ("flv", "aac"), ("nut", "flac")]  # fmt: skip


def tone(seconds: float = 1.0) -> Samples:
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


def chunks(data: bytes, max_seconds: float = 7200) -> list[bytes]:
    return list(decode(io.BytesIO(data), max_seconds=max_seconds))


def sounding(pcm: bytes) -> Spans:
    """Return the spans with sound, in seconds, as 20 ms tell them."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    frames = np.abs(samples[: len(samples) // 320 * 320].reshape(-1, 320)).max(axis=1) > 1000
    edges = np.flatnonzero(np.diff(frames.astype(int), prepend=0, append=0))
    return [
        (float(start) * 0.02, float(end) * 0.02) for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def near(*spans: tuple[float, float]) -> list[object]:
    return [pytest.approx(span, abs=0.12) for span in spans]


@pytest.mark.parametrize(("container", "codec"), CLOCKED)
def test_holes(container: str, codec: str) -> None:
    """What follows a hole in the timestamps comes at its time."""
    rate = 44_100 if container == "flv" else RATE
    sound = tone()[: round(rate)] if container == "flv" else tone()
    data = muxed(container, Track([(0.0, sound), (3.0, sound), (6.5, sound)], codec), rate=rate)

    assert sounding(b"".join(chunks(data))) == near((0.0, 1.0), (3.0, 4.0), (6.5, 7.5))


@pytest.mark.parametrize(
    ("container", "codec", "begin"),
    [("matroska", "libopus", 0.0), ("mp4", "aac", 0.0), ("mpegts", "mp2", 0.0), ("mov", "pcm_s16le", 0.0),
     ("matroska", "libopus", 1000.0), ("mpegts", "mp2", 1000.0), ("nut", "aac", 1000.0)],
)  # fmt: skip
def test_late_starts(container: str, codec: str, begin: float) -> None:
    """Sound that begins behind the picture comes at its time, whatever the clock shows at the begin."""
    data = muxed(container, Track([(2.0, tone())], codec), video_seconds=4.0, begin=begin)

    assert sounding(b"".join(chunks(data))) == near((2.0, 3.0))


def test_a_clock_that_begins_late() -> None:
    """A part of a broadcast, whose clock runs for long, begins with its sound."""
    data = muxed("matroska", once(tone()), begin=50_000.0)

    assert sounding(b"".join(chunks(data))) == near((0.0, 1.0))


@pytest.mark.parametrize("container", ["mp4", "mov", "ipod"])
@pytest.mark.parametrize("video_seconds", [0.0, 5.0])
def test_an_mp4_whose_sound_is_late(container: str, video_seconds: float) -> None:
    """The sound of an MP4 that begins four seconds late is heard so, whether it has a picture or not."""
    if container == "ipod" and video_seconds:
        pytest.skip("a file of sound alone")
    data = muxed(container, Track([(4.0, tone())], "aac"), video_seconds=video_seconds)

    assert sounding(b"".join(chunks(data))) == near((4.0, 5.0))


@pytest.mark.parametrize(("container", "codec"), [("matroska", "libopus"), ("mp4", "aac"), ("matroska", "libmp3lame"), ("ogg", "libopus")])  # fmt: skip
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_codec_delays_are_no_holes(container: str, codec: str, rate: int) -> None:
    """What a codec needs before and behind the sound is no hole, in a recording of many short frames either."""
    sound = 0.3 * np.sin(2 * np.pi * 440 * np.arange(20 * rate) / rate)
    data = muxed(container, once(sound, codec=codec), rate=rate)

    assert sounding(b"".join(chunks(data))) == near((0.0, 20.0))


def test_many_small_holes() -> None:
    """Holes too short to be filled one by one, as of lost packets, do not add up."""
    pieces = [(at * 0.56, tone(0.5)) for at in range(40)]
    pcm = b"".join(chunks(muxed("matroska", Track(pieces, "flac"))))

    assert len(pcm) / 32_000 == pytest.approx(39 * 0.56 + 0.5, abs=0.12)


def test_a_clock_that_goes_back() -> None:
    """No sound is lost or said twice where the clock goes back; holes behind it are filled again."""
    first = muxed("ogg", once(tone(2.0)))
    second = muxed("ogg", Track([(0.0, tone()), (3.0, tone())]))

    assert sounding(b"".join(chunks(first + second))) == near((0.0, 3.0), (5.0, 6.0))


def test_overlapping_timestamps() -> None:
    """Sound whose timestamps overlap is kept whole, one piece behind the other."""
    data = muxed("nut", Track([(0.0, tone(2.0)), (1.0, tone(2.0))], "flac"))

    assert len(b"".join(chunks(data))) / 32_000 == pytest.approx(4.0, abs=0.12)


@pytest.mark.parametrize("hole", [MOST_SILENCE + 10, 10_000_000.0])
def test_a_clock_that_jumps(hole: float) -> None:
    """A hole that is too long to be one is a jump of the clock: the sound goes on, and holes behind are filled."""
    data = muxed("matroska", Track([(0.0, tone()), (hole, tone()), (hole + 2.0, tone())]))

    assert sounding(b"".join(chunks(data))) == near((0.0, 2.0), (3.0, 4.0))


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libopus"), ("webm", "libopus"), ("nut", "libmp3lame")]
)
def test_a_hole_that_a_small_file_cannot_have(container: str, codec: str) -> None:
    """A few kilobytes are no recording of an hour: the clock has jumped, and the sound goes on."""
    data = muxed(container, Track([(0.0, tone()), (3000.0, tone())], codec))

    assert sounding(b"".join(chunks(data))) == near((0.0, 2.0))


def test_silence_makes_no_recording_too_long() -> None:
    """A recording that is short enough by its sound is not refused for a hole; a long one is, as before."""
    data = muxed("nut", Track([(0.0, tone()), (30.0, tone())], "flac"))

    assert sounding(b"".join(chunks(data, 10.0))) == near((0.0, 2.0))
    with pytest.raises(BadAudio, match="longer than 1 seconds"):
        chunks(data, 1.0)


def test_silence_is_bounded() -> None:
    """A long hole comes in chunks like any other sound, and is never held whole; all holes together have a
    bound.
    """
    data = muxed("matroska", Track([(0.0, tone()), (3000.0, tone()), (6000.0, tone())], "pcm_s16le"))
    tracemalloc.start()
    decoded, longest = 0, 0
    for chunk in decode(io.BytesIO(data), max_seconds=1e6):
        decoded, longest = decoded + len(chunk), max(longest, len(chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert decoded / 32_000 == pytest.approx(3002.0, abs=0.2)  # the second hole is over the bound
    assert longest <= 64_000
    assert peak < 4_000_000
