"""Turn eSpeak NG's word events into words of the text.

The library says where a word begins; what it says of its end is less use: it repeats an event for each word
that a number or an emoji is read as, counts one place too far for those, gives lengths of 0 in front of a
quotation mark, and stops at an apostrophe. So a word's end is read from the text, and events that fall inside
the word before them are left out.
"""

from __future__ import annotations

import re
import unicodedata

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
