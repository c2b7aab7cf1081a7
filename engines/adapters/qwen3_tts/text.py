"""The texts of Qwen3-TTS: nothing that a caller writes is one of the signs that the model's prompts are made
of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def signs_pattern(signs: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of a tokenizer's own signs, such as `<|im_end|>`, the longest first."""
    ordered = sorted(filter(None, signs), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered)) or r"(?!)")


def plain_text(text: str, signs: re.Pattern[str]) -> str:
    """Return a text without the tokenizer's signs, and without white space at its ends.

    A line break at the beginning would become one token with the template's own before it, and a word would
    be lost. The space that takes a sign's place keeps what is around it from becoming another.
    """
    return signs.sub(" ", text).strip()


def says_something(text: str) -> bool:
    """Return whether there is anything to say in a text."""
    return any(map(str.isalnum, text))
