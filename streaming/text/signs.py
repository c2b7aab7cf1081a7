"""Signs that engines drop, or name in English, where they stand alone: said by their names.

`sign_names.txt` has them by language, from Unicode's CLDR. What eSpeak NG reads by itself in a language, as
its phonemes show, has no name there, and is left to it: a sign between other things is only named where it
is known to be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from engines.api.offsets import Edit
from engines.languages import primary_language

SAME = {"no": "nb", "nn": "nb", "cmn": "zh", "wuu": "zh"}
"""codes of languages that share a row with another"""
CURRENCIES = "€$£¥₹₽₺₴"
OPERATORS = r"[<>^=+±×÷≈≤≥≠&@\#/~|\\∞√∑½¼¾‰%°№§]"
ALONE = re.compile(
    rf"""
    (?<![^\s]){OPERATORS}(?!\S)                   # between spaces: a > b
    | \A{OPERATORS}\Z
    | (?<=[\d)])[<>≤≥≈≠×÷±](?=[\d(])            # between numbers: 5>3
    | (?<![^\s(])[<>≤≥≈±~№§√](?=\s?[$€£]?\d)     # before a number: <5
    | (?<=\w)\^(?=[\w({{-])                      # x^2
    | (?<=\d)\s?[‰%](?!\w)
    | (?<=\d)\s?°(?![\w'’])
    | (?<=\d)\s?°\s?(?P<scale>[CF])\b
    | (?<!\w)\d*[½¼¾](?!\w)
    """,
    re.VERBOSE,
)
MONEY = re.compile(
    rf"(?<!\w)(?P<before>[{CURRENCIES}])[ ]?(?P<number>\d+(?:[.,]\d+)*)(?![\w{CURRENCIES}])"
    rf"|(?<=[\w.])[ ]?(?P<behind>[{CURRENCIES}])(?!\w)"
)
PERCENT = re.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)*)\s?%")
POINT = re.compile(r"\d+\.\d{1,2}")
WITH_POINT = frozenset(["en", "zh", "ja", "ko", "th", "he", "hi", "yue"])
"""languages in which a point stands before decimals"""
CODE = ""
"""where the names of a language's signs have the code of the language"""
SCALES = {
    "en": ("Celsius", "Fahrenheit"),
    "ru": ("Цельсия", "Фаренгейта"),
    "uk": ("Цельсія", "Фаренгейта"),
    "bg": ("Целзий", "Фаренхайт"),
    "el": ("Κελσίου", "Φαρενάιτ"),
    "ja": ("", "かし"),
    "zh": ("摄氏", "华氏"),
}
"""the names of temperatures' scales, in English those of all languages in Latin script"""
QUOTED_LINE = re.compile(r"\n[ \t]*>")
QUOTED_BEGINNING = re.compile(r"[ \t]*>")
"""a line of a mail that is quoted"""
MARKS = "#+|"
"""signs that begin lines of lists, headings and tables"""
LONGEST_LINE = 500
"""code points of a line that are looked at before a sign"""
ANY = re.compile(rf"{OPERATORS}|[{CURRENCIES}]")


def named_signs(text: str, language: str) -> Iterator[Edit]:
    """Yield the names of signs in a text of a language, which are English where they are not known in it."""
    if not ANY.search(text):
        return
    code = primary_language(language)
    code = SAME.get(code, code)
    names = _names(code)
    quotes = {match.end() - 1 for match in QUOTED_LINE.finditer(text)}
    if (first := QUOTED_BEGINNING.match(text)) and text[first.end() :].strip():
        quotes.add(first.end() - 1)
    edits = [
        Edit(*match.span(), said) for match in ALONE.finditer(text) if (said := _said(match, names, quotes))
    ]
    if code != "en":  # whose amounts are another step's
        edits += [
            Edit(*match.span(), said)
            for match in MONEY.finditer(text)
            if (said := _amount(match, names, code))
        ]
    if code in ("zh", "yue"):  # where it is said before the number
        edits += [Edit(*match.span(), f"百分之{match[1]}") for match in PERCENT.finditer(text)]
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def _said(match: re.Match[str], names: dict[str, str], quotes: set[int]) -> str:
    """Return what is said for a sign, nothing where it is left to the engine."""
    found = match[0].strip()
    if scale := match["scale"]:
        degrees, scales = names.get("°"), SCALES.get(names[CODE], SCALES["en"])
        return f" {degrees} {scales[scale == 'F']}" if degrees else ""
    number, sign = found[:-1], found[-1]
    at = match.end() - 1 - (len(match[0]) - len(match[0].rstrip()))
    if at in quotes or not names.get(sign) or (sign in MARKS and _begins_line(match.string, at)):
        return ""
    behind = " " * match.string[match.end() : match.end() + 1].isalnum()
    before = " " * match.string[match.start() - 1 : match.start()].isalnum()
    return f"{before}{number} {names[sign]}{behind}" if number else f"{before}{names[sign]}{behind}"


def _begins_line(text: str, at: int) -> bool:
    """Return whether a sign is the mark of an item or a heading, or in a table, which are not said."""
    line = text[text.rfind("\n", max(0, at - LONGEST_LINE), at) + 1 : at].strip()
    following = text[at + 1 : at + 3].strip()[:1]
    if text[at] == "|":
        return line.startswith("|") or (not line and bool(following))
    return not line and bool(following) and not following.isdigit()


def _amount(match: re.Match[str], names: dict[str, str], code: str) -> str:
    """Return an amount with its currency behind it, as it is said."""
    if sign := match["before"]:
        number = match["number"]
        if code not in WITH_POINT and POINT.fullmatch(number):
            number = number.replace(".", ",")
        return f"{number} {names[sign]}" if names.get(sign) else ""
    name = names.get(match["behind"] or "")
    return f" {name}" if name else ""


@cache
def _rows() -> dict[str, list[str]]:
    text = files("streaming.text").joinpath("sign_names.txt").read_text("utf-8")
    lines = (line.split("|") for line in text.splitlines() if not line.startswith("#"))
    return {code: names for code, *names in lines}


@cache
def _names(code: str) -> dict[str, str]:
    """Return the names of a language's signs; English ones where the language is not known at all."""
    rows = _rows()
    signs = ["|" if sign == "vertical" else sign for sign in rows[""]]
    return {CODE: code, **dict(zip(signs, rows.get(code, rows["en"]), strict=True))}
