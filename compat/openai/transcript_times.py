"""The times of a transcript, put in order: those of segments and words are found separately, and may cross.

A client that shows words as they are spoken relies on it that each lies within its segment, that nothing goes
back, and that nothing is said behind the recording's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from engines.api import TranscriptSegment, TranscriptWord

Span = tuple[float, float]
"""begin and end in seconds"""


def in_order(segments: Sequence[TranscriptSegment], duration: float) -> list[TranscriptSegment]:
    """Return a transcript whose segments follow each other within a recording, each around its own words.

    A segment is widened to its words as far as its neighbours leave room.
    """
    spans = _following([_around_words(segment) for segment in segments], 0.0, duration)
    return [
        msgspec.structs.replace(
            segment, start=start, end=end, words=tuple(_within(segment.words, start, end))
        )
        for segment, (start, end) in zip(segments, spans, strict=True)
    ]


def _around_words(segment: TranscriptSegment) -> Span:
    starts = [segment.start, *(word.start for word in segment.words)]
    ends = [segment.end, *(word.end for word in segment.words)]
    return min(starts), max(ends)


def _within(words: Sequence[TranscriptWord], start: float, end: float) -> Iterator[TranscriptWord]:
    spans = _following([(word.start, word.end) for word in words], start, end)
    for word, span in zip(words, spans, strict=True):
        yield msgspec.structs.replace(word, start=span[0], end=span[1])


def _following(spans: Sequence[Span], low: float, high: float) -> list[Span]:
    """Return spans between two times: each from its begin to that of the next, at most."""
    starts: list[float] = []
    for start, _ in spans:
        low = min(max(low, start), high)
        starts.append(low)
    return [
        (start, min(max(start, end), limit))
        for (start, limit), (_, end) in zip(pairwise([*starts, high]), spans, strict=True)
    ]
