"""Turn Spanish, French, Hindi, Italian and Portuguese into Kokoro's phonemes by eSpeak NG itself.

Where misaki and phonemizer are installed they do the same (`text`); this needs nothing but the library, and
yields what they yield.
"""

from __future__ import annotations

import re
from functools import cache

from engines.errors import EngineFailed
from engines.toolkit.espeak_library import Library
from engines.toolkit.espeak_text import pieces, prepare

VOICES = {"e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-br"}
"""the library's voices by Kokoro's letters for languages"""
MARKS = re.compile(r"(\s*[;:,.!?¡¿—…\"«»“”(){}\[\]]+\s*)+")
"""what the library would drop; it goes into the phonemes as it is"""
FLAG = re.compile(r"\(.+?\)")
"""of another language that begins: (en)"""
TIE = "\u0361"
LETTERS = {
    "aɪ": "I",
    "aʊ": "W",
    "dz": "ʣ",
    "dʒ": "ʤ",
    "eɪ": "A",
    "oʊ": "O",
    "əʊ": "Q",
    "ss": "S",
    "ts": "ʦ",
    "tʃ": "ʧ",
    "ɔɪ": "Y",
}
"""Kokoro's letters for sounds that eSpeak ties together, as misaki has them (misaki/espeak.py)"""
TIED = {f"{sound[0]}{TIE}{sound[1]}": letter for sound, letter in LETTERS.items()}
QUOTES = str.maketrans({"«": "“", "»": "”"})


@cache
def _library() -> Library:
    return Library()


class EspeakReader:
    """A language that eSpeak NG reads. One thread at a time."""

    def __init__(self, language: str) -> None:
        self._library = _library()
        self._voice = VOICES[language]

    def phonemize(self, text: str) -> str:
        """Return the phonemes of a text. Raises EngineFailed."""
        if not self._library.set_voice(self._voice):
            raise EngineFailed(f"eSpeak NG could not load the voice '{self._voice}'.")
        written = ""
        position = 0
        text = text.translate(QUOTES)
        for mark in MARKS.finditer(text):
            written += self._read(text[position : mark.start()]) + mark[0]
            position = mark.end()
        return (written + self._read(text[position:])).strip()

    def _read(self, text: str) -> str:
        """Return the phonemes of a stretch without marks."""
        if not text:
            return ""
        whole = prepare(text, self._read_aloud).text
        clauses = [
            clause
            for start, end in pieces(whole, self._read_aloud)
            for clause in self._library.clauses(whole[start:end], tie=TIE)
        ]
        spoken = " ".join(clause.phonemes for clause in clauses if clause.phonemes)
        spoken = FLAG.sub("", " ".join(spoken.split()))
        for sound, letter in TIED.items():
            spoken = spoken.replace(sound, letter)
        return spoken.replace(TIE, "").replace("-", "").strip()

    def _read_aloud(self, text: str) -> str:
        """Return the phonemes of a short text as the library has them."""
        return " ".join(clause.phonemes for clause in self._library.clauses(text))
