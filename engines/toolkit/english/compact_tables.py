"""The front end's tables in a twentieth of the memory that dictionaries of Python's take.

Its lexicon has 180,000 words and its tagger 80,000 features; as dictionaries they take 70 MB, nearly half of
a worker. They are only ever asked for one entry, so the hashes of the keys in order, and the values in one
piece, do. A word that is in no table meets another's hash, of 64 bits, once in 10^14 words. They are made at
each start, key by key in C.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
from hibari.g2p import G2P


def compact(g2p: G2P) -> None:
    """Replace the large tables of a front end, those of its lexicon and of its tagger."""
    for words in (g2p.lexicon.golds, g2p.lexicon.silvers):
        words.d = WordTable(words.d)
    g2p.tagger.weights = FeatureTable(g2p.tagger.weights, g2p.tagger.tags)


class _Keys:
    """Keys that are looked up by their hashes."""

    def __init__(self, keys: Collection[str]) -> None:
        hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
        order = np.argsort(hashes)
        self._hashes = array("q", hashes[order].tobytes())
        self._places = array("I", order.astype(np.uint32).tobytes())

    def find(self, key: str) -> int:
        """Return the place of a key among those that were given; -1 where it is none of them."""
        number = hash(key)
        rank = bisect_left(self._hashes, number)
        is_known = rank < len(self._hashes) and self._hashes[rank] == number
        return self._places[rank] if is_known else -1


class WordTable:
    """A table from words to phonemes, or to phonemes for each part of speech."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._keys = _Keys(table)
        self._several = {key: value for key, value in table.items() if not isinstance(value, str)}
        values = [value.encode() if isinstance(value, str) else b"" for value in table.values()]
        self._starts = array("I", accumulate(map(len, values), initial=0))
        self._values = b"".join(values)

    def get(self, word: str) -> Any:  # noqa: ANN401 - phonemes, or those for each part of speech
        """Return what a word has; None where it is not in the table."""
        if word in self._several:
            return self._several[word]
        place = self._keys.find(word)
        return None if place < 0 else self._values[self._starts[place] : self._starts[place + 1]].decode()


class FeatureTable:
    """A table from features to the weights that they give to tags."""

    def __init__(self, table: Mapping[str, Mapping[str, float]], tags: Sequence[str]) -> None:
        numbers = {tag: number for number, tag in enumerate(tags)}
        entries = table.values()
        self._tags = tuple(tags)
        self._keys = _Keys(table)
        self._starts = array("I", accumulate(map(len, entries), initial=0))
        self._numbers = array("B", map(numbers.__getitem__, chain.from_iterable(entries)))
        self._weights = array("d", chain.from_iterable(entry.values() for entry in entries))

    def get(self, feature: str) -> dict[str, float] | None:
        """Return the weight of each tag for a feature; None where it is not in the table."""
        place = self._keys.find(feature)
        if place < 0:
            return None
        entry = slice(self._starts[place], self._starts[place + 1])
        tags = (self._tags[number] for number in self._numbers[entry])
        return dict(zip(tags, self._weights[entry], strict=True))
