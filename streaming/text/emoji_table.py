"""Names of emoji by language: a table made from Unicode's CLDR 48 by `scripts/emoji_names.py`."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from streaming.text.sign_names import row_of

ARCHIVE = "emoji_names.zip"
SEQUENCES = "sequences"
"""the file with the emoji, one a line, of which the others have the names"""
UNREAD = ("chr",)
"""languages whose own script no voice reads"""
SAME = {"nb": "no", "tl": "fil"}
"""codes of languages that share a file with another"""


def emoji_names(language: str) -> Mapping[str, str]:
    """Return the names of emoji in a language, by their code points without selectors; none where it has
    none. Takes half a megabyte a language (`forget_emoji_names`).
    """
    code = row_of(language)
    code = SAME.get(code, code)
    return _names(code) if code in _codes() else {}


@cache
def _names(code: str) -> Mapping[str, str]:
    return {emoji: name for emoji, name in zip(_lines(SEQUENCES), _lines(code), strict=True) if name}


def forget_emoji_names() -> None:
    """Give back the memory of all names."""
    _names.cache_clear()


@cache
def _codes() -> frozenset[str]:
    with _archive() as archive:
        return frozenset(name.removesuffix(".txt") for name in archive.namelist()) - {SEQUENCES, *UNREAD}


def _lines(name: str) -> list[str]:
    with _archive() as archive:
        return archive.read(f"{name}.txt").decode().split("\n")


@contextmanager
def _archive() -> Iterator[zipfile.ZipFile]:
    with (
        files("streaming.text").joinpath(ARCHIVE).open("rb") as file,
        zipfile.ZipFile(file) as archive,
    ):
        yield archive
