"""Numbers whose thousands are set apart, joined: engines read "10 000" as ten and three noughts.

Spaces set thousands apart in much of Europe, apostrophes in Switzerland, dots or commas elsewhere. A space is
only taken for that where the numbers are no list and no telephone number; where others are usual, only where
something is counted by it (`streaming.text.counted_words`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.counted_words import is_counted
from streaming.text.money import locale_of, magnitudes
from streaming.text.sign_names import row_of

APOSTROPHES = r"(?<![\d.,'’\w])[1-9]\d{0,2}(?:['’]\d{3})+(?![\d'’])"
DOTS = r"(?<![\d.,\w])(?!\d{1,3}(?:\.\d{3}){3}(?!\.?\d))[1-9]\d{0,2}(?:\.\d{3}){2,}(?![.-]?\d)"
"""two dots at least, as one is a decimal point somewhere; an address of the Internet has three"""
SPACES = r"(?<![\d.,+/\w])(?<!\d[ ])(?<![+(][\d ]{0,9})[1-9]\d{0,2}(?:[ ]\d{3})+(?![ ]?\d|[/-]\d)"
NUMBER = regex.compile(rf"(?P<marked>{APOSTROPHES}|{DOTS})|(?P<spaced>{SPACES})")
ONE_DOT = regex.compile(r"(?<![\d.,\w])[1-9]\d{0,2}\.\d{3}(?![.]?\d)")
DOTTED = frozenset(["bs", "hr", "sr"])
"""languages whose thousands have dots, which the voices of eSpeak NG read by their name"""
ANY = re.compile(r"\d['’. ]\d{3}")
"""what stands in each of them: most texts have none, and are soon searched for it"""
NOT_DIGITS = regex.compile(r"\D")
TELEPHONE = regex.compile(r"\d{3}[ ]\d{3}[ ]\d{3}")
CURRENCY = regex.compile(r"[ ]?\p{Sc}")


def joined_thousands(text: str, language: str) -> Iterator[Edit]:
    """Yield the numbers of a text in a language, without what sets their thousands apart."""
    if not ANY.search(text):
        return
    code = row_of(language)
    edits = [
        Edit(match.start(), match.end(), NOT_DIGITS.sub("", match[0]))
        for match in NUMBER.finditer(text)
        if match["marked"] or _is_number(match, code)
    ]
    if code in DOTTED:
        edits += [
            Edit(match.start(), match.end(), match[0].replace(".", "")) for match in ONE_DOT.finditer(text)
        ]
    yield from sorted(edits)


def _is_number(match: regex.Match[str], language: str) -> bool:
    """Return whether groups of digits between spaces are one number."""
    groups, behind = match[0].split(" "), match.string[match.end() : match.end() + 24]
    if "000" in groups or CURRENCY.match(behind):
        return True
    if TELEPHONE.fullmatch(match[0]):
        return False
    word = behind[1:].split(" ")[0].strip(".,;:!?") if behind[:1] == " " else ""
    if word in magnitudes(language):
        return True
    if len(groups) > 2:
        return len(groups[0]) < 3
    if behind[:2].strip(" ").isdigit():
        return False
    if _sets_apart_by_spaces(language):
        return True
    before = match.string[max(0, match.start() - 24) : match.start()]
    return is_counted(before, groups[0], match.string[match.end() : match.end() + 24], language)


def _sets_apart_by_spaces(language: str) -> bool:
    from babel import Locale

    symbols = Locale.parse(locale_of(language)).number_symbols.get("latn") or {}
    return str(symbols.get("group", "")).isspace()
