"""Turn English into Kokoro's phonemes without spaCy and eSpeak NG: by the front end of the package hibari.

Its dictionaries and rules are misaki's, its tagger and what spells unknown words are its own: most texts
become the same phonemes, without their quotation marks. Of misaki's marks it honours phonemes; a word marked
with a stress or flags is read as if it had no mark.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engines.adapters.kokoro.marks import Mark
from engines.toolkit.english.front_end import FrontEnd
from engines.toolkit.phoneme_chunks import Token


class LightEnglish:
    """English by hibari's front end. One thread at a time."""

    def __init__(self, *, british: bool) -> None:
        self._front_end = FrontEnd(british=british)

    def phonemize(self, text: str, marks: Sequence[Mark] = ()) -> list[Token]:
        """Return the tokens of a text, with a space between two sentences."""
        given = [
            (mark.start, mark.end, mark.value[1:])
            for mark in marks
            if isinstance(mark.value, str) and mark.value.startswith("/")
        ]
        tokens: list[Token] = []
        for _, sentence in self._front_end.sentences(text, given):
            tokens += sentence[:-1]
            tokens += [msgspec.structs.replace(last, space_after=True) for last in sentence[-1:]]
        return tokens
