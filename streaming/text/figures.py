"""Figures with signs that engines read by their names, or as another number: 192.168.0.1, 3:1, 24/7, CO₂.

Also short forms with a slash, such as `w/o` and `t/m`, which are read as a letter and a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import regex

from engines.api.offsets import Edit
from streaming.text.addresses import DOT
from streaming.text.sign_names import names_of, row_of

NETWORK = (
    r"(?<![\w.])(?P<network>(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d))(?![\w]|\.\d)"
)
FORMULA = (
    r"(?<!\w)(?P<formula>(?=[A-Za-z()]{1,12}[₀-₉])(?:[A-Z][a-z]?[₀-₉]{0,3}|[()][₀-₉]{0,3}){1,12})(?![^\W₀-₉])"
)
ALWAYS = r"(?<![\w/.,])(?P<always>24/7)(?![\w/]|[.,]\d)"
NUMBERED = r"(?<![\w&#/])(?P<numbered>#)(?=\d{1,9}(?!\w))"
CLOCK = r"(?<=\b(?:kl|klo|klockan|kello)\.?\s)(?P<clock>\d{1,2}\.[0-5]\d)(?![\d.]*\d)"
RATIO = r"(?<![\w:.,/]|\bISO )(?P<ratio>\d{1,3}:(?:\d|\d{3})|1:\d{3,6})(?![\w:/]|[.,]\d)"
MANY = (
    r"(?<![\w.,$€£])(?![48]K)(?P<many>\d{1,3}(?:\.\d{1,2})?[KMB])(?P<more>\+?)"
    r"(?=\s(?!runs|races|series)\p{Ll}{3,}s\b|\s(?:people|of)\b)"
)
ANY = re.compile(r"\d[:.KMB/]|#\d|[₀-₉]|\w/")
"""what stands in each of them: most texts have none, and are soon searched for it"""
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
PART = regex.compile(r"[A-Z][a-z]?|[a-z]|[₀-₉]+")
BOOK = regex.compile(r"(?:^|\s)(?!Ratio|Score|Scale|Odds|At|By|The|A|In|Is|It|And|Or|On)\p{Lu}\p{Ll}+\.?\s$")
"""a name before two numbers, which are a place in a book, or a result"""
POWERS = {"K": "thousand", "M": "million", "B": "billion"}
CLOCKS = frozenset(["sv", "da", "nb", "fi"])
SHORT = {
    "en": {"w/o": "without", "w/": "with", "b/c": "because", "c/o": "care of"},
    "nl": {"t/m": "tot en met"},
    "pl": {"k/": "koło"},
}
"""short forms with a slash"""


def spelt_figures(text: str, language: str) -> Iterator[Edit]:
    """Yield such figures of a text in a language as they are said."""
    if not ANY.search(text):
        return
    code = row_of(language)
    for match in _pattern(code).finditer(text):
        kind = str(match.lastgroup if match.lastgroup != "more" else "many")
        said = _said(kind, match, code)
        if said:
            yield Edit(match.start(), match.end(), said)


def _said(kind: str, match: regex.Match[str], code: str) -> str:
    found = str(match[0])
    match kind:
        case "network":
            return found.replace(".", f" {DOT.get(code, 'dot')} ")
        case "formula":
            return " ".join(part.translate(SUBSCRIPTS) for part in PART.findall(found))
        case "always":
            return "24 7"
        case "numbered":
            return f"{names_of(code)['№'] or 'number'} "
        case "clock":
            return found.replace(".", ":")
        case "ratio":
            before = match.string[max(0, match.start() - 20) : match.start()]
            is_place = bool(BOOK.search(before))
            is_left = not is_place and found.split(":")[1][2:] and not found.startswith("1:")
            return "" if is_left else found.replace(":", " " if is_place else " to ")
        case "many":
            plus = " plus" if match["more"] else ""
            return f"{match['many'][:-1]} {POWERS[match['many'][-1]]}{plus}"
        case _:
            following = match.string[match.end() : match.end() + 1]
            return SHORT[code][found.casefold()] + " " * str(following).isalnum()


@cache
def _pattern(code: str) -> regex.Pattern[str]:
    kinds = [NETWORK, FORMULA, ALWAYS, NUMBERED]
    if code in CLOCKS:
        kinds.append(CLOCK)
    if code == "en":
        kinds += [RATIO, MANY]
    if written := SHORT.get(code):
        words = "|".join(regex.escape(word) for word in sorted(written, key=len, reverse=True))
        kinds.append(rf"(?<![\w/.])(?P<short>(?i:{words}))(?![/]|(?<=\w)\w|(?<=/)(?:\p{{L}}\b|\p{{Lu}}))")
    return regex.compile("|".join(kinds))
