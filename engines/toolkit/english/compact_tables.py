"""The front end's tables in a twentieth of the memory that dictionaries of Python's take.

Its lexicon has 180,000 words and its tagger 80,000 features; as dictionaries they take 70 MB, nearly half of
a worker. They are only ever asked for one entry, so the hashes of the keys in order, and the values in one
piece, do. A word that is in no table meets another's hash, of 64 bits, once in 10^14 words.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from hibari.g2p import G2P


def compact(g2p: G2P) -> None:
    """Replace the large tables of a front end, those of its lexicon and of its tagger."""
    for words in (g2p.lexicon.golds, g2p.lexicon.silvers):
        words.d = WordTable(words.d)
    g2p.tagger.weights = FeatureTable(g2p.tagger.weights, g2p.tagger.tags)


class _Keys:
    """Keys that are looked up by their hashes."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._hashes = array("q", sorted(map(hash, keys)))

    def find(self, key: str) -> int:
        """Return the rank of a key's hash; -1 where it is none of them."""
        number = hash(key)
        rank = bisect_left(self._hashes, number)
        return rank if rank < len(self._hashes) and self._hashes[rank] == number else -1


class WordTable:
    """A table from words to phonemes, or to phonemes for each part of speech."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        keys = sorted(table, key=hash)
        self._keys = _Keys(keys)
        self._several = {key: value for key, value in table.items() if not isinstance(value, str)}
        values = bytearray()
        self._starts = array("I", [0])
        for key in keys:
            values += b"" if key in self._several else table[key].encode()
            self._starts.append(len(values))
        self._values = bytes(values)

    def get(self, word: str) -> Any:  # noqa: ANN401 - phonemes, or those for each part of speech
        """Return what a word has; None where it is not in the table."""
        if word in self._several:
            return self._several[word]
        rank = self._keys.find(word)
        return None if rank < 0 else self._values[self._starts[rank] : self._starts[rank + 1]].decode()


class FeatureTable:
    """A table from features to the weights that they give to tags."""

    def __init__(self, table: Mapping[str, Mapping[str, float]], tags: Sequence[str]) -> None:
        keys = sorted(table, key=hash)
        numbers = {tag: number for number, tag in enumerate(tags)}
        self._tags = tuple(tags)
        self._keys = _Keys(keys)
        self._starts = array("I", [0])
        self._numbers = array("B")
        self._weights = array("d")
        for key in keys:
            self._numbers.extend(numbers[tag] for tag in table[key])
            self._weights.extend(table[key].values())
            self._starts.append(len(self._weights))

    def get(self, feature: str) -> dict[str, float] | None:
        """Return the weight of each tag for a feature; None where it is not in the table."""
        rank = self._keys.find(feature)
        if rank < 0:
            return None
        entry = slice(self._starts[rank], self._starts[rank + 1])
        tags = (self._tags[number] for number in self._numbers[entry])
        return dict(zip(tags, self._weights[entry], strict=True))
