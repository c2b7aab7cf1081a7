"""Dates in figures, `24/12/2026` and `2026-12-24`, as they are said, by Babel's long form of a language."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import lru_cache

import regex

from engines.api.offsets import Edit
from streaming.text.sign_names import row_of

CODES = """
de fr es it pt ca gl ro el nl vi id ms hi tr sw da nb sv af cs sk pl ru uk bg hr sl sr bs et lv lt
"""
DAY_FIRST = frozenset(CODES.split())
"""languages that write the day before the month"""
MONTHS = 12
LEAP = 2024
YEAR = r"(?P<year>(?:1[5-9]|20)\d\d)"
BEHIND = r"(?![\w/-]|[.,]\d)"
FIGURES = regex.compile(
    rf"(?<![\w.,/-])(?P<day>\d{{1,2}})(?P<mark>[/-])(?P<month>\d{{1,2}})(?P=mark){YEAR}{BEHIND}"
)
ISO = regex.compile(
    rf"(?<![\w.,/-]){YEAR}(?:-(?P<month>\d\d)-(?P<day>\d\d)|/(?P<month>\d\d?)/(?P<day>\d\d?)){BEHIND}"
)
WITHOUT_YEAR = regex.compile(
    r"(?<=\b(?:den|le|du|au|el|del|al|il|dal|op|em|dia|dne|dnia|am|vom|bis|до|с)\s)"
    r"(?P<day>\d{1,2})/(?P<month>\d{1,2})(?![\w/-]|[.,]\d)(?:\s(?=(?:19|20)\d\d\b))?",
    regex.IGNORECASE,
)
"""a day and a month behind a word that stands before days"""
LEFT = frozenset(["th", "fa", "ps", "am", "ar", "he", "ja"])
"""languages whose long form has another year, other figures, or letters that not every engine reads"""
PLAIN_SPACES = str.maketrans("\u00a0\u202f", "  ")
YEARS = {"ru": {" г.": " года"}, "uk": {" р.": " року"}, "be": {" г.": " года"}, "bg": {" г.": ""}}
SHORTENED = regex.compile(r"\p{L}\.")


def spelt_dates(text: str, language: str) -> Iterator[Edit]:
    """Yield the dates of a text in a language in words, with their days and years in figures."""
    code = row_of(language)
    if not any(mark in text for mark in "/-"):
        return
    is_known = code in DAY_FIRST or code in LEFT or code == "en"
    found = [*ISO.finditer(text), *(FIGURES.finditer(text) if is_known else ())]
    found += WITHOUT_YEAR.finditer(text) if code in DAY_FIRST else ()
    for match in sorted(found, key=lambda match: match.start()):
        if said := _said(match, code):
            yield Edit(match.start(), match.end(), said)


def _said(match: regex.Match[str], code: str) -> str:
    """Return what is said for a date, nothing where that is not known."""
    month, day = int(match["month"]), int(match["day"])
    if code in LEFT:
        return str(match[0]).replace("/", "-")
    if match.re is WITHOUT_YEAR:
        return _short(month, day, code) + " " * str(match[0]).endswith(" ")
    if code == "en" and match.re is FIGURES:
        if (month > MONTHS) == (day > MONTHS):  # nobody knows which is which
            return ""
        month, day = min(month, day), max(month, day)
    return _long(int(match["year"]), month, day, code)


@lru_cache(1024)
def _short(month: int, day: int, code: str) -> str:
    """Return a day and a month as they are written out."""
    from babel.dates import format_skeleton

    try:
        said = format_skeleton("MMMMd", datetime.date(LEAP, month, day), locale=code)
    except (ValueError, KeyError):
        return ""
    return str(said).translate(PLAIN_SPACES) if any(map(str.isalpha, said)) else ""


@lru_cache(1024)
def _long(year: int, month: int, day: int, code: str) -> str:
    """Return a date as it is written out; nothing where there is none, or the language is not known."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import format_date

    try:
        said = format_date(datetime.date(year, month, day), "long", locale=Locale.parse(code))
    except (UnknownLocaleError, ValueError):
        return ""
    said = said.translate(PLAIN_SPACES)
    for short, whole in YEARS.get(code, {}).items():
        said = said.replace(short, whole)
    is_plain = f"{year}" in said and any(map(str.isalpha, said)) and not SHORTENED.search(said)
    return said.rstrip(".") if is_plain else ""


def load_dates(language: str) -> None:
    """Load the names of months."""
    _long(2000, 1, 1, row_of(language))
