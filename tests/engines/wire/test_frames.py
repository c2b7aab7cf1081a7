"""Tests of frames between worker and gateway: whole in any chunking, and never misread."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.api import Audio, SpeechEvent, Word
from engines.wire import frames

EVENTS = st.lists(
    st.one_of(
        st.binary(max_size=50).map(lambda data: Audio(data + data)),
        st.builds(Word, st.integers(0, 99), st.integers(0, 99), st.floats(0, 9), st.none() | st.floats(0, 9)),
    ),
    max_size=20,
)


def parsed(data: bytes, cuts: list[int]) -> list[frames.Frame]:
    """Return the frames of some bytes that arrive in pieces."""
    parser = frames.FrameParser()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found: list[frames.Frame] = []
    for start, end in pairwise(edges):
        found += parser.feed(data[start:end])
    return found


@given(EVENTS, st.lists(st.integers(0, 2000), max_size=10))
def test_events_survive_any_chunking(events: list[SpeechEvent], cuts: list[int]) -> None:
    """All PCM and all words arrive in order, however the bytes are cut; a word stays before the audio that
    followed it.
    """
    received = parsed(frames.encode_events(events), cuts)

    assert b"".join(event.pcm for event in received if isinstance(event, Audio)) == b"".join(
        event.pcm for event in events if isinstance(event, Audio)
    )
    assert [event for event in received if isinstance(event, Word)] == [
        event for event in events if isinstance(event, Word)
    ]


def test_neighbouring_audio_is_one_frame() -> None:
    """Adjacent chunks of audio are sent as one frame."""
    assert parsed(frames.encode_events([Audio(b"ab"), Audio(b"cd")]), []) == [Audio(b"abcd")]


def test_errors_and_ends() -> None:
    """Errors and ends are parsed as such."""
    error = frames.encode_error(frames.ErrorFrame("BadInput", "no", "text"))
    end = frames.encode_end(17)

    assert parsed(error + end, [3, 11]) == [frames.ErrorFrame("BadInput", "no", "text"), frames.EndFrame(17)]


@pytest.mark.parametrize("data", [b"Q\0\0\0\0", b"A\xff\xff\xff\xff", b"W\0\0\0\x01x", b"Z\0\0\0\x02{}"])
def test_invalid_frames(data: bytes) -> None:
    """Unknown tags, absurd lengths and broken JSON are errors."""
    with pytest.raises(frames.BadFrame):
        parsed(data, [])
