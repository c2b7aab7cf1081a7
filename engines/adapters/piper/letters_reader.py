"""Read a text letter by letter, for the voices that were trained without phonemes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.adapters.piper.phrases import find_terminator
from engines.toolkit.phoneme_chunks import Token

PART = re.compile(r"(?P<word>[^\W_](?:[\w'’-]*[^\W_])?)|(?P<mark>\S)")


class LettersReader:
    """A reader of texts for a voice with some symbols; capitals that are none are read as small letters."""

    def __init__(self, symbols: frozenset[str]) -> None:
        self._symbols = symbols

    def read(self, text: str) -> Iterator[Token]:
        """Yield the words of a text and the marks between them."""
        for part in PART.finditer(text):
            space = text[part.end() : part.end() + 1].isspace()
            if part["word"] is not None:
                letters = "".join(one if one in self._symbols else one.casefold() for one in part[0])
                yield Token(letters, part.start(), part.end(), space_after=space)
            else:
                yield Token(find_terminator(part[0]) or part[0], space_after=space)
