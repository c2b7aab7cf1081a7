"""Read a text by eSpeak NG, as the voices of most languages were trained with.

The library gives phonemes clause by clause without saying where in the text they are. It does say so of words
when it speaks; so it speaks the text too, as fast as it can, which costs two milliseconds for each second of
speech. Words of both are the same ones in nearly all cases (Hungarian numbers are an exception), else they
are matched by their number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from engines.adapters.piper.phrases import find_terminator
from engines.api import Word
from engines.errors import EngineFailed
from engines.toolkit.espeak_library import RATE, Clause, Library, WordEvent
from engines.toolkit.espeak_words import WordReader
from engines.toolkit.phoneme_chunks import Token

FASTEST = 450
"""words a minute"""
LANGUAGE_FLAG = re.compile(r"\([\w-]+\)")
"""where words of another language begin and end"""
GREEK = "el"
Span = tuple[int, int]


@cache
def shared_library() -> Library:
    """Return the library, which a process has once. Raises EngineFailed."""
    return Library()


class EspeakReader:
    """A reader of texts in one of eSpeak's voices. One thread at a time, as the library keeps
    global state.
    """

    def __init__(self, library: Library, voice: str) -> None:
        self._library = library
        self._voice = voice
        self._set_voice()

    def read(self, text: str) -> Iterator[Token]:
        """Yield the words of a text and what stands between clauses. Raises EngineFailed."""
        self._set_voice()
        clauses = self._library.clauses(text)
        events = self._word_events(text)
        words = WordReader(text)
        start = 0
        for number, clause in enumerate(clauses):
            is_last = number == len(clauses) - 1
            end = clause.end if is_last else clause.end - 1
            count = len(events) if is_last else sum(event.offset < end for event in events)
            spans = [_span(words.read(one.offset, one.length, one.time)) for one in events[:count]]
            events = events[count:]
            yield from self._tokens(clause, spans, text[start:end], is_last=is_last)
            start = end

    def _tokens(
        self, clause: Clause, spans: Sequence[Span | None], text: str, *, is_last: bool
    ) -> Iterator[Token]:
        """Yield the tokens of a clause, whose text ends with the marks behind it."""
        words = LANGUAGE_FLAG.sub("", clause.phonemes).split()
        places = list(_distribute(spans, len(words)))
        for number, (word, (start, end)) in enumerate(zip(words, places, strict=True), 1):
            yield Token(word, start, end, space_after=number < len(words))
        terminator = find_terminator(self._marks(text))
        yield Token(terminator, space_after=not is_last)

    def _marks(self, text: str) -> str:
        """Return what stands behind the last word of a clause."""
        end = len(text)
        while end and not _is_of_word(text[end - 1]):
            end -= 1
        marks = text[end:]
        return marks.replace(";", "?") if self._voice == GREEK else marks

    def _word_events(self, text: str) -> list[WordEvent]:
        events: list[WordEvent] = []
        self._library.set_parameter(RATE, FASTEST)
        self._library.synthesise(text, lambda found, _: events.extend(found), pause=False)
        return events

    def _set_voice(self) -> None:
        if not self._library.set_voice(self._voice):
            raise EngineFailed(f"eSpeak NG has no voice '{self._voice}', which this voice of Piper's needs.")


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] in "MS"


def _span(word: Word | None) -> Span | None:
    return (word.start, word.end) if word else None


def _distribute(spans: Sequence[Span | None], count: int) -> Iterator[Span]:
    """Yield for each of some words the place of the word of the text that it begins; (0, 0) where it only
    goes on with one.
    """
    places: list[Span] = [(0, 0)] * count
    for number, span in enumerate(spans):
        index = number * count // len(spans)
        if span and places[index] == (0, 0):
            places[index] = span
        elif span:
            places[index] = (places[index][0], span[1])
    yield from places
