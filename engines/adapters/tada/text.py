"""The texts that TADA reads: what it speaks, and the words of the recordings that it clones."""

from __future__ import annotations

from collections.abc import Iterable

from engines.adapters.tada.languages import WITHOUT_SPACES

CONTROL = "<|"
"""how each control token of Llama's begins: `<|eot_id|>` in a text would end the turn, not be read"""


def plain_text(text: str) -> str:
    """Return a text on one line in which Llama's tokenizer finds no control token."""
    return " ".join(text.replace(CONTROL, "< |").split())


def join_transcripts(transcripts: Iterable[str], language: str) -> str:
    """Return the words of recordings that follow each other."""
    return ("" if language in WITHOUT_SPACES else " ").join(map(plain_text, transcripts))
