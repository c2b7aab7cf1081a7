"""What is spoken of a text, for tests of the steps by which it is rewritten."""

from __future__ import annotations

from engines.api.offsets import Rewriting
from streaming.text.spoken import spoken_text


def spoken(text: str, language: str) -> str:
    """Return what is spoken of a text."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    return rewriting.text


def spoken_words(text: str, language: str) -> str:
    """Return what is spoken of a text, with single spaces."""
    return " ".join(spoken(text, language).split())
