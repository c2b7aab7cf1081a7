"""Turn eSpeak NG's word events into words of the text.

The library says where a word begins; what it says of its end is less use: it repeats an event for each word
that a number or an emoji is read as, counts one place too far for those, gives lengths of 0 in front of a
quotation mark, and stops at an apostrophe. So a word's end is read from the text, and events that fall inside
the word before them are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from engines.api import Word

UNSPACED_SCRIPT = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Kana, Han: written without spaces, so the library's own lengths are the best
there is
"""
JOINERS = frozenset("'’-‐._@")
"""hold a word together where a letter or digit stands on both sides"""
DIGIT_JOINERS = frozenset(",:/")
"""likewise, between digits"""


class WordReader:
    """A reader of the events of one text, in their order: its words neither overlap nor run backwards."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last_offset = -1
        self._last_end = 0
        self._last_time = 0.0

    def read(self, offset: int, length: int, time: float) -> Word | None:
        """Return the word of an event, by its 0-based code-point offset and length as the library gave them.

        None where no new word begins.
        """
        text = self._text
        continued = offset == self._last_offset + 1
        self._last_offset = offset
        if offset < self._last_end or (continued and text[offset : offset + 1].isspace()):
            return None
        start = offset
        while start < len(text) and (
            text[start].isspace() or (length == 0 and not _is_word_character(text[start]))
        ):
            start += 1
        if start >= len(text):
            return None
        self._last_end = _word_end(text, start, length)
        self._last_time = max(self._last_time, time)
        return Word(start, self._last_end, self._last_time)


class WordFiller:
    """Puts back the words that the library reports no event for: it reads "in the" as one, and what stands
    behind a dash without spaces.

    Words come in order. One is known to have been left out when the next one comes, or the end.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._length = 0
        """of the last word"""
        self._time = 0.0

    def add(self, word: Word) -> list[Word]:
        """Return the words that were left out before a word, spread over the time since the one before, and
        it.
        """
        words = [*self._left_out(word.start, word.time), word]
        self._end, self._length, self._time = word.end, word.end - word.start, word.time
        return words

    def finish(self, time: float) -> list[Word]:
        """Return the words that were left out at the end, given when the audio ends."""
        return list(self._left_out(len(self._text), time))

    def _left_out(self, until: int, time: float) -> Iterator[Word]:
        if self._end == 0:
            return  # nothing was spoken yet
        spans = list(_words_between(self._text, self._end, until))
        letters = self._length + sum(end - start for start, end in spans)
        passed = self._length
        for start, end in spans:
            yield Word(start, end, self._time + (time - self._time) * passed / letters)
            passed += end - start


def _words_between(text: str, start: int, until: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of text[start:until] that are words of letters or digits."""
    while start < until:
        if not text[start].isalnum():
            start += 1
            continue
        end = start + 1
        while end < until and (_is_word_character(text[end]) or _joins(text, end)):
            end += 1
        yield start, end
        start = end


def _word_end(text: str, start: int, length: int) -> int:
    """Return where the word that begins at `start` ends."""
    if not _is_word_character(text[start]) or UNSPACED_SCRIPT.match(text[start]):
        return start + max(1, len(text[start : start + length].split(maxsplit=1)[0]) if length > 0 else 1)
    end = start + 1
    while end < len(text) and (_is_word_character(text[end]) or _joins(text, end)):
        end += 1
    return end


def _is_word_character(character: str) -> bool:
    """Return whether a character is a letter, a digit, or a mark or joiner that belongs to one."""
    return character.isalnum() or unicodedata.category(character)[0] == "M" or character in "\u200c\u200d"


def _joins(text: str, place: int) -> bool:
    """Return whether the character at a place holds a word together."""
    before = text[place - 1]
    after = text[place + 1 : place + 2]
    if text[place] in DIGIT_JOINERS:
        return before.isdigit() and after.isdigit()
    return text[place] in JOINERS and before.isalnum() and after.isalnum()
