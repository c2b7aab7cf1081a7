"""Texts that differ from request to request, so that nothing can be remembered."""

from __future__ import annotations

SENTENCE = (
    "The quick brown fox jumps over the lazy dog, "
    "and then it rests for a while in the shade of old tree number {}. "
)


def line(number: int) -> str:
    """Make one sentence, about 6 s of speech."""
    return SENTENCE.format(number).strip()


def paragraph(number: int, sentences: int = 4) -> str:
    """Make some sentences, about 6 s of speech each."""
    return "".join(SENTENCE.format(number * sentences + one) for one in range(sentences)).strip()
