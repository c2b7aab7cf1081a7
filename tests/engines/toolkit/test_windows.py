"""The windows that a recording is cut into: what they hold, when they are given, and that nothing else is
kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_whisper import RATE, SECOND, samples, silence, sound

from engines.toolkit.vad import Silero
from engines.toolkit.windows import CONTEXT, LONGEST, STEP, Window, Windows

SPEECH = (
    silence(2)
    + sound("hello", 28.9)
    + silence(6)
    + sound("count", 35)
    + silence(2)
    + sound("morgen", 2)
    + silence(4)
)


@lru_cache(1)
def silero() -> Silero:
    """Load the network."""
    return Silero()


def chunks(pcm: bytes, size: int) -> Iterator[bytes]:
    return (pcm[start : start + size] for start in range(0, len(pcm), size))


def cut(pcm: bytes, *, vad: bool, size: int = SECOND, heard: tuple[float, ...] = (1.0,)) -> list[Window]:
    """Give all windows, of each of which a part is said to have been heard."""
    windows = Windows(chunks(pcm, size), silero() if vad else None, lambda _: None)
    parts, out = cycle(heard), []
    while window := windows.next():
        out.append(window)
        windows.advance(next(parts) * len(window.own) / RATE)
    assert windows.duration == len(pcm) // 2 / RATE
    return out


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    """Give begin and end of each, in seconds."""
    return [(window.start, window.start + len(window.own) / RATE) for window in windows]


def test_a_recording_is_cut_every_thirty_seconds() -> None:
    """Without voice detection windows follow each other, 30 seconds each, and end with the recording."""
    assert spans(cut(sound("hello", 40) + sound("count", 25.5), vad=False)) == [(0, 30), (30, 60), (60, 65.5)]


def test_a_window_begins_where_the_last_was_heard_to() -> None:
    """What has not been heard of a window is in the next one."""
    assert [start for start, _ in spans(cut(sound("hello", 50), vad=False, heard=(0.5, 1.0, 1.0)))] == [
        0,
        15,
        45,
    ]


@pytest.mark.parametrize("vad", [True, False])
def test_a_window_holds_the_recordings_samples(vad: bool) -> None:
    """Its samples are those of the recording, with what surrounds them, and it begins on a frame of the
    spectrum.
    """
    whole = samples(SPEECH)
    for window in cut(SPEECH, vad=vad, heard=(0.7, 1.0)):
        start = round(window.start * RATE)
        assert start % STEP == 0
        assert np.array_equal(window.own, whole[start : start + len(window.own)])
        assert np.array_equal(window.samples, whole[start - window.before :][: len(window.samples)])
        assert window.before == min(start, CONTEXT)
        assert window.after <= CONTEXT
        assert len(window.own) <= LONGEST


def test_silence_is_in_no_window() -> None:
    """With voice detection a window begins a little before speech, and ends a little after it."""
    found = spans(cut(SPEECH, vad=True))

    wanted = [(1.6, 31.3), (36.5, 66.5), (66.5, 76.3)]
    assert np.array(found) == pytest.approx(np.array(wanted), abs=0.3)


@pytest.mark.parametrize("vad", [True, False])
@settings(max_examples=15, deadline=None)
@given(size=st.integers(2000, len(SPEECH)), heard=st.lists(st.floats(0.3, 1.0), min_size=1, max_size=4))
def test_chunks_do_not_matter(vad: bool, size: int, heard: list[float]) -> None:
    """The windows are the same however the recording was cut on its way."""
    found, wanted = (cut(SPEECH, vad=vad, size=one, heard=tuple(heard)) for one in (size, 16_000))

    assert spans(found) == spans(wanted)
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("vad", "pcm"), [(True, silence(1)), (True, sound("hello", 1)), (False, sound("hello", 1))]
)
def test_nothing_is_kept_that_is_done_with(vad: bool, pcm: bytes) -> None:
    """However long the recording, little more than a window of it is kept."""
    windows = Windows(iter([silence(1)] + [pcm] * 300), silero() if vad else None, lambda _: None)
    longest = 0
    while window := windows.next():
        longest = max(longest, len(windows._pcm))
        windows.advance(len(window.own) / RATE)

    assert longest <= 36 * SECOND
    assert len(windows._pcm) <= 36 * SECOND


def test_what_is_done_with_never_goes_back() -> None:
    """What is told of the progress grows, also where voice detection finds speech to have begun a while ago."""
    told: list[float] = []
    windows = Windows(chunks(SPEECH, 1000), silero(), told.append)
    while window := windows.next():
        windows.advance(len(window.own) / RATE)
        told.append(windows.done)

    assert told == sorted(told)
    assert told[-1] == pytest.approx(len(SPEECH) / SECOND, abs=0.5)


def test_a_time_behind_the_window_is_its_end() -> None:
    """A time that the model makes up is not told."""
    window = cut(sound("hello", 2), vad=False)[0]

    assert [window.time(seconds) for seconds in (0.5, 2.0, 7.3)] == [0.5, 2.0, 2.0]
