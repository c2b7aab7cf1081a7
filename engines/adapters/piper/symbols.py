"""From phonemes to the numbers that a Piper network reads.

Phonemes are single code points, decomposed. Before all of them stands `^`, behind all `$`; behind `^` and
behind each phoneme stands the padding `_`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate

from engines.adapters.piper.config import VoiceConfig

PADDING = "_"
BEGIN = "^"
END = "$"


class Symbols:
    """The symbols of one voice."""

    def __init__(self, config: VoiceConfig) -> None:
        self._ids = config.phoneme_id_map
        self._replacements = config.phoneme_map

    def spell(self, phonemes: str) -> str:
        """Return phonemes as the voice knows them: decomposed, replaced, those that it lacks left out."""
        return "".join(
            symbol
            for phoneme in unicodedata.normalize("NFD", phonemes)
            for symbol in self._replacements.get(phoneme, (phoneme,))
            if symbol in self._ids and symbol not in (PADDING, BEGIN, END)
        )

    def knows(self, symbol: str) -> bool:
        """Return whether the voice has a symbol."""
        return symbol in self._ids

    def ids(self, phonemes: str) -> list[int]:
        """Return the ids of phonemes that were spelt."""
        return [number for part in self._parts(phonemes) for number in part]

    def places(self, phonemes: str) -> list[int]:
        """Return for each phoneme the place of its first id, and behind them that of the end."""
        return list(accumulate(map(len, self._parts(phonemes))))

    def _parts(self, phonemes: str) -> Iterator[Sequence[int]]:
        """Yield the ids of the beginning, of each phoneme, and of the end, with the padding behind each."""
        padding = self._ids[PADDING]
        yield [*self._ids[BEGIN], *padding]
        for phoneme in phonemes:
            yield [*self._ids[phoneme], *padding]
        yield self._ids[END]
