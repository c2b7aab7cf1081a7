"""Names of signs, by language: a table made from Unicode's CLDR."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from engines.languages import primary_language

SAME = {"no": "nb", "nn": "nb", "cmn": "zh", "wuu": "zh", "hak": "zh"}
"""codes of languages that share a row with another"""
CODE = ""
"""where the names of a language's signs have the code of the language"""


def row_of(language: str) -> str:
    """Return the code of the row that a language's names are in."""
    code = primary_language(language)
    return SAME.get(code, code)


@cache
def rows() -> dict[str, list[str]]:
    """Return the names by the codes of languages, in the order of the signs, which stand under no code."""
    text = files("streaming.text").joinpath("sign_names.txt").read_text("utf-8")
    lines = (line.split("|") for line in text.splitlines() if not line.startswith("#"))
    return {code: names for code, *names in lines}


@cache
def names_of(code: str) -> dict[str, str]:
    """Return the names of a language's signs; English ones where the language is not known at all."""
    signs = ["|" if sign == "vertical" else sign for sign in rows()[""]]
    return {CODE: code, **dict(zip(signs, rows().get(code, rows()["en"]), strict=True))}
