"""Read a text for a voice: what somebody gave the pronunciation of as it is given, the rest by a reader."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from engines.adapters.piper.phrases import find_terminator, make_phrases
from engines.adapters.piper.symbols import Symbols
from engines.toolkit.english.traced_text import Piece, TracedText
from engines.toolkit.phoneme_chunks import Token
from engines.toolkit.phrases import Phrase

DROPPED = frozenset("\u00ad\u200b\u2060\ufeff")
"""soft hyphens and the like, which would break words"""
MARKS = ("Mn", "Mc")
UNSPEAKABLE = ("Cc", "Cs", "Co", "Cn")
Pronunciations = Sequence[tuple[int, int, str]]
"""stretches [start, end) of a text, with IPA"""


class Tokens(Protocol):
    """What reads plain text."""

    def read(self, text: str) -> Iterator[Token]:
        """Yield the words of a text and what stands between clauses."""
        ...


class TokenReader:
    """A reader for one voice. One thread at a time."""

    def __init__(self, tokens: Tokens, symbols: Symbols) -> None:
        self._tokens = tokens
        self._symbols = symbols

    def phrases(self, text: str, pronunciations: Pronunciations = ()) -> Iterator[Phrase]:
        """Yield the phrases of a text; those in which there is nothing to hear are left out."""
        return make_phrases(self._spelt(text, pronunciations), text)

    def _spelt(self, text: str, pronunciations: Pronunciations) -> Iterator[Token]:
        """Yield the tokens of a text in the voice's symbols, with their places in the caller's text."""
        position = 0
        for token in self._read(text, pronunciations):
            phonemes = self._symbols.spell(token.phonemes)
            start, end = (token.start, token.end) if token.start >= position else (0, 0)
            position = max(position, end)
            if phonemes or token.space_after:
                yield msgspec.structs.replace(token, phonemes=phonemes, start=start, end=end)

    def _read(self, text: str, pronunciations: Pronunciations) -> Iterator[Token]:
        composed = compose(text)
        position = 0
        for start, end, ipa in sorted(pronunciations):
            first, last = composed.place(start, end)
            if not position <= first < last:
                continue
            yield from self._read_plain(composed, position, first)
            yield Token(ipa, start, end, space_after=composed.text[last : last + 1].isspace())
            position = last
        yield from self._read_plain(composed, position, len(composed.text))

    def _read_plain(self, composed: TracedText, start: int, end: int) -> Iterator[Token]:
        """Yield the tokens of a stretch of the text, which may begin with the marks behind what is
        before it.
        """
        text = composed.text[start:end]
        lead = len(text) - len(text.lstrip())
        if start and not lead and (terminator := find_terminator(text[:1])):
            yield Token(terminator, space_after=True)
        tokens = list(self._tokens.read(text)) if any(map(str.isalnum, text)) else []
        for token in tokens:
            first, last = (
                composed.origin(start + token.start, start + token.end) if token.end > token.start else (0, 0)
            )
            yield msgspec.structs.replace(token, start=first, end=last)
        if tokens and text[-1:].isspace() and not tokens[-1].space_after:
            yield Token("", space_after=True)


def compose(text: str) -> TracedText:
    """Return a text with letters and their accents in one, without what nobody sees."""
    return TracedText(_characters(text))


def _characters(text: str) -> Iterator[Piece]:
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.category(text[end]) in MARKS:
            end += 1
        for character in unicodedata.normalize("NFC", text[start:end]):
            if character == "\n" or unicodedata.category(character) not in UNSPEAKABLE:
                if character not in DROPPED:
                    yield character, start, end
            else:
                yield " ", start, end
        start = end
