"""Write numbers so that Hibari's front end reads all of their digits, and what stands between them.

What was seen with the package as it is: points between more than two groups of digits, zeros that begin a
number, and currency signs behind one are lost; a decimal comma makes 150 of 1,50.
"""

from __future__ import annotations

import re
from datetime import date

from engines.toolkit.english.traced_text import TracedText

ALONE = r"(?<![\w.,:/$£€-])"
ENDS = r"(?!\w|[.,:/-]\d)"
DOTTED = re.compile(r"(?:(?<![\w.,])|(?<=\b[vV]))\d+(?:\.\d+){2,}(?!\w|[.,]\d)")
"""a version, an address, a date"""
DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
"""dates with dots are written so, wherever they are"""
PHONE = re.compile(r"\d{3}\.\d{3}\.\d{4}")
ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
ZERO_GROUPS = re.compile(rf"{ALONE}(?=(?:\d+-)*0\d\d)\d+(?:-\d+)+{ENDS}")
"""numbers with hyphens, one of which begins with a zero, as those of phones do"""
ZERO_FIRST = re.compile(rf"{ALONE}(?<!\d )0\d\d{ENDS}|{ALONE}0\d{{3,}}{ENDS}|(?<=[A-Za-z]-)0\d\d+{ENDS}")
"""three digits behind a space may be thousands: 1 000"""
DECIMAL_COMMA = re.compile(rf"{ALONE}(\d+),(\d\d|\d(?= ?(?:[%€£$]|percent\b|per cent\b|euros?\b))){ENDS}")
"""no number has two digits behind a comma that parts thousands; of one digit only what follows can tell"""
SIGN_BEHIND = re.compile(r"(?:(?<=\d)|(?<=\d ))[$£€](?![\w$£€])")
ONE = re.compile(r"(?:^|[^\w.,-])1 ?")
NAMES = {"$": "dollar", "£": "pound", "€": "euro"}


def write_numbers(text: TracedText) -> TracedText:
    """Return a text with such numbers written in another way."""
    return (
        text.replace(DOTTED, _dotted)
        .replace(ZERO_GROUPS, lambda match: ", ".join(map(" ".join, match[0].split("-"))))
        .replace(ZERO_FIRST, lambda match: " ".join(match[0]))
        .replace(DECIMAL_COMMA, lambda match: f"{match[1]}.{match[2]}")
        .replace(SIGN_BEHIND, _currency)
    )


def _dotted(match: re.Match[str]) -> str:
    """Return groups of digits as a date, a phone's number, an address, or else as a version is read."""
    written = match[0]
    if (day := DAY_FIRST.fullmatch(written)) and (found := _date(day)):
        return f"{found.day} {found:%B} {found.year}"
    if PHONE.fullmatch(written):
        return written.replace(".", "-")
    groups = (" ".join(group) if group[0] == "0" else group for group in written.split("."))
    return (" dot " if ADDRESS.fullmatch(written) else " point ").join(groups)


def _date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None


def _currency(match: re.Match[str]) -> str:
    """Return the word for a sign behind a number."""
    before = match.string[: match.start()]
    is_one = ONE.fullmatch(before[-3 if before.endswith(" ") else -2 :])
    return f"{' ' * before[-1].isdigit()}{NAMES[match[0]]}{'' if is_one else 's'}"
