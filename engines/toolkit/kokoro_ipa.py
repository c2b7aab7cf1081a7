"""Write IPA, as people and dictionaries have it, in Kokoro's letters.

Kokoro writes diphthongs and affricates as one letter each (`A` is eɪ, `ʤ` is dʒ), has no mark between
syllables, and its Americans know neither length nor a tapped ɾ (`T`). The letters are misaki's,
https://github.com/hexgrad/misaki/blob/main/EN_PHONES.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

IGNORED = frozenset("\u0361\u035c.‿|‖/[]")
"""ties, and marks between syllables and feet: Kokoro would make a pause of the full stop"""
COMMON = {
    "eɪ": "A",
    "aɪ": "I",
    "aʊ": "W",
    "oʊ": "O",
    "əʊ": "Q",
    "ɔɪ": "Y",
    "dʒ": "ʤ",
    "tʃ": "ʧ",
    "dz": "ʣ",
    "ts": "ʦ",
    "g": "ɡ",
    "'": "ˈ",
    ":": "ː",
    "ɫ": "l",
}
ENGLISH = COMMON | {
    "dz": "dz",
    "ts": "ts",
    "l\u0329": "ᵊl",
    "n\u0329": "ᵊn",
    "m\u0329": "ᵊm",
    "ɝ": "ɜɹ",
    "ɚ": "əɹ",
    "r": "ɹ",
    "ɐ": "ə",
    "x": "k",
    "ç": "k",
    "ɬ": "l",
    "\u0303": "",
}
AMERICAN = ENGLISH | {
    "əʊ": "O",
    "ɒ": "ɑ",
    "ɜː": "ɜɹ",
    "ɝː": "ɜɹ",
    "ː": "",
    ":": "",
    "ɾ": "T",
    "e": "ɛ",
    "ʔ": "t",
}
BRITISH = ENGLISH | {"oʊ": "Q", "eə": "ɛː", "ɾ": "t", "e": "ɛ", "ʔ": "t"}
TABLES = {"a": AMERICAN, "b": BRITISH}


def kokoro_phonemes(ipa: str, language: str, vocabulary: Container[str]) -> str:
    """Return IPA in Kokoro's letters, without those that are not in the `vocabulary`.

    `language` is Kokoro's letter for it: `a` is American English.
    """
    table = TABLES.get(language, COMMON)
    decomposed = unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")
    plain = "".join(char for char in decomposed if char not in IGNORED)
    pattern = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    written = re.sub(pattern, lambda match: table[match[0]], plain)
    return " ".join("".join(char for char in written if char.isspace() or char in vocabulary).split())
