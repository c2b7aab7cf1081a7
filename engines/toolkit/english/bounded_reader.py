"""The package's reader of words, with a bound on what it reads as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from hibari.g2p import G2P
from hibari.g2p.token import Tok

MOST_TOGETHER = 24
"""words and signs without a space between them that are read together. The package tries all stretches of
them, longest first, and so took minutes for a thousand signs; what people write together is a few
"""
Word: TypeAlias = Tok | list[Tok]
"""a word, or those that stand together without a space"""


class BoundedReader(G2P):  # type: ignore[misc]  # the package has no types
    """The package's reader, whose time for words and signs without spaces grows as their number does."""

    @staticmethod
    def retokenize(tokens: Sequence[Tok]) -> list[Word]:
        """Return words by what is read together; further ones that stand together follow without a space."""
        return [part for word in G2P.retokenize(tokens) for part in _parts(word)]


def _parts(word: Word) -> Iterator[Word]:
    """Yield a word, or short stretches of those that stand together: a list holds two at least."""
    if not isinstance(word, list):
        yield word
        return
    for at in range(0, len(word), MOST_TOGETHER):
        part = word[at : at + MOST_TOGETHER]
        yield part if len(part) > 1 else part[0]
