"""Numbers in words, for models that know letters only: num2words, where that is installed and knows the
language.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

NUMBER = re.compile(r"\d{1,15}")


def spelled(text: str, language: str) -> str:
    """Write the whole numbers of a text in words of a language (a BCP-47 tag); as they stand where nobody
    knows how.
    """
    if not NUMBER.search(text) or find_spec("num2words") is None:
        return text
    from num2words import num2words

    def words(found: re.Match[str]) -> str:
        try:
            said = str(num2words(int(found[0]), lang=language.partition("-")[0] or "en"))
        except Exception:  # a language or a number that it does not know; it says so in many ways
            return found[0]
        before, after = text[: found.start()][-1:], text[found.end() :][:1]
        return " " * before.isalpha() + said + " " * after.isalpha()

    return NUMBER.sub(words, text)


def is_silent(text: str) -> bool:
    """Tell whether there is nothing to be said: signs, or numbers that could not be written in words."""
    return not any(char.isalpha() for char in text)
