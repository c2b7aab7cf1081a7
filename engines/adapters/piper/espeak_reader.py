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
from itertools import pairwise

import msgspec

from engines.adapters.piper.phrases import find_terminator
from engines.api import Word
from engines.api.offsets import Rewriting
from engines.errors import EngineFailed
from engines.toolkit.espeak_library import RATE, Library, WordEvent
from engines.toolkit.espeak_text import pieces, prepare
from engines.toolkit.espeak_words import WordReader
from engines.toolkit.phoneme_chunks import Token

FASTEST = 450
"""words a minute"""
LANGUAGE_FLAG = re.compile(r"\([\w-]+\)")
"""where words of another language begin and end"""
GREEK = "el"
SPOKEN = re.compile(r"[^\W_][^\s.,;:!?…()\[\]«»„“”\"]*")
Span = tuple[int, int]
NOWHERE = (0, 0)


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
        prepared = prepare(text, self._read_aloud)
        behind = 0
        for start, end in pieces(prepared.text, self._read_aloud):
            for token in self._read_piece(prepared.text[start:end]):
                placed = _placed(token, start, behind, prepared)
                behind = max(behind, placed.end)
                yield placed
            if end < len(prepared.text):
                yield Token("", space_after=True)

    def _read_aloud(self, text: str) -> str:
        """Return the phonemes of a short text in the voice that is set."""
        return " ".join(clause.phonemes for clause in self._library.clauses(text))

    def _read_piece(self, text: str) -> Iterator[Token]:
        """Yield the same of what the library can hold."""
        clauses = self._library.clauses(text)
        events = self._word_events(text)
        reader = WordReader(text)
        start = 0
        for number, clause in enumerate(clauses):
            is_last = number == len(clauses) - 1
            end = clause.end if is_last else clause.end - 1
            count = len(events) if is_last else sum(event.offset < end for event in events)
            spans = [_span(reader.read(one.offset, one.length, one.time)) for one in events[:count]]
            events = events[count:]
            words = LANGUAGE_FLAG.sub("", clause.phonemes).split()
            yield from _tokens(words, _distribute(spans, len(words)), text[:end])
            yield Token(find_terminator(self._marks(text[start:end])), space_after=not is_last)
            start = end

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


def _placed(token: Token, start: int, behind: int, prepared: Rewriting) -> Token:
    """Return a token of a piece by its place in the caller's text; only the first of a word has one."""
    if token.end <= token.start:
        return token
    first, last = prepared.original(start + token.start, start + token.end)
    if last <= behind:
        first = last = 0
    return msgspec.structs.replace(token, start=first, end=last)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] in "MS"


def _span(word: Word | None) -> Span | None:
    return (word.start, word.end) if word else None


def _tokens(words: Sequence[str], places: Sequence[Span], text: str) -> Iterator[Token]:
    """Yield the tokens of a clause with which `text` ends.

    Some words are read as one, such as "on the": its phonemes are shared out by the letters.
    """
    for number, (phonemes, (start, end)) in enumerate(zip(words, places, strict=True), 1):
        space_after = number < len(words)
        following = places[number : number + 1]
        merged: list[Span] = []
        if end > start and NOWHERE not in following:
            until = following[0][0] if following else len(text)
            merged = [word.span() for word in SPOKEN.finditer(text, end, until)]
        spans = [(start, end), *merged]
        for part, span in zip(_share_out(phonemes, spans), spans, strict=True):
            yield Token(part, *span, space_after=space_after and span == spans[-1])


def _share_out(phonemes: str, spans: Sequence[Span]) -> Iterator[str]:
    """Yield the parts of phonemes that belong to some words, about."""
    lengths = [end - start for start, end in spans]
    cuts = [
        0,
        *(len(phonemes) * sum(lengths[:count]) // max(1, sum(lengths)) for count in range(1, len(spans))),
    ]
    for cut, following in pairwise([*cuts, len(phonemes)]):
        yield phonemes[cut:following]


def _distribute(spans: Sequence[Span | None], count: int) -> list[Span]:
    """Return for each of some words the place of the word of the text that it begins; NOWHERE where it only
    goes on with one.
    """
    places = [NOWHERE] * count
    for number, span in enumerate(spans if count else ()):
        index = number * count // len(spans)
        if span:
            places[index] = span if places[index] == NOWHERE else (places[index][0], span[1])
    return places
