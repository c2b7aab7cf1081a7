"""How far a transcript is from its text: words to replace, add and take out, as jiwer aligns them, behind
Whisper's own normaliser of English.

The normaliser writes numbers, money, contractions and British spelling in one way; what it leaves apart
though both are right is in `SPELLINGS` and `ALIKE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import jiwer
import msgspec
from whisper_normalizer.english import EnglishTextNormalizer

from bench.quality.corpus import Text

SPELLINGS = {"smokey": "smoky", "ax": "axe", "moldy": "mouldy", "pinewood": "pine wood"}
"""one for two that are right, as normalised words"""
MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
ALIKE = (
    (re.compile(r"(?<![$£€\d.,])(\d{1,2})[.:](\d\d)(?![\d%])"), r"\1 \2"),
    (re.compile(r"\b([ap])\.m\b\.?", re.IGNORECASE), r"\1m"),
    (re.compile(rf"\b({MONTHS}) (\d+)(?:st|nd|rd|th)\b", re.IGNORECASE), r"\1 \2"),
)
"""half past ten is written 10:30 or 10.30, the afternoon pm or p.m., a day May 9 or May 9th"""


class Score(msgspec.Struct, frozen=True):
    """The errors of transcripts, in words, and the words of their texts."""

    words: int = 0
    replaced: int = 0
    missing: int = 0
    added: int = 0

    @property
    def errors(self) -> int:
        """All of them."""
        return self.replaced + self.missing + self.added

    @property
    def rate(self) -> float:
        """The word error rate."""
        return self.errors / max(1, self.words)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.words + other.words,
            self.replaced + other.replaced,
            self.missing + other.missing,
            self.added + other.added,
        )


@lru_cache(1)
def _normaliser() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()


def normal_words(text: str) -> list[str]:
    """Return the words of a text without case, punctuation and the freedom of spelling."""
    text = text.replace("’", "'")
    for pattern, replacement in ALIKE:
        text = pattern.sub(replacement, text)
    return [SPELLINGS.get(word, word) for word in _normaliser()(text).split()]


def compare(spoken: Sequence[str], heard: Sequence[str]) -> Score:
    """Count the errors between two lists of words, at the least."""
    if not spoken:
        return Score(added=len(heard))
    found = jiwer.process_words(" ".join(spoken), " ".join(heard))
    return Score(len(spoken), found.substitutions, found.deletions, found.insertions)


def score(text: Text, transcript: str) -> Score:
    """Return the errors of a transcript against the nearest of the ways that are right."""
    heard = normal_words(transcript)
    scores = [compare(normal_words(way), heard) for way in text.accepted]
    return min(scores, key=lambda one: (one.errors, one.rate))


def total(scores: Iterable[Score]) -> Score:
    """Return the errors of many together."""
    return sum(scores, Score())


def wrong_places(spoken: Sequence[str], heard: Sequence[str]) -> set[int]:
    """Return the indices of words that are replaced or missing, and of those before which one was added."""
    if not spoken:
        return set()
    (chunks,) = jiwer.process_words(" ".join(spoken), " ".join(heard)).alignments
    wrong: set[int] = set()
    for chunk in chunks:
        if chunk.type == "insert":
            wrong.add(min(chunk.ref_start_idx, len(spoken) - 1))
        elif chunk.type != "equal":
            wrong.update(range(chunk.ref_start_idx, chunk.ref_end_idx))
    return wrong
