"""Tests that the times of a transcript are in order, whatever an engine found."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.openai import subtitles
from compat.openai.transcript_times import in_order
from engines.api import TranscriptSegment, TranscriptWord

TIMES = st.floats(-5, 40, allow_nan=False)
WORDS = st.lists(st.builds(TranscriptWord, st.just("word"), TIMES, TIMES), max_size=5).map(tuple)
SEGMENTS = st.lists(
    st.builds(TranscriptSegment, st.just("some words"), TIMES, TIMES, words=WORDS), max_size=6
)


def segment(start: float, end: float, *words: tuple[float, float]) -> TranscriptSegment:
    return TranscriptSegment("said", start, end, tuple(TranscriptWord("said", *span) for span in words))


@given(SEGMENTS, st.floats(0, 30))
def test_any_times(segments: list[TranscriptSegment], duration: float) -> None:
    """Segments follow each other within the recording, words within their segments, and none is lost."""
    ordered = in_order(segments, duration)

    assert [len(one.words) for one in ordered] == [len(one.words) for one in segments]
    for one in ordered:
        assert 0 <= one.start <= one.end <= duration
        for word in one.words:
            assert one.start <= word.start <= word.end <= one.end
        assert all(before.end <= after.start for before, after in pairwise(one.words))
    assert all(before.end <= after.start for before, after in pairwise(ordered))


def test_times_in_order_stay() -> None:
    """Times that are in order already are not changed."""
    transcript = [segment(0.5, 2.0, (0.5, 1.0), (1.2, 2.0)), segment(2.0, 3.0, (2.1, 2.9)), segment(4.0, 4.5)]

    assert in_order(transcript, 5.0) == transcript


def test_words_outside_their_segment() -> None:
    """A segment is widened to its words where there is room, and they are cut off where there is none."""
    widened = in_order([segment(1.0, 2.0, (0.8, 1.5), (1.5, 2.3)), segment(4.0, 5.0)], 6.0)
    assert (widened[0].start, widened[0].end) == (0.8, 2.3)

    crossed = in_order([segment(0.0, 2.0, (0.0, 2.4)), segment(2.0, 9.0, (2.0, 7.0))], 5.5)
    assert [(one.start, one.end) for one in crossed] == [(0.0, 2.0), (2.0, 5.5)]
    assert [(one.words[0].start, one.words[0].end) for one in crossed] == [(0.0, 2.0), (2.0, 5.5)]


@pytest.mark.parametrize("write", [subtitles.srt, subtitles.vtt])
def test_no_cue_is_empty(write: object) -> None:
    """A cue ends behind its begin, as players show none that does not."""
    file = write([segment(2.0, 2.0), segment(3.0, 1.0)])  # type: ignore[operator]

    assert "02,001" in file or "02.001" in file
    assert "03,001" in file or "03.001" in file
