"""Spell words that are in no dictionary, however long: the network for them reads no more than 24 letters.

The package cuts off the rest of a longer word. Here it is read in pieces, which begin with a syllable where
the letters tell one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from hibari.g2p.oov import OOV
from hibari.voices import ASSETS

VOWELS = frozenset("aeiouyæœøı")
SHORTEST_SHARE = 0.75
"""of the length of even pieces, that a piece has at least for the sake of its syllables"""


class UnknownWords:
    """The spelling of American or British words, loaded when it is first wanted."""

    def __init__(self, *, british: bool) -> None:
        self._file = Path(ASSETS, "oov_gb.onnx" if british else "oov.onnx")

    def __call__(self, word: str) -> str:
        """Return the phonemes of a word; nothing where the network knows none of its letters."""
        letters = "".join(letter for letter in word if letter in self._network.cin)
        pieces = cut_word(letters, self._network.maxlen)
        return "".join(self._network(piece) or "" for piece in pieces)

    @cached_property
    def _network(self) -> OOV:
        return OOV(str(self._file))


def cut_word(word: str, longest: int) -> Iterator[str]:
    """Yield a word in pieces of at most `longest` letters, about as long as each other."""
    while len(word) > longest:
        count = -(-len(word) // longest)
        even = -(-len(word) // count)
        shortest = max(1, round(SHORTEST_SHARE * even))
        cuts = [cut for cut in range(longest, shortest - 1, -1) if _begins_syllable(word, cut)]
        cut = min(cuts, key=lambda one: abs(one - even), default=even)
        yield word[:cut]
        word = word[cut:]
    if word:
        yield word


def _begins_syllable(word: str, index: int) -> bool:
    """Return whether a consonant before a vowel stands at an index, and letters before it."""
    return index + 1 < len(word) and not _is_vowel(word[index]) and _is_vowel(word[index + 1])


def _is_vowel(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter)[0].lower() in VOWELS
