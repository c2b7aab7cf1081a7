"""Roman figures as numbers where eSpeak NG spells them: `XIV` in some languages, `LVIII` in all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit
from streaming.text.ordinals import roman_value
from streaming.text.sign_names import row_of

CODES = """
am ar as az be bn cy el et eu fa fi ga gd gu he hi hu hy is ja kk kn ko ku ky lb lt lv mk ml mr mt my nb nl
or pa sd si sq sv sw ta te th tk tr tt ug ur uz vi yue zh
"""
SPELT = frozenset(CODES.split())
"""languages, as its phonemes show"""
FIGURES = re.compile(r"(?<![\w.'’-])[IVX]{2,7}(?![\w'’-])")
LARGE = re.compile(
    r"(?<![\w.'’-])(?=[MDCLXVI]{0,9}[MDCL])(?:[MDCLXVI]{4,12}|L[XVI]{2}|X[LC][IVX])(?![\w'’-])"
)
"""figures of fifty and more, which are no abbreviations by their length or beginning; engines spell them"""
WORDS = re.compile(r"(?:VI|LIV)\Z")
"""figures that are words too, "we" in Swedish and Norwegian, and a name"""
CAPITALS = re.compile(r"[^\W\d_a-zåäöøæ]{2,}\s\Z|(?:^|[.!?]\s)\Z")
LOUD = re.compile(r"\s[^\W\d_a-zåäöøæ]{2,}\b")
CALLED = re.compile(r"\b(?!The|And|For|With|From|But)[A-Z][^\W\d_]{2,}\s\Z")
"""a name, which a number may belong to"""
NAME = re.compile(r"(?:^|[\s(])[A-ZÅÄÖØ][^\W\d_]+\s$")
NO_NAMES = re.compile(r"(?:Hoofdstuk|Deel|Kapitel|Del|Boek|Band|Kapittel|Artikel|Akt|Fase|Type|Typ)\s$")
ARTICLES = {"nl": "de ", "sv": "den ", "nb": "den "}
"""languages whose ordinals stand behind rulers' names with an article"""
LIBRARY = {"nl": "nl", "sv": "sv", "nb": "no"}


def read_roman(text: str, language: str) -> Iterator[Edit]:
    """Yield the Roman figures of a text in a language as numbers, behind a name as ordinals."""
    code = row_of(language)
    edits = [
        Edit(*match.span(), str(number))
        for match in LARGE.finditer(text)
        if (number := roman_value(match[0])) and not _is_word(text, match)
    ]
    yield from sorted([*edits, *_small(text, code)])


def _small(text: str, code: str) -> Iterator[Edit]:
    if code not in SPELT:
        return
    for match in FIGURES.finditer(text):
        if (number := roman_value(match[0])) and not _is_word(text, match):
            before = text[max(0, match.start() - 24) : match.start()]
            is_ruler = code in ARTICLES and NAME.search(before) and not NO_NAMES.search(before)
            yield Edit(*match.span(), _behind_name(number, code) if is_ruler else f"{number}")


def _is_word(text: str, match: re.Match[str]) -> bool:
    """Return whether figures are rather a word, by the capitals and the words beside them."""
    if not WORDS.match(match[0]):
        return False
    before = text[max(0, match.start() - 24) : match.start()]
    is_loud = bool(CAPITALS.search(before) or LOUD.match(text, match.end()))
    return is_loud or (match[0] == "LIV" and not CALLED.search(before))


def _behind_name(number: int, code: str) -> str:
    from num2words import num2words

    return ARTICLES[code] + str(num2words(number, lang=LIBRARY[code], to="ordinal"))
