"""Numbers in words, for models that know letters only.

num2words writes them, where that is installed and knows the language.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

from engines.languages import primary_language

NUMBER = re.compile(r"\d{1,15}")


def spell_numbers(text: str, language: str) -> str:
    """Return a text with its whole numbers in words of a language (a BCP-47 tag), by default English.

    Numbers that num2words cannot write stay as they are.
    """
    if not NUMBER.search(text) or find_spec("num2words") is None:
        return text
    from num2words import num2words

    def in_words(match: re.Match[str]) -> str:
        try:
            words = str(num2words(int(match[0]), lang=primary_language(language) or "en"))
        except Exception:  # a language or a number that it does not know; it says so in many ways
            return match[0]
        before = text[: match.start()][-1:]
        after = text[match.end() :][:1]
        return " " * before.isalpha() + words + " " * after.isalpha()

    return NUMBER.sub(in_words, text)


def has_letters(text: str) -> bool:
    """Tell whether there is something to speak: not only signs, or numbers that are not in words."""
    return any(char.isalpha() for char in text)
