"""Scripts: which one a text is written in, and which languages are written in it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

import msgspec
import regex

LATIN = "Latin"
OTHER_LETTERS = "other letters"
"""letters of scripts that are not in SCRIPTS, by this name among theirs"""
PIECE = 20_000
"""code points that are counted in a millisecond"""
OF_FORMULAS = regex.compile(r"[\p{Latin}\p{Greek}]")
LETTERS = frozenset(["Lu", "Ll", "Lt", "Lo", "Nl"])
"""Unicode's categories of letters, without those that only modify others"""


class Script(msgspec.Struct, frozen=True):
    """A script of Unicode's, with the languages that are written in it."""

    name: str
    language: str
    """the one that is meant where nothing tells more, as in ISO-639-1"""
    others: frozenset[str] = frozenset()
    """further ones, where a detector may tell"""
    weight: int = 1
    """how many letters of an alphabet one of its characters stands for, about"""


def _script(name: str, languages: str, weight: int = 1) -> Script:
    first, *others = languages.split()
    return Script(name, first, frozenset(others), weight)


SCRIPTS = (
    _script(LATIN, "en"),
    _script("Cyrillic", "ru uk be bg sr mk kk ky mn tg tt ba cv"),
    _script("Han", "zh", 3),
    _script("Hiragana", "ja", 2),
    _script("Katakana", "ja", 2),
    _script("Hangul", "ko", 2),
    _script("Arabic", "ar fa ur ug ckb ps sd"),
    _script("Hebrew", "he yi"),
    _script("Greek", "el"),
    _script("Devanagari", "hi mr ne sa"),
    _script("Bengali", "bn as"),
    _script("Thai", "th"),
    _script("Tamil", "ta"),
    _script("Telugu", "te"),
    _script("Kannada", "kn"),
    _script("Malayalam", "ml"),
    _script("Gujarati", "gu"),
    _script("Gurmukhi", "pa"),
    _script("Oriya", "or"),
    _script("Sinhala", "si"),
    _script("Georgian", "ka"),
    _script("Armenian", "hy"),
    _script("Ethiopic", "am"),
    _script("Khmer", "km"),
    _script("Lao", "lo"),
    _script("Myanmar", "my"),
    _script("Tibetan", "bo"),
    _script("Cherokee", "chr"),
)
KANA = frozenset({"Hiragana", "Katakana"})
JAPANESE = next(script for script in SCRIPTS if script.name == "Hiragana")


def count_characters(text: str) -> Counter[str]:
    """Return how often each character is in a text: in pieces, so that no other thread waits for long."""
    times: Counter[str] = Counter()
    for at in range(0, len(text), PIECE):
        times.update(text[at : at + PIECE])
    return times


def letters_by_script(text: str) -> dict[str, int]:
    """Return how many letters of each script a text has, those of a denser script counted by its weight."""
    if text.isascii():
        return {LATIN: sum(times for char, times in count_characters(text).items() if char.isalpha())}
    times = count_characters(text)
    distinct = "".join(times)
    counts = {
        script.name: script.weight
        * sum(times[char] for run in _runs(script.name).findall(distinct) for char in run)
        for script in SCRIPTS
    }
    return {name: count for name, count in counts.items() if count}


def other_letters(text: str) -> int:
    """Return how many letters a text has that are of none of the known scripts, such as runes.

    Signs of no script that formulas have for Latin and Greek letters do not count, those for Hebrew ones do;
    nor does what only lengthens or modifies a letter.
    """
    if text.isascii():
        return 0
    return sum(
        times
        for char, times in count_characters(text).items()
        if unicodedata.category(char) in LETTERS
        and not _known().match(char)
        and not OF_FORMULAS.search(unicodedata.normalize("NFKC", char))
    )


def main_script(text: str) -> Script | None:
    """Return the script that most of a text is in; None where it has no letters of a known one.

    Kana among Han is Japanese.
    """
    counts = letters_by_script(text)
    japanese = sum(counts.get(name, 0) for name in KANA)
    if japanese:
        counts[JAPANESE.name] = japanese + counts.pop("Han", 0)
    name = max(counts, key=lambda one: counts[one], default="")
    return next((script for script in SCRIPTS if script.name == name and counts[name]), None)


@cache
def _known() -> regex.Pattern[str]:
    """Return what finds a character of a known script, also one that several scripts share."""
    return regex.compile("".join(["[", *(rf"\p{{scx={script.name}}}" for script in SCRIPTS), "]"]))


@cache
def _runs(script: str) -> regex.Pattern[str]:
    return regex.compile(rf"\p{{{script}}}+")
