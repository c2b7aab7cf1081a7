"""Ordinal numbers that are written with figures and letters, or in Roman figures, in words.

Engines read the letters by themselves ("tres punto er"), the degree sign that Italian and Portuguese set in
their place as degrees, and Roman figures in Cyrillic texts in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from engines.api.offsets import Edit

ROMANCE = {
    "it": (
        r"º|ª|°",
        r"(?:il|lo|la|al|allo|alla|del|dello|della|nel|nello|nella|dal|dalla|sul|sulla|un|una|il suo|questo)",
        r"gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre"
        r"|piano|posto|classe|secolo|capitolo|articolo|comma|grado di|anniversario|classificato|premio",
    ),
    "es": (
        r"\.?(?:º|ª|°|er)|\.[oa]s?|(?:ro|do|to|mo|vo|no|ra|da|ta|ma|va|na)(?![^\W_])",
        r"(?:el|la|al|del|un|una|su|este|esta)",
        r"de (?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
        r"|piso|puesto|lugar|grado de|curso|capítulo|aniversario|año|semestre|premio",
    ),
    "pt": (
        r"\.?(?:º|ª|°)",
        r"(?:o|a|ao|à|do|da|no|na|pelo|pela|um|uma|seu|sua|este|esta)",
        r"de (?:janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro)"
        r"|andar|lugar|ano|capítulo|aniversário|grau de|semestre|turno|prêmio|prémio|dia",
    ),
}
"""what makes a number an ordinal; and what stands before, or behind, a degree sign that does so"""
DEGREES = re.compile(r"\s?(?:[CF]\b|grad|grau|celsius|°|\d)", re.IGNORECASE)
FRENCH = re.compile(
    r"(?<![\w.,])(?P<number>\d{1,4}|[IVX]{1,7})(?P<end>ers?|res?|ères?|[eᵉè]s?|i?[èe]mes?|nde?s?)(?!\w)"
)
DUTCH = re.compile(r"(?<![\w.,])(\d{1,4})(?:ste|de|e)(?!\w)")
SLAVIC_RANGE = r"(?:\s?[-–—]\s?|\s(?:и|или|і|та|або|i|oraz|lub)\s|,\s)"
ROMAN = r"[IVX]{1,7}(?!\w)"
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
VALID = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
CENTURIES = {
    "ru": (
        ("века", "g"), ("веку", "d"), ("веком", "i"), ("веке", "p"), ("веков", "g"), ("веках", "p"),
        ("век", "n"), ("столетия", "g"), ("столетии", "p"), ("столетие", "nn"), ("тысячелетия", "g"),
        ("тысячелетии", "p"), ("тысячелетие", "nn"),
    ),
    "uk": (
        ("століття", "gn"), ("столітті", "p"), ("століттю", "p"), ("століть", "g"), ("століттях", "p"),
        ("вік", "n"), ("віку", "g"), ("віці", "p"), ("віків", "g"),
        ("тисячоліття", "gn"), ("тисячолітті", "p"),
    ),
    "pl": (
        ("wieku", "gp"), ("wiekiem", "i"), ("wieków", "g"), ("wiekach", "p"), ("wiek", "n"),
        ("stulecia", "g"), ("stuleciu", "p"), ("stulecie", "nn"), ("tysiąclecia", "g"), ("tysiącleciu", "p"),
    ),
}  # fmt: skip
"""centuries in their cases: nominative (`nn` neuter), genitive, dative, instrumental, prepositional; `gn` and
`gp` are two alike"""
SHORT = {
    "ru": (r"вв?\.", "века", "веке"),
    "uk": (r"ст\.", "століття", "столітті"),
    "pl": (r"w\.", "wieku", "wieku"),
}
"""a century's abbreviation, and what it is in the genitive and behind "in" """
IN = re.compile(r"(?:^|\s)(?:во?|у|w|we|на)\s$", re.IGNORECASE)
QUEENS = re.compile(
    r"(?:Екатерин|Елизавет|Анн|Мари|Виктори|Маргарит|Изабелл|Катерин|Єлизавет|Ганн|Марі|Вікторі|Elżbiet|Katarzyn)[аяa]\s$"
)
NAME = re.compile(r"(?:^|[\s(«\"])[А-ЯІЇЄҐA-ZŁŚŻ][^\W\d_]+\s$")


