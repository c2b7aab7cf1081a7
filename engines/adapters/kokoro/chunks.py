"""When the words of a chunk begin and end that Kokoro spoke: from the frames that each phoneme lasts."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import accumulate

from engines.toolkit.phoneme_chunks import Chunk

LEAD_FRAMES = 3
"""by so much the library has a word begin before its first phoneme does"""


def word_frames(chunk: Chunk, vocabulary: Container[str], frames: Sequence[int]) -> list[tuple[float, float]]:
    """Return when each word of a chunk begins, as the library reckons it, and when its last phoneme ends, in
    frames from the chunk's first.

    `frames` are those of the phonemes in the `vocabulary`, with one number before and one behind them. A word
    begins in the middle of the space before it.
    """
    voiced = [symbol in vocabulary for symbol in chunk.phonemes]
    voiced_before = list(accumulate(voiced, initial=0))
    frames_before = list(accumulate(frames[1:-1], initial=0))
    lead = 2 * max(0, frames[0] - LEAD_FRAMES)
    spans = []
    for word, end in zip(chunk.words, chunk.word_ends(), strict=True):
        first = word.first_phoneme
        space_before = first > 0 and chunk.phonemes[first - 1] == " " and voiced[first - 1]
        space_frames = frames[voiced_before[first]] if space_before else 0
        start = (lead - space_frames) / 2 + frames_before[voiced_before[first]]
        spans.append((start, max(start, lead / 2 + frames_before[voiced_before[end]])))
    return spans
