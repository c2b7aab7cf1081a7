"""Abbreviations and days with a dot, written out: engines pause there, spell, or read another number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from engines.api.offsets import Edit
from streaming.text.abbreviation_names import ABBREVIATIONS, DATE_MONTHS, DAYS, MONTHS
from streaming.text.baltic_ordinals import estonian_ordinal, latvian_ordinal
from streaming.text.ordinals import declined
from streaming.text.sentence_starts import starts_sentence
from streaming.text.slavic_grammars import GRAMMARS
from streaming.text.slavic_ordinals import agreeing_ordinal

MARKS = re.compile(r"[.°º]|\bnr\s\d", re.IGNORECASE)
SAME = {"no": "nb", "nn": "nb", "sr": "bs"}
"""codes of languages that share a row with another"""
LAST_DAY = 31
MONTHS_OF_YEAR = 12
ORDINAL_DAYS = frozenset(line for line in DAYS.split() if len(line) == 2)
"""languages whose ordinals of days are in the table"""
BY_LIBRARY = frozenset(["da", "fi", "tr"])
"""languages whose ordinals num2words knows in the form that stands before a month"""
DATE = re.compile(r"(?<![\w.,/-])(\d{1,2})\.[ \u00a0]?(\d{1,2})\.[ \u00a0]?(?=(?:1[5-9]|20)\d\d(?![\d.]*\d))")
"""a day and a month before a year; what has more figures is a version or an address"""
JOINT = r"\s?[–—-]\s?|\s?/\s?|,\s|\s(?:a|aj|až|i|do|ili|in|ja|kuni|un|līdz|nebo|alebo|ali|või|или|и)\s"
NUMBERED = re.compile(
    rf"(?<![\w.,/-])(?P<others>(?:\d{{1,3}}\.(?:{JOINT})){{0,4}})(?P<number>\d{{1,3}})\.[ \u00a0]"
    r"(?=(?P<noun>[^\W\d_]{2,}))"
)
"""a number with a dot before a word, and others that belong to it"""
OTHER = re.compile(rf"(\d{{1,3}})\.(?={JOINT})(\s?[–—-]\s?)?")
UNTIL = {
    **{"cs": "až", "sk": "až", "hr": "do", "bs": "do", "sr": "do", "sl": "do", "pl": "do", "et": "kuni"},
    **{"lv": "līdz", "fi": "-"},
}
"""what is said for a dash between two ordinals"""
ITEM = re.compile(r"^\s*\d{1,3}[.)]\s", re.MULTILINE)
FINNISH = {
    "ssa": "inessive", "ssä": "inessive", "sta": "elative", "stä": "elative", "lla": "adessive",
    "llä": "adessive", "lle": "allative", "lta": "ablative", "ltä": "ablative", "ksi": "translative",
    "een": "illative", "seen": "illative", "n": "genitive",
}  # fmt: skip
"""endings of nouns that tell the case of the ordinal before"""
POLISH = {"a": "f", "o": "nn", "e": "nn", "ę": "nn"}
POLISH_IN = re.compile(r"(?:^|\s)(?:na|w|we|po|przy|o)\s$", re.IGNORECASE)
POLISH_OF = re.compile(r"(?:^|\s)(?:do|od|z|ze|dla|bez|koło)\s$", re.IGNORECASE)
LONGEST_BEFORE = 12
"""code points of the text before a number that are looked at, with a preposition among them"""
Agreeing = Callable[[int, str, str], str]
NUMBER = re.compile(r"(?<![\w.,])\d{1,4}$")
INITIALS = re.compile(r"\s*(?:[^\W\d_]\.[ \u00a0]?){1,4}\s*")
ENDS = re.compile(r"\s*(?:$|[\n\"'”’»)\]])")
COUNT = re.compile(r"\d|[IVXLC]+\b")
SHORTEST = re.compile(r"[^\W\d_]\.")
COUNTED = re.compile(r"\d[ \u00a0]\Z")
"""a number before one letter, which is a unit rather"""
TITLE = re.compile(r"[#^]")
CAPITAL = re.compile(r"\s+[\"'„“«(]?[^\W\d_]")


YEAR_WORDS = {
    "pl": ("r", "roku", "roku"),
    "ru": ("гг?", "года/годов", "году/годах"),
    "uk": ("рр?", "року/років", "році/роках"),
    "bg": ("гг?", "година/години", "година/години"),
}
"""what stands behind a year, and what it is for one and for several; and the same behind "in" """
IN_YEAR = re.compile(r"(?:^|\s)(?:в|во|у)\s\d{4}(?:[–-]\d{2,4})?\s$", re.IGNORECASE)
STREETS = {
    "en": (re.compile(r"\b[A-Z][a-z]+\s(?P<street>St\.)(?=\s*(?:[,;:)\n]|$)|\s(?:[a-z]|\d))"), "Street"),
    "de": (re.compile(r"(?<=[^\W\d_]{3})(?P<street>str\.)(?=\s\d)"), "straße"),
}
"""by language: an abbreviated street, and its word"""


def spelt_dots(text: str, language: str) -> Iterator[Edit]:
    """Yield the abbreviations and the days of a text in a language in words, in order."""
    if not MARKS.search(text):
        return
    code = SAME.get(language, language)
    edits = [
        *(*_years(text, code), *_streets(text, code), *_abbreviations(text, code)),
        *(*_dates(text, code), *_days(text, code), *_numbered(text, code)),
    ]
    behind = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def is_ordinal_dot(text: str, dot: int) -> bool:
    """Return whether a dot stands behind a number, and before a word with a small letter: where the number is
    an ordinal in many languages, and a sentence goes on in all.
    """
    behind = text[dot + 1 : dot + 4].lstrip(" \u00a0")
    return behind[:1].islower() and bool(NUMBER.search(text[max(0, dot - 6) : dot]))


def is_initial(sentence: str) -> bool:
    """Return whether what was taken for a sentence is nothing but initials."""
    return bool(INITIALS.fullmatch(sentence))


def _years(text: str, code: str) -> Iterator[Edit]:
    """Yield the word for a year, or years, behind it, in the case that "in" before it asks for."""
    if code not in YEAR_WORDS:
        return
    written, years, in_years = YEAR_WORDS[code]
    for match in re.finditer(rf"(?<=\d{{3}}[ \u00a0])({written})\.(?!\w)", text):
        before = text[max(0, match.start() - LONGEST_BEFORE) : match.start()]
        words = (in_years if IN_YEAR.search(before) else years).split("/")
        ends = "." * bool(ENDS.match(text, match.end()) or starts_sentence(text, match.end(), code))
        yield Edit(*match.span(), words[len(match[1]) > 1] + ends)


def _streets(text: str, code: str) -> Iterator[Edit]:
    """Yield the street behind its name, which is a saint before another, or is joined to it."""
    if code not in STREETS:
        return
    pattern, said = STREETS[code]
    for match in pattern.finditer(text):
        ends = "." * bool(ENDS.match(text, match.end()))
        yield Edit(match.start("street"), match.end(), said + ends)


def _abbreviations(text: str, code: str) -> Iterator[Edit]:
    table = _table(code)
    if table is None:
        return
    pattern, meanings = table
    for match in pattern.finditer(text):
        marks, spoken = meanings[_key(match[0])]
        following = text[match.end() : match.end() + 4]
        if "#" in marks and not COUNT.match(following.strip()):
            continue
        is_capital = bool(CAPITAL.match(following)) and following.strip("\"'„“«( \u00a0\n")[:1].isupper()
        if "^" in marks and not is_capital:
            continue
        if (
            marks
            and SHORTEST.fullmatch(match[0])
            and COUNTED.search(text, max(0, match.start() - 4), match.start())
        ):
            continue
        if match[0][0].isupper():
            spoken = spoken[0].upper() + spoken[1:]
        ends = bool(ENDS.match(following)) or ("~" in marks and is_capital)
        ends = ends or (not TITLE.search(marks) and starts_sentence(text, match.end(), code))
        yield Edit(match.start(), match.end(), spoken + "." * ends)


@cache
def _table(code: str) -> tuple[re.Pattern[str], dict[str, tuple[str, str]]] | None:
    """Return what finds the abbreviations of a language, and their marks and meanings."""
    row = _row(ABBREVIATIONS, code)
    if row is None:
        return None
    meanings = {}
    patterns = []
    for entry in row:
        written, _, spoken = entry.partition("=")
        marks, plain = re.sub(r"[^~#^]", "", written), re.sub(r"[~#^]", "", written)
        meanings[_key(plain)] = marks, spoken
        patterns.append(re.escape(plain).replace(r"\ ", r"[ \u00a0]?"))
    patterns.sort(key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(patterns)})(?![\w.])", re.IGNORECASE), meanings


def _key(written: str) -> str:
    return written.replace(" ", "").replace("\u00a0", "").casefold()


def _days(text: str, code: str) -> Iterator[Edit]:
    pattern = _day_pattern(code)
    for match in pattern.finditer(text) if pattern else ():
        number = int(match[1])
        if 1 <= number <= LAST_DAY or code == "tr":
            yield Edit(match.start(), match.end(), _day(number, code))


def _dates(text: str, code: str) -> Iterator[Edit]:
    """Yield the days and months before a year that are figures, in words."""
    months = _row(DATE_MONTHS, code) or _row(MONTHS, code)
    if months is None or len(months) != MONTHS_OF_YEAR or "\\" in months[0]:
        return
    for match in DATE.finditer(text):
        day, month = int(match[1]), int(match[2])
        if 1 <= day <= LAST_DAY and 1 <= month <= MONTHS_OF_YEAR:
            yield Edit(*match.span(), f"{day if code == 'tr' else _day(day, code)} {months[month - 1]} ")


def _numbered(text: str, code: str) -> Iterator[Edit]:
    """Yield the ordinals before a word with a small letter, in its gender or case, where engines say
    a number.
    """
    agreeing = AGREEING.get(code)
    if agreeing is None:
        return
    days = _day_pattern(code)
    items = {match.end() for match in ITEM.finditer(text)}
    for match in NUMBERED.finditer(text):
        if days and days.match(text, match.start("number")):
            continue
        if not match["noun"][0].islower() or (len(items) > 1 and match.end() in items):
            continue
        before = text[max(0, match.start() - LONGEST_BEFORE) : match.start()]
        for other in OTHER.finditer(text, match.start("others"), match.end("others")):
            if said := agreeing(int(other[1]), match["noun"], before):
                yield Edit(*other.span(), f"{said} {UNTIL[code]} " if other[2] else said)
        if said := agreeing(int(match["number"]), match["noun"], before):
            yield Edit(match.start("number"), match.end() - 1, said)


def _finnish(number: int, noun: str, _before: str) -> str:
    from num2words import num2words

    case = next((case for ending, case in FINNISH.items() if noun.endswith(ending)), "nominative")
    return str(num2words(number, lang="fi", to="ordinal", case=case))


def _polish(number: int, noun: str, before: str) -> str:
    case = "p" if POLISH_IN.search(before) else "g" if POLISH_OF.search(before) else "n"
    if case == "n":
        case = POLISH.get(noun[-1], "n")
    elif case == "g" and noun[-1] in "iy":
        case = "fg"
    return declined(number, "pl", case)


def _slavic(code: str) -> Agreeing:
    return lambda number, noun, before: agreeing_ordinal(number, noun, before, code)


AGREEING: dict[str, Agreeing] = {
    "fi": _finnish,
    "pl": _polish,
    "et": lambda number, noun, _before: estonian_ordinal(number, noun),
    "lv": lambda number, noun, _before: latvian_ordinal(number, noun),
    **{code: _slavic(code) for code in GRAMMARS},
}
"""by language: what says an ordinal before a noun, and behind a text"""


@cache
def _day_pattern(code: str) -> re.Pattern[str] | None:
    months = _row(MONTHS, code)
    if months is None:
        return None
    return re.compile(rf"(?<![\w.,])(\d{{1,2}})\.(?=[ \u00a0](?:{'|'.join(months)})\b)", re.IGNORECASE)


def _day(number: int, code: str) -> str:
    if code in BY_LIBRARY:
        from num2words import num2words

        return str(num2words(number, lang=code, to="ordinal"))
    if code in ("ru", "uk"):
        return declined(number, code, "g")
    if code not in ("sl", *ORDINAL_DAYS):
        return f"{number}."
    if code == "sl":
        return _slovene(number)
    low, *tens = _row(DAYS, code) or [""]
    names = low.split()
    if number <= len(names):
        return names[number - 1]
    alone, _, before = tens[number // 10 - 2].partition("/")
    return f"{before or alone} {names[number % 10 - 1]}" if number % 10 else alone


SLOVENE_DAYS = (
    "prvega drugega tretjega četrtega petega šestega sedmega osmega devetega desetega enajstega dvanajstega"
    " trinajstega štirinajstega petnajstega šestnajstega sedemnajstega osemnajstega devetnajstega dvajsetega"
)
SLOVENE_ONES = "enain dvain triin štiriin petin šestin sedemin osemin devetin"


def _slovene(number: int) -> str:
    names, ones = SLOVENE_DAYS.split(), SLOVENE_ONES.split()
    if number <= len(names):
        return names[number - 1]
    tens = "dvajsetega" if number < 30 else "tridesetega"
    return (ones[number % 10 - 1] if number % 10 else "") + tens


@cache
def _row(table: str, code: str) -> list[str] | None:
    """Return a language's row of a table; None where it has none."""
    whole = table.strip().replace("\n|", "|").replace("\n ", " ")
    rows = (line.split("|") for line in whole.splitlines())
    return next((parts[1:] for parts in rows if parts[0] == code), None)