NAME_CASES = (("ом", "i"), ("ем", "i"), ("а", "g"), ("я", "g"), ("у", "d"), ("ю", "d"), ("е", "p"))
"""endings of kings' names that tell the case; a consonant is the nominative"""
WORD = re.compile(r"\s[^\W\d_]+")
SECTION = re.compile(
    r"(?<!\w)(?:(?:глав|част|групп|тип|раздел|розділ|класс|клас|этап|етап|уровн|уровен|рівн|стади|стаді|фаз|книг|степен"
    r"|категор|пункт|стать|статт|акт|действи|дії|сцен|рис|табл|войн|війн|серии|серия|серія|rozdzia|części|część|częś"
    r"|grup|typ|klas|etap|faz|księg|ksiąg|akt|scen|kategori|wojn|stopni|rozdz|rys|pkt)[^\W\d_]{0,4}\.?|том(?:а|у|ом|е|ы|ов|и|ів|ах)?|tom(?:u|ie|em|y|ów|ach)?)\s"
    r"(?:[IVX]{1,7}(?:\s(?:и|или|і|та|або|i|oraz|lub)\s|,\s|\s?[-–—]\s?)){0,3}\Z",
    re.IGNORECASE,
)
"""what is counted by the number behind it, which is said as such: its gender and case would have to agree"""
GENDERS = {"о": "nn", "е": "nn", "я": "f", "а": "f", "o": "nn", "e": "nn", "a": "f"}
"""by the last letter of a noun or its adjective"""


def spelt_ordinals(text: str, language: str) -> Iterator[Edit]:
    """Yield the ordinals of a text in a language, in words, in order."""
    if language in ROMANCE:
        yield from _romance(text, language)
    elif language == "fr":
        yield from _french(text)
    elif language == "nl":
        for match in DUTCH.finditer(text):
            yield Edit(*match.span(), _ordinal(int(match[1]), "nl"))
    elif language in CENTURIES:
        yield from _roman(text, language)


def _romance(text: str, language: str) -> Iterator[Edit]:
    pattern, before, behind = _romance_patterns(language)
    for match in pattern.finditer(text):
        ending = match["end"].lstrip(".")
        said = before.search(text, max(0, match.start() - 20), match.start())
        if "°" in ending and not said and not behind.match(text, match.end()):
            continue
        if ending[0] in "º°ª" and DEGREES.match(text, match.end()):
            continue
        number = int(match["number"])
        spoken = _ordinal(number, language)
        if ending == "er":
            spoken = re.sub(r"(primer|tercer)o$", r"\1", spoken)
        elif ending[0] == "ª" or ending.rstrip("s")[-1:] == "a" or ("°" in ending and _is_feminine(said)):
            spoken = re.sub(r"o\b", "a", spoken)
        yield Edit(*match.span(), spoken + "s" * (match["many"] is not None or ending.endswith("s")))


def _is_feminine(article: re.Match[str] | None) -> bool:
    return article is not None and article[0].strip()[-1:] in "aàAÀ"


