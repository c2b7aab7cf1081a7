"""What Kokoro is given at once: at most 510 phonemes, and which words of the text they are.

Texts are cut where it hurts least, as the library does it: behind a sentence, a clause, a comma, else between
words; nothing is lost where a single word is too long. When a word begins follows from the frames that each
phoneme lasts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec

LEAD_FRAMES = 3
"""by so much the library has a word begin before its first phoneme does"""
ENDS = (frozenset("!.?…"), frozenset(":;"), frozenset(",—"))
"""phonemes behind which a text is cut, best first"""
CLOSERS = (")", "”")
"""stay with the end before them"""


class Token(msgspec.Struct, frozen=True):
    """Phonemes of one stretch of the text, [start, end) in code points, empty where it is no word; `gap`: a
    space follows.
    """

    phonemes: str
    start: int = 0
    end: int = 0
    gap: bool = False


class Spot(msgspec.Struct, frozen=True):
    """A word, [start, end) of the text, and the place of its first phoneme in the chunk."""

    start: int
    end: int
    at: int


class Chunk(msgspec.Struct, frozen=True):
    """What is spoken at once."""

    phonemes: str
    words: tuple[Spot, ...] = ()


def pack(tokens: Iterable[Token], limit: int) -> Iterator[Chunk]:
    """Put tokens together into chunks of at most `limit` phonemes, spaces included."""
    held: list[Token] = []
    for token in _short(tokens, limit):
        while held and _length([*held, token]) > limit:
            cut = _cut(held, token, limit)
            yield from _chunk(held[:cut])
            held = held[cut:]
        held.append(token)
    yield from _chunk(held)


def begins(chunk: Chunk, known: Container[str], frames: Sequence[int]) -> list[float]:
    """Say when each word of a chunk begins, in frames from the chunk's first, as the library reckons it.

    `frames` are those of the phonemes that are `known`, with one number before and one behind them. A word
    begins in the middle of the space before it.
    """
    heard = [symbol in known for symbol in chunk.phonemes]
    ends = list(accumulate(heard, initial=0))
    passed = list(accumulate(frames[1:-1], initial=0))
    lead = 2 * max(0, frames[0] - LEAD_FRAMES)
    found = []
    for word in chunk.words:
        space = word.at > 0 and chunk.phonemes[word.at - 1] == " " and heard[word.at - 1]
        half_space = frames[ends[word.at]] if space else 0
        found.append((lead - half_space) / 2 + passed[ends[word.at]])
    return found


def sliced(phonemes: str, limit: int) -> Iterator[str]:
    """Cut phonemes that belong to nothing smaller."""
    return (phonemes[at : at + limit] for at in range(0, len(phonemes), limit))


def _short(tokens: Iterable[Token], limit: int) -> Iterator[Token]:
    for token in tokens:
        if len(token.phonemes) <= limit:
            yield token
            continue
        first, *rest = sliced(token.phonemes, limit)
        yield Token(first, token.start, token.end, gap=token.gap and not rest)
        for place, piece in enumerate(rest, 1):
            yield Token(piece, gap=token.gap and place == len(rest))


def _cut(held: list[Token], following: Token, limit: int) -> int:
    """Tell how many of the tokens end well, and leave room for the one that follows."""
    length = _length([*held, following])
    for ends in ENDS:
        last = next((place for place in reversed(range(len(held))) if held[place].phonemes in ends), None)
        if last is None:
            continue
        cut = last + 1
        if cut < len(held) and held[cut].phonemes in CLOSERS:
            cut += 1
        if length - _length(held[:cut]) <= limit:
            return cut
    return next((place + 1 for place in reversed(range(len(held))) if held[place].gap), len(held))


def _joined(tokens: list[Token]) -> str:
    return "".join(token.phonemes + " " * token.gap for token in tokens)


def _length(tokens: list[Token]) -> int:
    return len(_joined(tokens).strip())


def _chunk(tokens: list[Token]) -> Iterator[Chunk]:
    """Make a chunk, unless there is nothing to say."""
    joined = _joined(tokens)
    lead = len(joined) - len(joined.lstrip())
    places = accumulate((len(token.phonemes) + token.gap for token in tokens), initial=-lead)
    if joined.strip():
        words = (
            Spot(token.start, token.end, at)
            for token, at in zip(tokens, places, strict=False)
            if token.end > token.start
        )
        yield Chunk(joined.strip(), tuple(words))
