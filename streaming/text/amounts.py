"""English amounts and fractions, written so that every engine reads them as they are meant.

Engines read "$5.3 billion" as "dollar five point three billion", "€29,99" as 2,999 euros, and "1/2" as "one
slash two".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit

CURRENCIES = {
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
    "¥": "yen",
    "₹": "rupees",
    "₩": "won",
    "₽": "roubles",
}
FACTORS = {
    **dict.fromkeys(("k", "K"), "thousand"),
    **dict.fromkeys(("m", "M", "mn", "mln"), "million"),
    **dict.fromkeys(("b", "B", "bn", "Bn"), "billion"),
    **dict.fromkeys(("t", "T", "tn"), "trillion"),
}
LARGE = re.compile(
    r"(?<!\w)([$€£¥₹₩₽])[ \u00a0]?(\d+(?:[.,]\d+)*)(?:[ -]?(hundred|thousand|million|billion|trillion)\b"
    r"|[ ]?(k|K|mn|mln|m|M|bn|Bn|b|B|tn|t|T)(?!\w))",
)
DECIMAL_COMMA = re.compile(r"(?<=[$€£])(\d{1,3}(?:\.\d{3})*),(\d{2})(?![\d.,]*\d)")
"""an amount as the rest of Europe writes it; a comma before three digits sets thousands apart"""
HALVES = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 8: "eighth", 10: "tenth"}
COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FRACTION = re.compile(r"(?<![\w/.,-])(?:(\d{1,3})[ ])?([1-9])/(10|[234568])(?![\w/]|[.,]\d|-\d)")
NUMBER_SIGN = re.compile(r"\b[Nn]o\.[ \u00a0]?(?=\d)")


def spelt_amounts(text: str) -> Iterator[Edit]:
    """Yield the edits of an English text, in order."""
    edits = [
        *(Edit(*match.span(), _large(match)) for match in LARGE.finditer(text)),
        *(Edit(*match.span(), _with_point(match)) for match in DECIMAL_COMMA.finditer(text)),
        *(Edit(*match.span(), spelt) for match in FRACTION.finditer(text) if (spelt := _fraction(match))),
        *(Edit(*match.span(), "number ") for match in NUMBER_SIGN.finditer(text)),
    ]
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def _large(match: re.Match[str]) -> str:
    number = match[2].replace(",", ".") if re.fullmatch(r"\d+,\d{1,2}", match[2]) else match[2]
    return f"{_decimals(number)} {match[3] or FACTORS[match[4]]} {CURRENCIES[match[1]]}"


def _decimals(number: str) -> str:
    """Return a number with its decimals in words: engines stress those of digits otherwise."""
    whole, point, decimals = number.partition(".")
    if not point or not decimals.isdigit():
        return number
    spelt = COUNTS[int(whole)] if len(whole) == 1 else whole
    return " ".join([spelt, "point", *(COUNTS[int(digit)] for digit in decimals)])


def _with_point(match: re.Match[str]) -> str:
    return f"{match[1].replace('.', ',')}.{match[2]}"


def _fraction(match: re.Match[str]) -> str:
    """Return a fraction in words, nothing for one that is none, such as 4/2."""
    above, below = int(match[2]), int(match[3])
    if above >= below:
        return ""
    name = HALVES[below] + "s" * (above > 1)
    whole = f"{match[1]} and " if match[1] else ""
    return f"{whole}{'a' if whole and above == 1 else COUNTS[above]} {name}"
