"""Read English by the front end of the package hibari, and write it as eSpeak would: without the GPL.

The front end's letters are Kokoro's; the voices of Piper were trained with eSpeak's phonemes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
from hibari.voices import ASSETS

from engines.adapters.piper.symbols import Symbols
from engines.toolkit.english.front_end import FrontEnd
from engines.toolkit.english.pronunciation import hibari_phonemes
from engines.toolkit.phoneme_chunks import Chunk, ChunkWord
from engines.toolkit.phrases import Phrase

COMMON = {
    "A": "eɪ",
    "I": "aɪ",
    "W": "aʊ",
    "Y": "ɔɪ",
    "ᵊ": "ə",
    "ʤ": "dʒ",
    "ʧ": "tʃ",
    "“": "",
    "”": "",
    " —": ",",
    "—": ",",
    "…": ",",
    "...": ",",
}
AMERICAN = COMMON | {
    "O": "oʊ",
    "T": "ɾ",
    "ɜɹ": "ɜː",
    "əɹ": "ɚ",
    "ɑ": "ɑː",
    "ɔ": "ɔː",
    "ˈi": "ˈiː",
    "ˈu": "ˈuː",
}
BRITISH = COMMON | {"Q": "əʊ", "ɛː": "eə"}


class EnglishReader:
    """A reader of American or British English. One thread at a time."""

    def __init__(self, symbols: Symbols, *, british: bool) -> None:
        self._symbols = symbols
        self._british = british
        self._front_end = FrontEnd(british=british)
        self._table = BRITISH if british else AMERICAN
        vocabulary = Path(ASSETS, "vocab.json").read_bytes()
        self._letters = msgspec.json.decode(vocabulary, type=dict[str, int])
        self._pattern = re.compile("|".join(map(re.escape, sorted(self._table, key=len, reverse=True))))

    def phrases(self, text: str, pronunciations: Sequence[tuple[int, int, str]] = ()) -> Iterator[Phrase]:
        """Yield the phrases of a text; `pronunciations` are stretches of it with IPA."""
        given = [
            (start, end, hibari_phonemes(ipa, self._letters, british=self._british))
            for start, end, ipa in pronunciations
        ]
        for phrase in self._front_end.phrases(text, given):
            yield Phrase(self._rewrite(phrase.chunk), phrase.pause)

    def _rewrite(self, chunk: Chunk) -> Chunk:
        """Return a chunk in eSpeak's phonemes, its words at their new places."""
        starts = [word.first_phoneme for word in chunk.words]
        written = self._write(chunk.phonemes[: starts[0] if starts else None])
        words: list[ChunkWord] = []
        for word, (start, end) in zip(chunk.words, pairwise([*starts, len(chunk.phonemes)]), strict=True):
            words.append(ChunkWord(word.start, word.end, len(written)))
            written += self._write(chunk.phonemes[start:end])
        return Chunk(written, tuple(words))

    def _write(self, phonemes: str) -> str:
        return self._symbols.spell(self._pattern.sub(lambda match: self._table[match[0]], phonemes))
