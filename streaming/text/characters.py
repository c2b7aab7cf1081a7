"""Characters as every engine knows them: composed, without what nobody sees, in their usual form.

Texts come from editors, web pages, chats and PDFs. What is the same to a reader is often another code point,
which engines spell out ("letter f f one"), leave out, or break a word at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text import letter_forms

MOST_MARKS = 30
"""combining marks that are composed with a letter; ordering more takes quadratic time, and is no letter"""
COMPOSABLE = rf"""
    \P{{M}} \p{{M}}{{1,{MOST_MARKS}}}+
    | [\u1100-\u11FF\uA960-\uA97F\uD7B0-\uD7FF]{{1,60}}+
    | [\u2126\u212A\u212B\uF900-\uFAFF\uFB1D-\uFB4F\U0002F800-\U0002FA1F]
"""
"""what NFC may change: letters with their marks, Korean letters, and some that were coded twice"""
DECOMPOSED = regex.compile(COMPOSABLE, regex.VERBOSE)
COMPATIBLE = (
    r"[\uFF01-\uFF5D&&[\p{L}\p{N}\p{S}％＃＆＠＊]]|[\uFF66-\uFF9D][\uFF9E\uFF9F]*|[\uFF9E\uFF9F]|[\uFFE0-\uFFE6]|[\U0001D400-\U0001D7FF]"
    r"|[\uFB00-\uFB06]|[\u2160-\u217F]|[\u3300-\u33FF]"
    r"|[\u2103\u2109\u210A-\u2113\u2115\u2119-\u211D\u2124\u2128\u212C\u212D\u212F-\u2134]"
)
"""full width, half width, mathematical letters, ligatures, Roman numerals, units in one square or sign: NFKC.

Punctuation in full width stays: it ends sentences and clauses.
"""
GROUPED = r"(?<![\d.,])\d{1,3}(?:[\u00A0\u202F\u2007\u2009]\d{3})+(?!\d)"
"""thousands that a space sets apart which no line breaks at"""
INVISIBLE = (
    r"[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F"
    r"\uFE00-\uFE0F\uFEFF\uFFF9-\uFFFB\U000E0100-\U000E01EF]"
)
JOINER = r"[\u200C\u200D](?<=[\p{Latin}\p{Greek}\p{Cyrillic}\p{N}].)"
"""which means something in Persian, in Indic scripts and in emoji only"""
SPACE = r"[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]"
APOSTROPHE = (
    r"[\u02B9\u02BC\u02CA\u0374\u1FBD\u1FBF\u0060\u00B4\u2018\u2019\u201B\u2032\uA78C\u055A\uFF07]"
    r"(?<=[\p{L}\p{M}].)(?=\p{L})"
)
"""what people and programs write for one, between letters"""
OPEN_APOSTROPHE = r"[\u02BC\uFF07](?<=\p{L}.)|[\u02BC\uFF07](?=\p{L})"
HYPHEN = r"[\u2010\u2011\uFE63\uFF0D]"
ARABIC_POINT = r"(?<=\p{Nd})\u066B(?=\p{Nd})"
ARABIC_COMMA = r"(?<=\p{Nd})\u066C(?=\p{Nd})"
CIRCLED = r"[\u2460-\u2473\u2776-\u277F\u24F5-\u24FE\u2780-\u2793]"
HEBREW_POINT = r"[\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]"
"""of the vowels and of singing, which engines that read Hebrew without them spell"""
WIDE_POINT = r"(?<=\p{Nd})．(?=\p{Nd})"
WIDE_COLON = r"(?<=\p{Nd})：(?=\p{Nd})"
WIDE_COMMA = r"(?<=(?<!\p{Nd})\p{Nd}{1,3}(?:，\p{Nd}{3}){0,5})，(?=\p{Nd}{3}(?!\p{Nd}))"
"""within a number; between others, as in 1，2，3, it stays"""
KEYCAP = r"(?<=[0-9#*]\uFE0F?)\u20E3"
DIGIT = r"(?![0-9])\p{Nd}"
ODD = regex.compile(
    rf"""(?V1)(?P<keycap>{KEYCAP})|(?P<grouped>{GROUPED})|(?P<invisible>{INVISIBLE}|{JOINER}|{HEBREW_POINT})|(?P<space>{SPACE})
    |(?P<apostrophe>{APOSTROPHE}|{OPEN_APOSTROPHE})|(?P<hyphen>{HYPHEN})|(?P<point>{ARABIC_POINT}|{WIDE_POINT})
    |(?P<comma>{ARABIC_COMMA})|(?P<wide>{WIDE_COMMA})|(?P<colon>{WIDE_COLON})|(?P<percent>\u066A)|(?P<circled>{CIRCLED})|(?P<digit>{DIGIT})
    |(?P<compatible>{COMPATIBLE})|(?P<form>{letter_forms.FORMS})""",
    regex.VERBOSE,
)
"""in one pass; the names of the groups say what becomes of each"""
WRITTEN = {
    "keycap": " ",
    "invisible": "",
    "space": " ",
    "apostrophe": "'",
    "hyphen": "-",
    "point": ".",
    "comma": "",
    "wide": ",",
    "colon": ":",
    "percent": "%",
}
SEPARATORS = regex.compile(SPACE)


def composed(text: str) -> Iterator[Edit]:
    """Yield the edits that put a text into NFC."""
    if text.isascii():
        return
    for match in DECOMPOSED.finditer(text):
        yield Edit(match.start(), match.end(), unicodedata.normalize("NFC", match[0]))


def usual(text: str) -> Iterator[Edit]:
    """Yield the edits that write the characters of a text in their usual form."""
    if text.isascii() and "`" not in text:
        return
    for match in ODD.finditer(text):
        yield Edit(match.start(), match.end(), _written(match.lastgroup or "", match))


def _written(kind: str, match: regex.Match[str]) -> str:
    found = match[0]
    match kind:
        case "grouped":
            return str(SEPARATORS.sub("", found))
        case "digit":
            return str(unicodedata.decimal(found, found))  # what is newer than this Python's Unicode stays
        case "circled":
            number = unicodedata.numeric(found, None)
            return found if number is None else f"{int(number)} "
        case "compatible":
            return unicodedata.normalize("NFKC", found)
        case "form":
            before, behind = match.start(), match.end()
            return letter_forms.written(
                found, match.string[max(0, before - 1) : before], match.string[behind : behind + 1]
            )
        case _:
            return WRITTEN[kind]
