"""Dots that end no sentence: behind abbreviations, initials, and German ordinals.

`sentencex` knows where sentences end, and so which dots are none. A no-break space behind such a dot says so
to the engines that pause at it otherwise. German ordinals are written out, by num2words: their noun has a
capital letter, so nothing else tells them from the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from engines.api.offsets import Edit
from streaming.text.sentence_starts import starts_sentence
from streaming.text.spelt_dots import DATE, LAST_DAY, is_ordinal_dot

DOT = re.compile(r"\.[ \u00a0]+(?=[^\W_])")
MONTHS = (
    "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    "|Jan|Feb|Apr|Aug|Sept|Okt|Nov|Dez"
)
NOUNS = r"Jahrhundert\w*|Jahrtausend\w*|Geburtstag\w*|Weltkrieg\w*|Lebensjahr\w*|Hochzeitstag\w*|Schuljahr\w*"
DATIVE = (
    r"am|vom|zum|zur|im|beim|dem|den|des|ab|bis|seit|diesem|diesen|jedem|jeden|einem|einen|nach dem"
    r"|ihrem|seinem|meinem|ihren|seinen|meinen"
)
FEMININE_DATIVE = r"(?:in|an|auf|bei|mit|nach|seit|von|zu|aus|vor|während|innerhalb|ab)\s+der"
OF_DAY = re.compile(r"am|vom|zum|zur|im|beim|dem|den|\w+\s+der", re.IGNORECASE)
"""words before an ordinal that may end a sentence; behind others a number does"""
NOMINATIVE = r"der|die|das|diese|dieser|dieses|jede|jeder|jedes"
JOINT = r"\s?[–—-]\s?|\s?/\s?|,\s|\s(?:und|bis|oder|sowie|bis zum|und zum|und am)\s"
ORDINAL = re.compile(
    rf"(?:\b(?P<dative>{DATIVE}|{FEMININE_DATIVE})\s+|\b(?P<plain>{NOMINATIVE})\s+)?"
    rf"(?<![\w.,])(?P<others>(?:\d{{1,3}}\.(?:{JOINT})){{0,6}})"
    rf"(?P<number>\d{{1,3}})\.(?=[ \u00a0\n](?P<known>(?:{MONTHS}|{NOUNS})\b)?[A-ZÄÖÜ])",
    re.IGNORECASE,
)
ITEM = re.compile(r"^[ \t]*(?P<number>\d{1,3})\.[ \t]+(?P<noun>\w*)", re.MULTILINE)
NOUN = re.compile(r"[ \u00a0\n]([A-ZÄÖÜ][\w-]*)")
GENDERS = {
    "m": (
        *(
            "platz",
            "stock",
            "tag",
            "versuch",
            "akt",
            "satz",
            "teil",
            "rang",
            "advent",
            "schritt",
            "gang",
            "fc",
        ),
        *("preis", "weltkrieg", "sieg", "anlauf", "durchgang", "aufruf", "vorsitzender"),
    ),
    "f": (
        *("etage", "klasse", "liga", "runde", "auflage", "halbzeit", "staffel", "reihe", "stufe", "stunde"),
        *("woche", "hälfte", "phase", "folge", "ebene", "mannschaft", "mahnung", "wahl", "ausgabe", "lesung"),
        *("sinfonie", "symphonie", "generation", "schicht", "spalte", "zeile", "dimension", "person"),
    ),
    "n": (
        *("kapitel", "quartal", "semester", "geschoss", "jahrhundert", "jahrtausend", "jahr", "drittel"),
        *("spiel", "rennen", "buch", "ausbildungsjahr", "og", "ug", "tor"),
    ),
}
"""ends of nouns that often stand behind an ordinal without an article"""
NOMINATIVE_ENDINGS = {"m": "r", "f": "", "n": "s"}
STRONG_DATIVE = re.compile(r"(?:^|\s)(?:in|auf|mit|nach|aus|von|ab|seit|zu|bei|an)\s$", re.IGNORECASE)
NO_END = re.compile(
    r"(?:[\n:,;(–—„»/\"-]|[.!?…][\"“»)]?\s|(?:^|\s)(?:und|oder|als|für|mein|dein|sein|ihr|unser|ein|kein))\s*$",
    re.IGNORECASE,
)
"""behind which no sentence ends with a number"""
CENTURY = re.compile(NOUNS)
KNOWN_MONTH = re.compile(MONTHS)
BEFORE = 16
"""code points of the text before a number that are looked at"""
OTHER = re.compile(rf"(\d{{1,3}})\.({JOINT})", re.IGNORECASE)
DASH = re.compile(r"\s?[–—-]\s?")
SHORT_DATE = re.compile(
    r"\b(?:am|vom|zum|bis|den|dem|der|ab|seit|und)\s"
    r"(?P<date>(\d{1,2})\.[ \u00a0]?(\d{1,2})\.)(?![ \u00a0]?\d)",
    re.IGNORECASE,
)
"""a day and a month without a year, behind a word that stands before days"""
MONTH_NAMES = MONTHS.split("|Jan|")[0].replace("|Jänner", "").split("|")
CLOCK = r"(?<![\d.,:])([01]?\d|2[0-4])[.:]([0-5]\d)"
TIME = re.compile(rf"{CLOCK}(?:(\s?[–—-]\s?|\s(?:bis|und|oder)\s){CLOCK})?[ \u00a0]Uhr\b")


def german_dates(text: str) -> Iterator[Edit]:
    """Yield the dates and times of a German text that are figures between dots, as they are said."""
    edits = [
        Edit(*match.span(), f"{int(match[1])}. {MONTH_NAMES[int(match[2]) - 1]} ")
        for match in DATE.finditer(text)
        if 1 <= int(match[1]) <= LAST_DAY and 1 <= int(match[2]) <= len(MONTH_NAMES)
    ]
    for match in SHORT_DATE.finditer(text):
        day, month = int(match[2]), int(match[3])
        if 1 <= day <= LAST_DAY and 1 <= month <= len(MONTH_NAMES):
            dot = "." * (not text[match.end() : match.end() + 2].strip())
            edits.append(Edit(*match.span("date"), f"{day}. {MONTH_NAMES[month - 1]}{dot}"))
    for match in TIME.finditer(text):
        first, last = _time(match[1], match[2]), _time(match[4], match[5]) if match[4] else ""
        joint = " bis " if match[3] and DASH.fullmatch(match[3]) else match[3] or ""
        edits.append(Edit(*match.span(), f"{first}{joint}{last}"))
    yield from sorted(edits)


def _time(hours: str, minutes: str) -> str:
    return f"{int(hours)} Uhr" + (f" {int(minutes)}" if int(minutes) else "")


def german_ordinals(text: str) -> Iterator[Edit]:
    """Yield the ordinals of a German text in words, with the ending that the words beside ask for."""
    items = {match.start("number"): match["noun"] for match in ITEM.finditer(text)}
    for match in ORDINAL.finditer(text):
        noun = NOUN.match(text, match.end())
        if noun is None:
            continue
        is_item = match.start("number") in items and len(items) > 1 and len(set(items.values())) > 1
        ending = _ending(match, noun[1], is_item=is_item)
        is_end = starts_sentence(text, match.end(), "de")
        if ending is None or (is_end and not OF_DAY.fullmatch(match["dative"] or "")):
            continue
        for other in OTHER.finditer(text, match.start("others"), match.end("others")):
            joint = " bis " if DASH.fullmatch(other[2]) else other[2]
            yield Edit(*other.span(), f"{_ordinal(int(other[1]))}{ending}{joint}")
        start = match.start("number")
        yield Edit(start, match.end(), _ordinal(int(match["number"])) + ending + "." * is_end)


def _ending(match: re.Match[str], noun: str, *, is_item: bool) -> str | None:
    """Return the ending of an ordinal before a noun, None where the number may end a sentence.

    Behind an article any noun will do; without one it is one that often stands behind an ordinal.
    """
    if match["dative"]:
        return "n"
    if match["plain"]:
        return ""
    if KNOWN_MONTH.fullmatch(noun):
        return "r"
    gender = next((gender for gender, ends in GENDERS.items() if noun.casefold().endswith(ends)), "")
    if not gender or is_item:
        return None
    before = match.string[max(0, match.start() - BEFORE) : match.start()]
    if STRONG_DATIVE.search(before):
        return "r" if gender == "f" else "m"
    if CENTURY.fullmatch(noun) or not before.strip() or NO_END.search(before):
        return NOMINATIVE_ENDINGS[gender]
    return None


def _ordinal(number: int) -> str:
    from num2words import num2words

    return str(num2words(number, lang="de", to="ordinal"))


def tied_dots(text: str, sentence_ends: Callable[[str], Iterator[int]]) -> Iterator[Edit]:
    """Yield a no-break space for the spaces behind each dot that ends no sentence.

    `sentence_ends` yields the offsets behind the sentences of a text, and behind the spaces that follow.
    """
    if ". " not in text and ".\u00a0" not in text:
        return
    ends = sentence_ends(text)
    end = next(ends, len(text))
    for match in DOT.finditer(text):
        while end < match.end():
            end = next(ends, len(text))
        if match.end() != end and _stands_before_dot(text, match.start()):
            yield Edit(match.start() + 1, match.end(), "\u00a0")


def _stands_before_dot(text: str, dot: int) -> bool:
    """Return whether a letter does, or a number that the engine does not make an ordinal by itself."""
    return text[dot - 1 : dot].isalnum() and not is_ordinal_dot(text, dot)
