"""Ordinals before a noun in Czech, Slovak, Slovene, Croatian, Bosnian and Serbian, in its gender and case.

What is written `3.` is `třetí patro` and `na třetím patře`: the case is told by the preposition before and by
the noun's ending, the gender by the noun, where it is one that often stands behind an ordinal, else by its
ending. An adjective tells both by itself.
"""

from __future__ import annotations

import re
from functools import cache

from streaming.text.slavic_grammars import GRAMMARS, LAST_DECLINED, Grammar

CASES = "ngdali"
"""nominative, genitive, dative, accusative, locative, instrumental"""
GENDERS = "mfn"
Paradigm = dict[tuple[str, str], str]
"""endings by case and gender"""


BEFORE = re.compile(r"(?:^|[\s(„»\"])([^\W\d_]{1,8})\s$")
CYRILLIC = dict(zip("abcčćdđefghijklmnoprsštuvzž", "абцчћдђефгхијклмнопрсштувзж", strict=True))
LATIN = {letter: latin for latin, letter in CYRILLIC.items()} | {"љ": "lj", "њ": "nj", "џ": "dž"}


def agreeing_ordinal(number: int, noun: str, before: str, code: str) -> str:
    """Return an ordinal as it stands before a noun, or an adjective, in a language; nothing from 200 on.

    `before` is the text up to the number.
    """
    grammar = GRAMMARS[code]
    is_cyrillic = noun[0] in LATIN
    noun = _latin(noun.casefold())
    preposition = BEFORE.search(before)
    case, gender = _agreement(noun, _latin(preposition[1].casefold()) if preposition else "", grammar)
    parts = _parts(number, code)
    if not parts:
        return ""
    said = " ".join(stem + _ending(paradigm, case, gender, grammar) for stem, paradigm in parts if paradigm)
    fixed = " ".join(stem for stem, paradigm in parts if not paradigm)
    whole = f"{fixed} {said}".strip()
    return "".join(CYRILLIC.get(letter, letter) for letter in whole) if is_cyrillic else whole


def _latin(word: str) -> str:
    return "".join(LATIN.get(letter, letter) for letter in word)


def _agreement(noun: str, preposition: str, grammar: Grammar) -> tuple[str, str]:
    """Return the case and the gender in which a word behind a preposition stands."""
    cases = {word: case for case, words in grammar.prepositions.items() for word in words.split()}
    wanted = cases.get(preposition, "")
    gender = _known_gender(noun, grammar)
    if not gender:
        for ending, told in _pairs(grammar.adjectives):
            if noun.endswith(ending) and len(noun) > len(ending) + 1:
                return told[0], told[1]
        gender = "n" if noun[-1] in "oí" else "f" if noun[-1] in "ayeě" else "m"
    endings = _pairs(grammar.endings[gender])
    cases_of = next((found for ending, found in endings if noun.endswith(ending)), "n")
    return (wanted if wanted and wanted in cases_of else cases_of[0]), gender


def _known_gender(noun: str, grammar: Grammar) -> str:
    """Return the gender of a noun that often stands behind ordinals, by its longest known beginning."""
    found = [
        (len(stem), gender)
        for gender, stems in grammar.genders.items()
        for stem in stems.split()
        if noun.startswith(stem)
    ]
    return max(found)[1] if found else ""


def _parts(number: int, code: str) -> list[tuple[str, str]]:
    """Return the stems of an ordinal's parts, each with its paradigm; without one it is not declined."""
    grammar = GRAMMARS[code]
    if number > 199 or number < 1:
        return []
    hundred, rest = divmod(number, 100)
    parts: list[tuple[str, str]] = []
    if hundred and not rest:
        return [(grammar.hundredth, "hard")]
    if hundred:
        parts.append(("stotinu" if code in LAST_DECLINED else "sto", ""))
    ones, tens = _stems(grammar.ones), _stems(grammar.tens)
    if rest < 20:
        return [*parts, ones[rest - 1]]
    ten, one = divmod(rest, 10)
    stem, paradigm = tens[ten - 2]
    if not one:
        return [*parts, (stem, paradigm)]
    if grammar.compounds == "joined":
        return [*parts, (grammar.joined_ones.split()[one - 1] + stem, paradigm)]
    if code in LAST_DECLINED:
        return [*parts, (stem, ""), ones[one - 1]]
    return [*parts, (stem, paradigm), ones[one - 1]]


@cache
def _pairs(listed: str) -> list[tuple[str, str]]:
    """Return endings, each with what it tells."""
    pairs = (one.partition(":") for one in listed.split())
    return [(ending, told) for ending, _, told in pairs]


def _stems(listed: str) -> list[tuple[str, str]]:
    pairs = (one.partition(":") for one in listed.split())
    return [(stem, paradigm or "hard") for stem, _, paradigm in pairs]


def _ending(paradigm: str, case: str, gender: str, grammar: Grammar) -> str:
    return _endings(grammar.paradigms[paradigm])[case, gender]


@cache
def _endings(table: str) -> Paradigm:
    rows = [row.split() for row in table.split("|")]
    return {
        (case, gender): ending
        for case, row in zip(CASES, rows, strict=True)
        for gender, ending in zip(GENDERS, row, strict=True)
    }
