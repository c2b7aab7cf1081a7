"""Phonemes of a text put together into chunks that a network speaks at once, and which words of the text
they are.

Texts are cut where it hurts least, as Kokoro's library does it: behind a sentence, a clause, a comma, else
between words; nothing is lost where a single word is too long.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import accumulate

import msgspec

ENDS = (frozenset("!.?…"), frozenset(":;"), frozenset(",—"))
"""phonemes behind which a text is cut, best first"""
CLOSERS = (")", "”")
"""stay with the end before them"""


class Token(msgspec.Struct, frozen=True):
    """Phonemes of one stretch of the text, [start, end) in code points; empty where it is no word."""

    phonemes: str
    start: int = 0
    end: int = 0
    space_after: bool = False


class ChunkWord(msgspec.Struct, frozen=True):
    """A word of a chunk, [start, end) of the text."""

    start: int
    end: int
    first_phoneme: int
    """its place in the chunk's phonemes"""


class Chunk(msgspec.Struct, frozen=True):
    """What is spoken at once."""

    phonemes: str
    words: tuple[ChunkWord, ...] = ()

    def word_ends(self) -> list[int]:
        """Return for each word the place behind its last phoneme, before the spaces and signs behind it."""
        nexts = [*(word.first_phoneme for word in self.words), len(self.phonemes)][1:]
        return [
            _last_sound(self.phonemes, word.first_phoneme, after)
            for word, after in zip(self.words, nexts, strict=True)
        ]


def _last_sound(phonemes: str, start: int, end: int) -> int:
    """Return the place behind the last of phonemes[start:end] that is neither a space nor a sign; the end
    where there is none.
    """
    for place in range(end, start, -1):
        phoneme = phonemes[place - 1]
        if not phoneme.isspace() and unicodedata.category(phoneme)[0] != "P":
            return place
    return end


def pack(tokens: Iterable[Token], max_phonemes: int) -> Iterator[Chunk]:
    """Yield tokens put together into chunks of at most `max_phonemes`, spaces included."""
    pending: list[Token] = []
    for token in _split_long_tokens(tokens, max_phonemes):
        while pending and _length([*pending, token]) > max_phonemes:
            cut = _find_cut(pending, token, max_phonemes)
            yield from _make_chunk(pending[:cut])
            pending = pending[cut:]
        pending.append(token)
    yield from _make_chunk(pending)


def slices(phonemes: str, max_phonemes: int) -> Iterator[str]:
    """Yield phonemes in parts of at most `max_phonemes`."""
    return (phonemes[start : start + max_phonemes] for start in range(0, len(phonemes), max_phonemes))


def _split_long_tokens(tokens: Iterable[Token], max_phonemes: int) -> Iterator[Token]:
    """Yield tokens, those that are too long in parts, of which the first is the word."""
    for token in tokens:
        if len(token.phonemes) <= max_phonemes:
            yield token
            continue
        first, *rest = slices(token.phonemes, max_phonemes)
        yield Token(first, token.start, token.end, space_after=token.space_after and not rest)
        for number, part in enumerate(rest, 1):
            yield Token(part, space_after=token.space_after and number == len(rest))


def _find_cut(pending: list[Token], following: Token, max_phonemes: int) -> int:
    """Return how many of the tokens end well, and leave room for the one that follows."""
    length = _length([*pending, following])
    backwards = range(len(pending) - 1, -1, -1)
    for ends in ENDS:
        last = next((index for index in backwards if pending[index].phonemes in ends), None)
        if last is None:
            continue
        cut = last + 1
        if cut < len(pending) and pending[cut].phonemes in CLOSERS:
            cut += 1
        if length - _length(pending[:cut]) <= max_phonemes:
            return cut
    return next((index + 1 for index in backwards if pending[index].space_after), len(pending))


def _join(tokens: list[Token]) -> str:
    return "".join(token.phonemes + " " * token.space_after for token in tokens)


def _length(tokens: list[Token]) -> int:
    return len(_join(tokens).strip())


def _make_chunk(tokens: list[Token]) -> Iterator[Chunk]:
    """Yield a chunk of the tokens, unless there is nothing to say."""
    joined = _join(tokens)
    if not joined.strip():
        return
    lead = len(joined) - len(joined.lstrip())
    places = accumulate((len(token.phonemes) + token.space_after for token in tokens), initial=-lead)
    words = (
        ChunkWord(token.start, token.end, place)
        for token, place in zip(tokens, places, strict=False)
        if token.end > token.start
    )
    yield Chunk(joined.strip(), tuple(words))