@cache
def _romance_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what finds ordinals, and what stands before and behind those with a degree sign."""
    endings, before, behind = ROMANCE[language]
    return (
        re.compile(
            rf"(?<![\w.,])(?P<number>(?!0)\d{{1,3}})(?P<end>{endings})(?P<many>(?<=[ºª])s)?(?![\wºª°])"
        ),
        re.compile(rf"(?<!\w){before}\s\Z", re.IGNORECASE),
        re.compile(rf"\s(?:{behind})\b", re.IGNORECASE),
    )


def _french(text: str) -> Iterator[Edit]:
    for match in FRENCH.finditer(text):
        written, ending = match["number"], match["end"]
        number = int(written) if written.isdigit() else roman_value(written)
        is_first = ending.startswith(("er", "re", "ère"))
        if not number or (is_first and number != 1) or (ending[0] == "n" and number != 2):
            continue
        many = "s" * ending.endswith("s")
        if is_first:
            spoken = "premier" if ending.startswith("er") else "première"
        elif ending[0] == "n":
            spoken = "seconde" if "e" in ending else "second"
        else:
            spoken = _ordinal(number, "fr")
        yield Edit(*match.span(), spoken + many)


def _roman(text: str, language: str) -> Iterator[Edit]:
    """Yield centuries and rulers in words, in the case of what stands beside."""
    seen = 0
    for match in _century_pattern(language).finditer(text):
        yield from _rulers(text, seen, match.start(), language)
        case, noun = _case(match, language)
        for figures in re.finditer(ROMAN, match["figures"]):
            if number := roman_value(figures[0]):
                start = match.start() + figures.start()
                yield Edit(start, start + len(figures[0]), declined(number, language, case))
        if noun:
            yield Edit(*match.span("noun"), noun)
        seen = match.end()
    yield from _rulers(text, seen, len(text), language)


@cache
def _century_pattern(language: str) -> re.Pattern[str]:
    nouns = "|".join(noun for noun, _ in CENTURIES[language])
    return re.compile(
        rf"(?<!\w)(?P<figures>{ROMAN}(?:{SLAVIC_RANGE}{ROMAN}){{0,3}})\s(?P<noun>(?:{nouns})(?!\w)|{SHORT[language][0]})"
    )


def _case(match: re.Match[str], language: str) -> tuple[str, str]:
    """Return the case of a century, and what is said in the place of its abbreviation."""
    before = match.string[max(0, match.start() - 4) : match.start()]
    is_in = bool(IN.search(before))
    if match["noun"].endswith("."):
        _, genitive, prepositional = SHORT[language]
        following = match.string[match.end() : match.end() + 3]
        dot = "." * (not following.strip() or (not is_in and following.strip()[0].isupper()))
        return ("p", prepositional + dot) if is_in else ("g", genitive + dot)
    case = dict(CENTURIES[language])[match["noun"]]
    if case == "gp":
        case = "p" if is_in else "g"
    elif case == "gn":
        case = "g" if before.strip()[-1:].isalpha() else "nn"
    return case, ""


def _rulers(text: str, start: int, end: int, language: str) -> Iterator[Edit]:
    for match in re.finditer(rf"(?<!\w){ROMAN}", text[start:end]):
        at = start + match.start()
        before = text[max(0, at - 24) : at]
        if SECTION.search(before):
            if (value := roman_value(match[0])) and (len(match[0]) > 1 or match[0] in "IVX"):
                yield Edit(at, at + len(match[0]), str(value))
            continue
        is_name = bool(NAME.search(before))
        number = roman_value(match[0])
        if not number or (len(match[0]) == 1 and not (is_name and match[0] != "X")):
            continue
        following = WORD.match(text, at + len(match[0]))
        if QUEENS.search(before):
            case = "f"
        elif is_name:
            case = next((case for ending, case in NAME_CASES if before.rstrip().endswith(ending)), "n")
        else:
            case = GENDERS.get(following[0][-1], "n") if following else "n"
        yield Edit(at, at + len(match[0]), declined(number, language, case))


def roman_value(figures: str) -> int:
    """Return what Roman figures mean up to 3999; 0 where they are none."""
    if not VALID.fullmatch(figures):
        return 0
    values = [VALUES[figure] for figure in figures]
    return sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))


def _ordinal(number: int, language: str) -> str:
    from num2words import num2words

    return str(num2words(number, lang=language, to="ordinal"))


def declined(number: int, language: str, case: str) -> str:
    """Return an ordinal in a case, masculine or, in the nominative, of the gender that is asked for."""
    *firsts, last = _ordinal(number, language).split()
    decline = DECLENSIONS[language]
    if language == "pl":
        firsts = [decline(word, case) for word in firsts]
    return " ".join([*firsts, decline(last, case)])


def _east_slavic(soft: dict[str, str], hard: dict[str, str]) -> Callable[[str, str], str]:
    def decline(word: str, case: str) -> str:
        is_soft = word.endswith(("третий", "третій"))
        return word if case == "n" else word[:-2] + (soft if is_soft else hard)[case]

    return decline


def _polish(word: str, case: str) -> str:
    stem, vowel = word[:-1], word[-1]
    soft = "i" if vowel == "i" else ""
    match case:
        case "g":
            return f"{stem}{soft}ego"
        case "d":
            return f"{stem}{soft}emu"
        case "fg":
            return f"{stem}{soft}ej"
        case "i" | "p":
            return f"{stem}{vowel}m"
        case "f":
            return f"{stem}a" if word != "trzeci" else "trzecia"
        case "nn":
            return f"{stem}{soft}e"
        case _:
            return word


DECLENSIONS = {
    "ru": _east_slavic(
        {"g": "ьего", "d": "ьему", "i": "ьим", "p": "ьем", "f": "ья", "nn": "ье"},
        {"g": "ого", "d": "ому", "i": "ым", "p": "ом", "f": "ая", "nn": "ое"},
    ),
    "uk": _east_slavic(
        {"g": "ього", "d": "ьому", "i": "ім", "p": "ьому", "f": "я", "nn": "є"},
        {"g": "ого", "d": "ому", "i": "им", "p": "ому", "f": "а", "nn": "е"},
    ),
    "pl": _polish,
}
