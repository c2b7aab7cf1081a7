"""Fractions that are one character, powers, and feet with inches, in words.

Engines drop them, or run them into the number before, and 10⁶ becomes ten six.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from engines.api.offsets import Edit
from streaming.text.quantity_names import COUNTED, DIVIDED, FEET, PARTS, POWERS, SQUARES
from streaming.text.sign_names import names_of, row_of

GLYPHS = "½¼¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
BY_SIGNS = "½¼¾"
"""which have names among the signs, but in English, whose engines read them"""
FRACTION = re.compile(
    rf"(?<![\d.,/⁄])(?:(\d{{1,3}})[ ]?)?(?:([{GLYPHS}])|(?<!\d)(\d{{1,3}})⁄(\d{{1,3}}))(?![\w⁄])"
)
TYPED = {"1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾"}
FIGURES = re.compile(r"(?<![\w/.,-])(?:\d{1,3}(?P<whole>[ ]))?(?P<parts>1/[234]|2/3|3/4)(?![\w/]|[.,]\d|-\d)")
COUNTED_BY = re.compile(r"\s[^\W\d_]")
DAY_WORDS = re.compile(
    r"(?:^|\s)(?:den|le|du|au|el|del|al|il|dal|op|em|dia|dne|dnia|am|vom|bis|zum|до|с|к|o|a|na|od|do)\s$",
    re.IGNORECASE,
)
"""words before a day and a month"""
BEFORE = 8
SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹"
BASE = r"(?<=[0-9)\]])|(?<=(?<![^\W\d_])[A-Za-zα-ω])"
TWO = r"(?<=(?<![^\W\d_])[A-Za-zα-ω]{2})"
POWER = re.compile(rf"(?:{BASE})([⁺⁻]?)([{SUPERSCRIPT}]{{1,9}})(?![{SUPERSCRIPT}])")
"""behind a number, a bracket, or a letter alone; words and units have it otherwise"""
CARET = re.compile(
    rf"(?:{BASE}|{TWO})"
    r"\^(?:\{([-+−]?\d{1,9})\}|\(([-+−]?\d{1,9})\)|([-+−]?\d{1,9}|[-−]?[A-Za-z](?![^\W_]))(?![.,]?\d))"
)
SCIENTIFIC = re.compile(
    r"(?<![\w.,])(?<!\w-)(\d{1,19}[.,]\d{1,30}(?=[eE])|\d{1,19}(?=e|E[-+−]))[eE]([-+−]?)(\d{1,3})"
    r"(?![\w]|[.,]\d|-\w)"
)
"""a number with its power of ten: 1e-5"""
UNIT = re.compile(r"\d\s?[mglsGM]$")
PLAIN = str.maketrans(SUPERSCRIPT, "0123456789")
FOOT = re.compile(r"(?<![\d.,°′'’])(?<!°\s)(\d{1,2})\s?['′’](?:\s|-)?(\d{1,2})\s?(?:[\"″”]|''|’’|′′)(?!\w)")
ANY = re.compile(rf"[{GLYPHS}⁄{SUPERSCRIPT}^]|\d[eE][-+−\d]|\d\s?['′’][\s-]?\d")


def spelt_quantities(text: str, language: str) -> Iterator[Edit]:
    """Yield the quantities of a text in a language in words, in order."""
    if not ANY.search(text):
        return
    code = row_of(language)
    edits = [
        Edit(*match.span(), said) for match in FRACTION.finditer(text) if (said := _fraction(match, code))
    ]
    for match in POWER.finditer(text):
        if said := _power(match, match[1], match[2].translate(PLAIN), code):
            edits.append(Edit(*match.span(), said))
    for match in CARET.finditer(text):
        figures = match[1] or match[2] or match[3]
        if said := _power(match, _sign(figures[0]), figures.lstrip("-+−"), code):
            edits.append(Edit(*match.span(), said))
    times = names_of(code)["×"] or "×"
    edits += [
        Edit(*match.span(), f"{match[1]} {times} 10{_power(match, _sign(match[2]), match[3], code)}")
        for match in SCIENTIFIC.finditer(text)
    ]
    if names := FEET.get(code):
        feet, inches = names.split("/")
        edits += [Edit(*match.span(), _feet(match, feet, inches, code)) for match in FOOT.finditer(text)]
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def typed_fractions(text: str, language: str) -> Iterator[Edit]:
    """Yield the fractions of a text in a language that are figures with a slash, as one character each.

    They are fractions before what they are parts of, and behind a whole number; else they may be days.
    """
    code = row_of(language)
    if "/" not in text or code == "en" or (code not in PARTS and code not in DIVIDED):
        return
    for match in FIGURES.finditer(text):
        before = text[max(0, match.start() - BEFORE) : match.start()]
        if match["whole"] or (COUNTED_BY.match(text, match.end()) and not DAY_WORDS.search(before)):
            start = match.start("whole" if match["whole"] else "parts")
            yield Edit(start, match.end(), TYPED[match["parts"]])


def _fraction(match: re.Match[str], code: str) -> str:
    whole, glyph = match[1] or "", match[2]
    above, below = (match[3], match[4]) if not glyph else _parts(glyph)
    known = glyph or next((sign for sign in BY_SIGNS if _parts(sign) == (above, below)), "")
    if known and known in BY_SIGNS and code != "en":
        return "" if glyph else f"{whole}{known}"
    number = _words(int(above), int(below), code)
    space = "" if code in ("zh", "yue", "ja") else " "
    if not number:
        return f"{whole} {above}/{below}".strip()
    if code == "en" and whole and number.startswith("one "):
        number = "a" + number.removeprefix("one")
    joint = f"{space}{PARTS[code][0]}" if code in PARTS and PARTS[code][0] else ""
    return f"{whole}{joint}{space}{number}" if whole else number


def _parts(glyph: str) -> tuple[str, str]:
    """Return what is above and below the line of a fraction."""
    above, _, below = unicodedata.normalize("NFKC", glyph).partition("⁄")
    return above, below


def _words(above: int, below: int, code: str) -> str:
    """Return a fraction in words, nothing where they are not known."""
    if template := DIVIDED.get(code):
        return template.format(above=above, below=below)
    names = _names(code)
    if below not in names or not 0 < above < below:
        return ""
    forms = names[below]
    count = COUNTED[code].split("/")
    said = count[above - 1] if above <= len(count) else str(above)
    few = 1 < above < 5 or len(forms) < 3
    return f"{said} {forms[0] if above == 1 else forms[1] if few else forms[2]}"


@cache
def _names(code: str) -> dict[int, list[str]]:
    """Return the forms of the names of parts, by how many are a whole: one, some, in some languages many."""
    row = PARTS.get(code)
    if row is None:
        return {}
    words = [word.split("/") for word in row[1].split()]
    return {below: forms if len(forms) > 1 else forms * 2 for below, forms in enumerate(words, 2)}


def _sign(written: str) -> str:
    return "⁻" if written and written in "-−" else ""


def _power(match: re.Match[str], sign: str, exponent: str, code: str) -> str:
    before = match.string[max(0, match.start() - 5) : match.start()]
    if UNIT.search(before) or (exponent == "1" and not sign):  # of a note, rather
        return ""
    if exponent in ("2", "3") and not sign and code in SQUARES:
        return f" {SQUARES[code].split('/')[exponent == '3']}"
    minus = "−" if sign == "⁻" else ""
    template = POWERS.get(code, "^{}")
    behind = " " * match.string[match.end() : match.end() + 1].isalnum()
    return template.format(f"{minus}{exponent}") + behind


def _feet(match: re.Match[str], feet: str, inches: str, code: str) -> str:
    if code == "en":
        feet, inches = "foot" if match[1] == "1" else feet, "inch" if match[2] == "1" else inches
    return f"{match[1]} {feet} {match[2]} {inches}"
