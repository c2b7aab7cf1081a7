"""Tests of a recording's windows: their contents, when they come, and that nothing else is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_whisper_sounds import BYTES_PER_SECOND, RATE, samples, silence, sound

from engines.toolkit.vad import Silero
from engines.toolkit.windows import CONTEXT_SAMPLES, HOP_LENGTH, MAX_WINDOW_SAMPLES, Window, Windows

SPEECH_BYTES = round(79.9 * BYTES_PER_SECOND)


@lru_cache(1)
def speech() -> bytes:
    """Return PCM of sounds of two to thirty-five seconds, with pauses between them."""
    return (
        silence(2)
        + sound("hello", 28.9)
        + silence(6)
        + sound("count", 35)
        + silence(2)
        + sound("morgen", 2)
        + silence(4)
    )  # SPEECH_BYTES in all


@lru_cache(1)
def silero() -> Silero:
    """Load the network."""
    return Silero()


def chunks(pcm: bytes, size: int) -> Iterator[bytes]:
    """Return PCM in chunks of `size` bytes."""
    return (pcm[start : start + size] for start in range(0, len(pcm), size))


def cut(
    pcm: bytes, *, vad: bool, size: int = BYTES_PER_SECOND, transcribed: tuple[float, ...] = (1.0,)
) -> list[Window]:
    """Return all windows, where fractions of them are transcribed, in rotation."""
    windows = Windows(chunks(pcm, size), silero() if vad else None, lambda _: None)
    fractions = cycle(transcribed)
    found = []
    while window := windows.next_window():
        found.append(window)
        windows.advance(next(fractions) * len(window.samples) / RATE)
    assert windows.duration == len(pcm) // 2 / RATE
    return found


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    """Return start and end of each, in seconds."""
    return [(window.start, window.start + len(window.samples) / RATE) for window in windows]


def test_a_recording_is_cut_every_thirty_seconds() -> None:
    """Without voice detection windows follow each other, 30 seconds each, and end with the recording."""
    assert spans(cut(sound("hello", 40) + sound("count", 25.5), vad=False)) == [(0, 30), (30, 60), (60, 65.5)]


def test_a_window_begins_where_the_transcript_of_the_last_ends() -> None:
    """The part of a window that was not transcribed is in the next one."""
    assert [start for start, _ in spans(cut(sound("hello", 50), vad=False, transcribed=(0.5, 1.0, 1.0)))] == [
        0,
        15,
        45,
    ]


@pytest.mark.parametrize("vad", [True, False])
def test_a_window_holds_the_recordings_samples(vad: bool) -> None:
    """A window's samples are the recording's, with some context, and it begins on a frame of the spectrum."""
    whole = samples(speech())
    for window in cut(speech(), vad=vad, transcribed=(0.7, 1.0)):
        start = round(window.start * RATE)
        assert start % HOP_LENGTH == 0
        assert np.array_equal(window.samples, whole[start : start + len(window.samples)])
        assert np.array_equal(
            window.samples_with_context,
            whole[start - window.context_before :][: len(window.samples_with_context)],
        )
        assert window.context_before == min(start, CONTEXT_SAMPLES)
        assert window.context_after <= CONTEXT_SAMPLES
        assert len(window.samples) <= MAX_WINDOW_SAMPLES


@pytest.mark.engines  # the network in faster-whisper takes less of these sounds for speech than silero-vad's
def test_silence_is_in_no_window() -> None:
    """With voice detection a window begins a little before speech, and ends a little after it."""
    found = spans(cut(speech(), vad=True))

    expected = [(1.6, 31.3), (36.5, 66.5), (66.5, 76.3)]
    assert np.array(found) == pytest.approx(np.array(expected), abs=0.3)


@pytest.mark.parametrize("vad", [True, False])
@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(2000, SPEECH_BYTES), transcribed=st.lists(st.floats(0.3, 1.0), min_size=1, max_size=4)
)
def test_chunks_do_not_matter(vad: bool, size: int, transcribed: list[float]) -> None:
    """The windows are the same in whatever chunks the recording came."""
    found, expected = (
        cut(speech(), vad=vad, size=one, transcribed=tuple(transcribed)) for one in (size, 16_000)
    )

    assert spans(found) == spans(expected)
    assert all(
        np.array_equal(one.samples_with_context, other.samples_with_context)
        for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize(("vad", "name"), [(True, ""), (True, "hello"), (False, "hello")])
def test_nothing_is_kept_that_is_processed(vad: bool, name: str) -> None:
    """However long the recording, little more than a window of it is in memory."""
    pcm = sound(name, 1) if name else silence(1)
    windows = Windows(iter([silence(1)] + [pcm] * 300), silero() if vad else None, lambda _: None)
    longest = 0
    while window := windows.next_window():
        longest = max(longest, len(windows._pcm))
        windows.advance(len(window.samples) / RATE)

    assert longest <= 36 * BYTES_PER_SECOND
    assert len(windows._pcm) <= 36 * BYTES_PER_SECOND


def test_progress_never_goes_back() -> None:
    """Progress never decreases, also where voice detection finds that speech began a while ago."""
    progress: list[float] = []
    windows = Windows(chunks(speech(), 1000), silero(), progress.append)
    while window := windows.next_window():
        windows.advance(len(window.samples) / RATE)
        progress.append(windows.processed_seconds)

    assert progress == sorted(progress)
    assert progress[-1] == pytest.approx(len(speech()) / BYTES_PER_SECOND, abs=0.5)


def test_a_time_behind_the_window_is_its_end() -> None:
    """A time of the model's beyond the window becomes the window's end."""
    window = cut(sound("hello", 2), vad=False)[0]

    assert [window.recording_time(seconds) for seconds in (0.5, 2.0, 7.3)] == [0.5, 2.0, 2.0]
