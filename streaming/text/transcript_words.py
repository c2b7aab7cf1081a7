"""Compare a text with a transcript of its audio: which words are missing, which were added.

A transcript is spelt otherwise than its text, and a recogniser mishears words; neither is a fault of the
audio. So words are compared by their letters alone, those that are alike count as the same word misheard, and
so does any one word in the place of another. Words are only missing where fewer stand than should.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import msgspec

from streaming.text.spoken_numbers import NUMBER, with_marked_numbers

APOSTROPHES = dict.fromkeys(map(ord, "'’ʼ＇‘"))
NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""scripts that put no spaces between words: there each letter is compared by itself"""
TOKEN = re.compile(rf"[{NO_SPACES}]|[^\W\d_{NO_SPACES}]+|\d+(?:[.,:/]\d+)*|(?<!\w)[-−](?=\d)|[$€£¥%°]")
LONGEST_MERGE = 3
"""words that may have been written as one ("can not", "cannot")"""
LONGEST_NUMBER = 10
"""words that may stand for digits, in languages whose words for numbers are not known here"""
BELOW_EQUAL = 0.99
"""the most that words which differ are alike"""
ALIKE = 0.6
"""share of letters that several words and one must have in common to be the same..."""
AS_LONG = 0.7
"""...and the least that the shorter of them has of the other's length"""
NUMBER_COST = 0.2
"""of a number that is written in words, against a word that is missing: 1"""
LARGEST_BLOCK = 400
"""pairs of words that are compared letter by letter in one stretch; a larger one is counted only"""
COMPARED_LETTERS = 40
"""of a word; texts hold words of thousands"""
UNRELATED = 0.4
"""a transcript that agrees with less than this share of the text is one of something else; words taken at
random agree by a quarter
"""

Kind = Literal["missing", "added"]


class Difference(msgspec.Struct, frozen=True, order=True):
    """A word that a transcript lacks, or has too much."""

    kind: Kind
    place: int
    """number of the word in the text; of an added one that of the word it stands before"""


class Comparison(msgspec.Struct, frozen=True):
    """What a transcript has otherwise than its text."""

    words: int
    """of the text, a number as one"""
    differences: frozenset[Difference]
    misheard: int = 0
    """words in whose place stands another, or a number in another form"""


Step = tuple[float, int, int]
"""cost, words of the text, words of the transcript"""


class Match(NamedTuple):
    """A step of an alignment."""

    place: int
    """number of its first word in the text"""
    missing: int
    added: int
    misheard: int
    agreement: float
    """in words"""


def comparable_words(text: str) -> list[str]:
    """Return the words of a text by their letters alone: no case, accents, apostrophes or punctuation.

    Numbers are marks, whether written in digits or in English words.
    """
    folded = unicodedata.normalize("NFKD", text.casefold().translate(APOSTROPHES))
    letters = "".join(char for char in folded if unicodedata.category(char)[0] not in "MC" or char.isspace())
    return with_marked_numbers(TOKEN.findall(letters))


def compare(text: str, transcript: str) -> Comparison:
    """Compare a text with a transcript of its audio."""
    spoken, heard = comparable_words(text), comparable_words(transcript)
    differences: set[Difference] = set()
    misheard = 0
    agreement = 0.0
    matcher = SequenceMatcher(None, spoken, heard, autojunk=False)
    for operation, start, end, from_, to in matcher.get_opcodes():
        if operation == "equal":
            agreement += end - start
            continue
        for match in _aligned(spoken[start:end], heard[from_:to]):
            place = start + match.place
            differences.update(Difference("missing", place + number) for number in range(match.missing))
            if match.added:
                differences.add(Difference("added", place))
            misheard += match.misheard
            agreement += match.agreement
    if misheard and agreement < UNRELATED * len(spoken):
        differences.update(Difference("missing", place) for place in range(len(spoken)))
    return Comparison(len(spoken), frozenset(differences), misheard)


def _aligned(spoken: Sequence[str], heard: Sequence[str]) -> Iterator[Match]:
    """Align two stretches of words that differ, at the least cost, and yield the steps from the last."""
    if not spoken or not heard or len(spoken) * len(heard) > LARGEST_BLOCK:
        count = min(len(spoken), len(heard))
        yield Match(count, len(spoken) - count, len(heard) - count, count, 0.0)
        return
    costs: dict[tuple[int, int], float] = {(0, 0): 0.0}
    arrivals: dict[tuple[int, int], Step] = {}
    for first in range(len(spoken) + 1):
        for second in range(len(heard) + 1):
            for step in _steps(spoken[first:], heard[second:]):
                cost, to = costs[first, second] + step[0], (first + step[1], second + step[2])
                if cost < costs.get(to, float("inf")):
                    costs[to], arrivals[to] = cost, step
    first, second = len(spoken), len(heard)
    while first or second:
        cost, taken, given = arrivals[first, second]
        first, second = first - taken, second - given
        if taken and given:
            yield Match(first, 0, 0, int(cost > 0), taken * (1 - cost))
        else:
            yield Match(first, taken, given, 0, 0.0)


def _steps(spoken: Sequence[str], heard: Sequence[str]) -> Iterator[Step]:
    """Yield the ways to go on with two stretches of words: alike, one missing, one added."""
    if spoken:
        yield 1.0, 1, 0
    if heard:
        yield 1.0, 0, 1
    if not (spoken and heard):
        return
    if NUMBER in (spoken[0], heard[0]):
        for count in range(1, LONGEST_NUMBER + 1):
            if spoken[0] == NUMBER and count <= len(heard):
                yield NUMBER_COST * (count > 1 or heard[0] != NUMBER), 1, count
            elif heard[0] == NUMBER and count <= len(spoken):
                yield NUMBER_COST, count, 1
        return
    yield 1.0 - _likeness(spoken[0], heard[0]), 1, 1
    for count in range(2, LONGEST_MERGE + 1):
        if count <= len(spoken) and (likeness := _merged_likeness(spoken[:count], heard[0])):
            yield 1.0 - likeness, count, 1
        if count <= len(heard) and (likeness := _merged_likeness(heard[:count], spoken[0])):
            yield 1.0 - likeness, 1, count


def _merged_likeness(parts: Sequence[str], word: str) -> float:
    """Return how like a word several are, written as one; 0 where they cannot be the same."""
    merged = "".join(parts)
    if min(len(merged), len(word)) < AS_LONG * max(len(merged), len(word)):
        return 0.0
    likeness = _likeness(merged, word)
    return likeness if likeness > ALIKE else 0.0


def _likeness(one: str, other: str) -> float:
    """Return the share of letters that two words have in common, in order."""
    if one == other:
        return 1.0
    matcher = SequenceMatcher(None, one[:COMPARED_LETTERS], other[:COMPARED_LETTERS], autojunk=False)
    return min(matcher.ratio(), BELOW_EQUAL)
