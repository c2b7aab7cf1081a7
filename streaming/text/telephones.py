"""Telephone numbers, and other long codes that are written in groups, said digit by digit.

Engines read their groups as thousands, as ordinals, or say "dash" between them. A number is known by its form
in any country: a plus, a nought or brackets before it, groups that no amount has, or a word beside it that
says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.money import LETTER
from streaming.text.sign_names import row_of

NO_PART = rf"(?<!{LETTER}|[\d.,+/#_-])"
ENDS = rf"(?!{LETTER}|[-/_]?\d|[.,:]\d)"
FIRST = r"[ ]?\(\d{1,5}\)[ ]?\d{1,8}"
CODES = rf"""
    {NO_PART}\d{{1,8}}(?:-\d{{1,8}}){{2,5}}{ENDS}
    | {NO_PART}\d{{3}}\.\d{{3}}\.\d{{3}}-\d\d{ENDS}
    | {NO_PART}\d{{4}}(?:[ ]\d{{4}}){{2,5}}(?:[ ]\d{{1,4}})?{ENDS}
    | (?<![\w-])[A-Z]{{2}}\d\d(?:[ ]\d{{4}}){{3,6}}(?:[ ]\d{{1,4}})?{ENDS}
"""
"""of books, parcels, cards and accounts"""
BRAZILIAN = r"\d\d(?=\)[ ]?\d{4,5}-\d{4})"
NUMBERS = rf"""
    (?P<international>(?<!{LETTER}|[\d.,+/_-])\+\d{{1,15}}(?:{FIRST})?(?:[ ./-]\d{{1,8}}){{0,6}}{ENDS})
    | (?P<national>{NO_PART}(?:0\d{{1,5}}(?:[ ]?[ /–-]\d{{2,8}}){{1,5}}|0\d(?:\.\d\d){{4}}|0\d{{7,12}}){ENDS})
    | (?P<bracketed>{NO_PART}(?:[18][ ])?\((?:0\d{{1,5}}|\d{{3}}|{BRAZILIAN})\)[ ]?\d{{2,8}}
      (?:[ -]\d{{2,8}}){{0,4}}{ENDS})
    | (?P<american>{NO_PART}(?:1[-. ])?\d{{3}}(?P<mark>[-. ])\d{{3}}(?P=mark)\d{{4}}{ENDS})
    | (?P<local>{NO_PART}[2-9]\d\d-\d{{4}}{ENDS}(?!\s\p{{Ll}}{{3,}}s\b))
    | (?P<code>{CODES})
    | (?P<triples>{NO_PART}\d{{3}}(?:[ ]\d{{3}}){{2}}(?![ ]?[\p{{L}}\p{{Sc}}%]){ENDS})
    | (?P<labelled>{NO_PART}(?:\d{{7,13}}|\d{{2,5}}(?:[ -]\d{{2,8}}){{1,5}}){ENDS})
"""
NUMBER = regex.compile(NUMBERS, regex.VERBOSE | regex.V1)
ANY = regex.compile(r"\d(?:[ ()./–-]{0,3}\d){5}")
LABEL = regex.compile(
    r"""(?:^|[^\p{L}])(?:
    tele?[fp]h?on\w*|tel|tlf|puh|fax|phone|mobile?\w*|handy|hotline|whatsapp|sms|call|dial|ring\w*|anruf\w*|bel|bellen
    |bel\s\w+|llam\w+|chiam\w+|appele\w+|ligue|ligar|zadzwoń|dzwoń|volejte|zavolej\w*|hívj\w*|soita|sună|sunați
    |звон\w+|позвон\w+|телефон\w*|тел|дзвон\w+|phone\snumber|numéro
    )[.:]?(?:\s\p{L}{1,4})?[\s:]{1,3}\Z
    |(?:電話(?:番号)?|でんわ|电话|手机|전화(?:번호)?|اتصل|هاتف|कॉल|फ़ोन|फोन)[^\d.!?。]{0,8}\Z""",
    regex.VERBOSE | regex.IGNORECASE,
)
"""what stands before a telephone number"""
BEFORE = 24
"""code points of the text before a number that are looked at"""
NINE = frozenset(["cs", "es", "pl", "pt", "sk"])
"""languages in which three groups of three digits are one by themselves, where they count nothing"""
LEAST = {
    **{"international": 8, "national": 7, "bracketed": 7, "american": 7, "local": 7, "code": 9},
    **{"triples": 9, "labelled": 6},
}
"""digits, by what a number is known by"""
MOST = {"code": 34}
MOST_OF_OTHERS = 19
YEAR = regex.compile(r"(?:1[5-9]|20)\d\d")
DATE = regex.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}|\d{4}-\d\d-\d\d\b.*")
PAIRED = frozenset(["fr", "da", "nb"])
"""languages that say numbers of pairs as such"""
PART = regex.compile(r"\d+|[^\d+A-Z]+")


def spelt_telephones(text: str, language: str) -> Iterator[Edit]:
    """Yield the digits of the telephone numbers of a text in a language, apart."""
    if not ANY.search(text):
        return
    code = row_of(language)
    for match in NUMBER.finditer(text):
        if _is_one(match, code):
            yield from _apart(match, code)


def _is_one(match: regex.Match[str], code: str) -> bool:
    found = match[0]
    kind = next(name for name in LEAST if match[name])
    groups = regex.findall(r"\d+", found)
    count = sum(map(len, groups))
    if not LEAST[kind] <= count <= MOST.get(kind, MOST_OF_OTHERS) or DATE.fullmatch(found):
        return False
    if kind == "international":
        return "000" not in groups
    if kind == "local":
        return not found.endswith("0")
    if all(map(YEAR.fullmatch, groups)):
        return False
    if kind in ("labelled", "triples"):
        is_told = bool(LABEL.search(match.string[max(0, match.start() - BEFORE) : match.start()]))
        return is_told or (kind == "triples" and code in NINE and "000" not in groups)
    return True


def _apart(match: regex.Match[str], code: str) -> Iterator[Edit]:
    found = match[0]
    is_paired = code in PAIRED and max(map(len, regex.findall(r"\d+", found))) < 3
    for part in PART.finditer(found):
        start, end = match.start() + part.start(), match.start() + part.end()
        if not part[0][0].isdigit():
            yield Edit(start, end, ", " if part.start() else "")
        elif not is_paired and len(part[0]) > 1:
            before = " " * (part.start() > 0 and found[part.start() - 1].isalpha())
            yield Edit(start, end, before + " ".join(part[0]))
