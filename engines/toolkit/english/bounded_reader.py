"""The package's reader of words, with a bound on what it reads as one, and its tables, read in less time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from hibari import g2p
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

    def __init__(self, oov: Callable[[str], str | None], *, british: bool) -> None:
        before = g2p._load_json
        g2p._load_json = _read_json
        try:
            super().__init__(oov, british=british)
        finally:
            g2p._load_json = before

    @staticmethod
    def retokenize(tokens: Sequence[Tok]) -> list[Word]:
        """Return words by what is read together; further ones that stand together follow without a space."""
        return [part for word in G2P.retokenize(tokens) for part in _parts(word)]


def _read_json(name: str) -> Any:  # noqa: ANN401 - tables of several kinds
    """Return one of the package's tables: by msgspec, since the start of a worker waits for it."""
    data = Path(g2p.ASSETS, name).read_bytes()
    return msgspec.json.decode(gzip.decompress(data) if name.endswith(".gz") else data)


def _parts(word: Word) -> Iterator[Word]:
    """Yield a word, or short stretches of those that stand together: a list holds two at least."""
    if not isinstance(word, list):
        yield word
        return
    for at in range(0, len(word), MOST_TOGETHER):
        part = word[at : at + MOST_TOGETHER]
        yield part if len(part) > 1 else part[0]
