"""Abbreviated weekdays and months, alone beside numbers and in ranges such as `Mon–Fri`, as whole words.

Engines read `Mo` as a syllable, spell `Pn`, and leave out the dash between both. The names are those of
Unicode's CLDR, by way of Babel; `calendar_cases.py` has what stands from one to another where they decline.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import regex

from engines.api.offsets import Edit
from streaming.text.calendar_cases import CASES, PREPOSITIONS, whole
from streaming.text.ranges import UNSPACED, UNTIL
from streaming.text.sign_names import row_of

DAY, MONTH = "day", "month"
FIRST_DAY = 6
"""of the week, Sunday, in Babel, whose Monday is 0"""
OTHERS = {
    "en": "Tues=1 Weds=2 Thur=3 Thurs=3 Sept=m9",
    "de": "Mär=m3 Sep=m9 Jän=m1",
    "pl": "pn=0 czw=3 nd=6 ndz=6",
    "es": "sep=m9",
    "ru": "фев=m2 сен=m9 ноя=m11",
    "nl": "mar=m3",
    "sv": "mar=m3",
    "nb": "mar=m3",
    "zh": "星期一=0 星期二=1 星期三=2 星期四=3 星期五=4 星期六=5 星期日=6 周天=6",
    "da": "tir=1 tor=3",
    "fr": "jan=m1 fév=m2 juill=m7",
}
"""what is also written, and the day or month that it is"""
LETTERS_OF_DAYS = frozenset(
    ["en", "de", "nl", "cs", "sk", "fi", "da", "nb", "sv", "ru", "uk", "pl", "tr", "ja"]
)
"""languages in which two letters, or one, stand for a day, and are taken for one in a range"""
MONTHS_BEFORE = frozenset(["en", "hu"])
"""languages in which a day stands behind its month"""
CAPITALS = frozenset(["en", "de"])
"""languages that write months and days with a capital letter"""
NO_MONTHS = frozenset(["cs", "fi"])
"""languages whose short months are other words too"""
SHORTEST = 3
DASH = r"\s?[-–—]\s?"
WAVE = r"\s?[-–—~～〜]\s?"
WORDS = regex.compile(r"[\p{L}\p{M}]+")
DASHES = regex.compile(r"[-–—~～〜]")
AFTER_DOT = r"(?:॰|(?-i:\.(?=\s+[\p{Ll}\d]|\s?[,;:)–—-])))?+"
"""the dot of an abbreviation that ends no sentence"""
CLOCK = r",?\s\d{1,2}(?:[:.h]\d\d|\s?(?:[ap]\.?m\b|Uhr\b|uur\b|h\b)|\s?[–-]\s?\d)"
HOUR = r",?\s\d{1,2}(?:[:.]\d\d)?(?:\s?[–-]\s?\d{1,2}(?:[:.]\d\d)?)?\sUhr\b|,?\s\d{1,2}:\d\d"
AND = "and|und|et|y|e|en|och|og|i|и|or|oder|ou|o"
BEFORE_MONTH = r"(?<![\d.,])\d{1,2}(?:st|nd|rd|th|\.|º|er)?\s(?:de\s)?"


class Names(NamedTuple):
    """What a language writes for days and months, and what is said."""

    known: dict[str, dict[str, int]]
    """by what is written, in small letters, without a dot: the number of a day, or month, by its kind"""
    alone: dict[tuple[str, int], str]
    """their whole names"""
    dated: dict[int, str]
    """months as they stand beside a day"""


def spelt_calendar(text: str, language: str) -> Iterator[Edit]:
    """Yield the abbreviated days and months of a text in a language, as whole words."""
    code = row_of(language)
    pattern = _pattern(code)
    if pattern is None or (code in UNSPACED and not DASHES.search(text)):
        return
    names = _names(code)
    if code not in UNSPACED and not any(word.casefold() in names.known for word in WORDS.findall(text)):
        return
    for match in pattern.finditer(text):
        if match["first"]:
            yield from _range(match, names, code)
            continue
        group = "day" if match["day"] else "month"
        number = names.known[_key(match[group])][group]
        said = names.alone[DAY, number] if match["day"] else names.dated[number]
        if not (match[group][0].islower() and code in CAPITALS):
            yield Edit(match.start(), match.end(), said)


def _range(match: regex.Match[str], names: Names, code: str) -> Iterator[Edit]:
    first, last = names.known[_key(match["first"])], names.known[_key(match["last"])]
    kind = next((kind for kind in (DAY, MONTH) if kind in first and kind in last), "")
    is_word = match["first"][0].islower() and match["last"][0].islower() and code in CAPITALS
    if not kind or first[kind] == last[kind] or is_word:
        return
    said = _from_to(kind, first[kind], last[kind], names, code)
    preposition = PREPOSITIONS.get(code, "")
    before = match.string[max(0, match.start() - 8) : match.start()].casefold().split(" ")
    if preposition and len(before) > 1 and before[-2] == preposition:
        said = said.removeprefix(f"{preposition} ")
    yield Edit(match.start(), match.end(), said)


def _from_to(kind: str, first: int, last: int, names: Names, code: str) -> str:
    """Return two days, or months, with the word between them."""
    beginning, end = names.alone[kind, first], names.alone[kind, last]
    if template := CASES.get((code, kind)):
        return f"{whole(template[0], first, beginning)} {whole(template[1], last, end)}"
    until = UNTIL.get(code, "–")
    joint = until if code in UNSPACED or until == "–" else f" {until.strip()} "
    return f"{beginning}{joint}{end}"


def _key(word: str) -> str:
    return word.casefold().rstrip(".॰")


@cache
def _names(code: str) -> Names:
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return Names({}, {}, {})
    known: dict[str, dict[str, int]] = {}
    alone: dict[tuple[str, int], str] = {}
    for kind, table in ((MONTH, locale.months), (DAY, locale.days)):
        widths = ["short"] if kind == DAY and code in LETTERS_OF_DAYS else []
        for context in ("format", "stand-alone"):
            for width in (*widths, "abbreviated", "wide"):
                for number, name in table[context].get(width, {}).items():
                    known.setdefault(_key(name), {})[kind] = number
        alone |= {(kind, number): name for number, name in table["stand-alone"]["wide"].items()}
    for other in OTHERS.get(code, "").split():
        written, _, number = other.partition("=")
        kind = MONTH if number.startswith("m") else DAY
        known.setdefault(_key(written), {})[kind] = int(number.lstrip("m"))
    known = {word: what for word, what in known.items() if word and not word[0].isdigit()}
    return Names(known, alone, dict(locale.months["format"]["wide"].items()))


@cache
def _pattern(code: str) -> regex.Pattern[str] | None:
    names = _names(code)
    if not names.known:
        return None
    wide = {_key(name) for name in (*names.alone.values(), *names.dated.values())}
    short = [word for word in names.known if word not in wide and len(word) >= SHORTEST]
    months = [] if code in NO_MONTHS else [word for word in short if MONTH in names.known[word]]
    days = [word for word in short if DAY in names.known[word]]
    timed = [word for word in names.known if code == "de" and len(word) < SHORTEST]
    every, month, day = _any_of(list(names.known)), _any_of(months), _any_of(days)
    behind = r"\s\d" if code in MONTHS_BEFORE else r"\s(?:1[5-9]|20)\d\d(?!\d)"
    edge = r"(?<![\d\p{L}-])" if code not in UNSPACED else r"(?<![\d-])"
    end = r"(?![\p{L}\p{M}\d-])" if code not in UNSPACED else r"(?![\p{M}\d-]|曜)"
    joint = rf"(?:\s?[,/&+]\s?|\s(?:{AND})\s)"
    beside = rf"{joint}(?:{day})(?![\p{{L}}\p{{M}}])"
    return regex.compile(
        rf"""(?V1i)
        {edge}(?P<first>{every})[.॰]?{WAVE if code in UNSPACED else DASH}(?P<last>{every}){AFTER_DOT}{end}
        | (?<!\p{{L}})(?P<month>{month})(?<={BEFORE_MONTH}(?:{month})){AFTER_DOT}(?![\p{{L}}\p{{M}}])
        | (?<!\p{{L}}-?|\d)(?P<month>{month})[.॰]?(?={behind})
        | {edge}(?P<day>{day})(?:[.॰]?(?={CLOCK}|,?\s(?:{month})(?![\p{{L}}\p{{M}}])|{beside})
          | (?<=(?:{day})\.?{joint}(?:{day})){AFTER_DOT}(?![\p{{L}}\p{{M}}]|-\p{{L}}))
        | {edge}(?P<day>{_any_of(timed)})[.]?(?={HOUR})
        """,
        regex.VERBOSE,
    )


def _any_of(words: list[str]) -> str:
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    return "|".join(regex.escape(word) for word in ordered) or "(?!)"


def load_calendar(language: str) -> None:
    """Load the names of a language."""
    _pattern(row_of(language))
