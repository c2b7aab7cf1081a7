"""Marks in a text: signs to the engine that speaks it, such as "[laughs]" or "[S1]", which are no words.

Those that the engine knows reach it as they are written: all that reads, rewrites, cuts or measures the text
meanwhile sees one character in the place of each, of those that Unicode leaves to private use. Those that
only other engines know are taken out.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from functools import lru_cache

from engines.api import SpeechEvent, Word
from engines.api.offsets import Edit, Rewriting, Rewritten, rewrite

FIRST, LAST = 0xF0000, 0xFFFFD
"""code points for private use, of which nobody has a font"""
SAID = "said"
"""the group of a pattern that is heard as words"""
MOST_NAMED = 5
"""marks that were taken out, and are told"""
LONGEST_NAMED = 40
"""code points"""


class Marks:
    """The marks of one text, for an engine that knows those of some patterns, and not those of others."""

    def __init__(self, known: Iterable[str] = (), foreign: Iterable[str] = ()) -> None:
        self._known = tuple(known)
        self._foreign = tuple(foreign)
        self._written: dict[str, str] = {}
        """by the characters that stand for them"""
        self._said: dict[str, str] = {}
        """what is heard of those of which something is, by the same characters"""
        self.removed: list[str] = []
        """those that were taken out, each once"""
        self._own: frozenset[str] = frozenset()
        """characters for private use that the text has itself"""
        self._readings: dict[str, tuple[str, bool]] = {}

    def take(self, text: Rewriting) -> None:
        """Put characters in the place of the marks that are known, and take the others out."""
        own = "" if text.text.isascii() else text.text
        self._own = frozenset(char for char in own if ord(char) >= FIRST)
        text.apply(self._stand_ins(text.text))
        removed = list(_matches(text.text, self._foreign))
        self.removed = list(dict.fromkeys(match[0] for match in removed))
        text.apply(list(_removals(text.text, removed)))

    def reading(self, written: str) -> tuple[str, bool]:
        """Return words that come into the text after `take`, marks likewise, and whether none was lost."""
        if written not in self._readings:
            text = rewrite(written, self._stand_ins(written)).text
            removed = list(_matches(text, self._foreign))
            self._readings[written] = rewrite(text, _removals(text, removed)).text.strip(), not removed
        return self._readings[written]

    def _stand_ins(self, text: str) -> list[Edit]:
        """Return the edits that put characters in the place of known marks, the same ones each time."""
        standing = {mark: character for character, mark in self._written.items()}
        characters = self._free_characters()
        edits = []
        for match in _matches(text, self._known):
            if match[0] not in standing:
                character = next(characters, "")
                if not character:
                    break  # more different marks than characters: the rest is text, as it was before
                standing[match[0]] = character
                self._written[character] = match[0]
                if said := _said(match):
                    self._said[character] = said
            edits.append(Edit(*match.span(), standing[match[0]]))
        return edits

    def names(self) -> list[str]:
        """Return what a caller is told of the marks that were taken out."""
        named = [f"input mark {mark[:LONGEST_NAMED]}" for mark in self.removed[:MOST_NAMED]]
        more = len(self.removed) - len(named)
        return [*named, f"input with {more} further marks"] if more else named

    def without(self, text: str) -> str:
        """Return a text as it was written with what is heard of its marks, and nothing of the others."""
        found = list(_matches(text, (*self._known, *self._foreign)))
        return rewrite(text, _removals(text, found)).text if found else text

    def restored(self, text: str) -> Rewritten:
        """Return a text with the marks as they were written."""
        if not self._written:
            return Rewritten(text)
        return rewrite(text, self._edits(text, self._written))

    def said(self, text: str) -> str:
        """Return a text with what is heard of its marks; those of which no word is stay single characters."""
        return rewrite(text, self._edits(text, self._said)).text if self._said else text

    def moved(self, text: str, spans: tuple[tuple[int, int, str], ...]) -> tuple[tuple[int, int, str], ...]:
        """Return spans of a text by their offsets once its marks are restored."""
        if not (spans and self._written):
            return spans
        return tuple(
            (start + self._growth(text[:start]), end + self._growth(text[:end]), value)
            for start, end, value in spans
        )

    async def with_offsets_before(
        self, text: str, events: AsyncGenerator[SpeechEvent, None]
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Yield events of a text whose marks were restored, with the offsets of words before that."""
        restored = self.restored(text)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Word) and restored.replaced:
                    span = restored.original(event.start, event.end)
                    yield Word(*span, event.time, event.until)
                else:
                    yield event

    def _growth(self, text: str) -> int:
        return sum(len(self._written[char]) - 1 for char in text if char in self._written)

    @staticmethod
    def _edits(text: str, by_character: dict[str, str]) -> Iterator[Edit]:
        for place, char in enumerate(text):
            if char in by_character:
                yield Edit(place, place + 1, by_character[char])

    def _free_characters(self) -> Iterator[str]:
        """Yield characters for private use that the text does not have, and that stand for no mark."""
        used = self._own | self._written.keys()
        return (chr(code) for code in range(FIRST, LAST) if chr(code) not in used)


def _matches(text: str, patterns: tuple[str, ...]) -> Iterator[re.Match[str]]:
    """Yield where patterns fit, in order, none over another."""
    behind = 0
    found = [match for pattern in patterns for match in _compiled(pattern).finditer(text)]
    for match in sorted(found, key=lambda match: (match.start(), -match.end())):
        if match.start() >= behind and match[0]:
            yield match
            behind = match.end()


def _removals(text: str, matches: list[re.Match[str]]) -> Iterator[Edit]:
    """Yield the edits that leave what is heard of some marks. Where that is nothing, words on both sides have
    one space between them.
    """
    behind = 0
    for match in matches:
        start, end = match.span()
        said = _said(match)
        if not said:
            spaced = start > behind and text[start - 1] == " "
            if spaced and not text[end : end + 1].isalnum():
                start -= 1
            elif start and text[start - 1].isalnum() and text[end : end + 1].isalnum():
                said = " "
            elif text[end : end + 1] == " " and (start == 0 or text[start - 1].isspace()):
                end += 1
        yield Edit(start, end, said)
        behind = end


def _said(match: re.Match[str]) -> str:
    """Return what is heard of a mark."""
    return match.groupdict().get(SAID) or ""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:  # of an engine elsewhere, which nobody has checked
        return re.compile(r"(?!)")
