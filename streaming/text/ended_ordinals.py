"""Russian and Ukrainian ordinals in figures with their ending, `5-го` and `1990-х`, which engines spell."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.ordinals import declined

RUSSIAN = {
    **dict.fromkeys(("й", "ый", "ий", "ой"), "n"),
    **dict.fromkeys(("го", "ого", "его"), "g"),
    **dict.fromkeys(("му", "ому", "ему"), "d"),
    **dict.fromkeys(("м", "ом", "ем"), "p"),
    **dict.fromkeys(("ым", "им"), "i"),
    **dict.fromkeys(("я", "ая", "ья"), "f"),
    **dict.fromkeys(("е", "ое"), "nn"),
}
UKRAINIAN = {
    **dict.fromkeys(("й", "ий", "ій"), "n"),
    **dict.fromkeys(("го", "ого"), "g"),
    **dict.fromkeys(("му", "ому"), "d"),
    **dict.fromkeys(("м", "им"), "i"),
    **dict.fromkeys(("а", "я", "ша", "га", "тя"), "f"),
    **dict.fromkeys(("е", "є"), "nn"),
}
ENDINGS = {"ru": RUSSIAN, "uk": UKRAINIAN}
"""by language: written endings, and the case or gender of the ordinal (`streaming.text.ordinals`)"""
OTHERS = {
    "ru": {
        **dict.fromkeys(("х", "ых", "их"), ("ых", "ьих")),
        **dict.fromkeys(("ые", "ие"), ("ые", "ьи")),
        **dict.fromkeys(("ми", "ыми"), ("ыми", "ьими")),
        **dict.fromkeys(("ю", "ую"), ("ую", "ью")),
        **dict.fromkeys(("ей",), ("ой", "ьей")),
    },
    "uk": {
        **dict.fromkeys(("х", "их"), ("их", "іх")),
        **dict.fromkeys(("ті", "і"), ("і", "і")),
        **dict.fromkeys(("ту", "у", "гу", "шу"), ("у", "ю")),
    },
}
"""other endings: what the genitive's is replaced by, in the hard and the soft declension"""
COUNTS = {
    ("ru", "х"): {2: "двух", 3: "трёх", 4: "четырёх"},
    ("ru", "ти"): {5: "пяти", 6: "шести", 9: "девяти", 10: "десяти", 20: "двадцати", 30: "тридцати"},
    ("ru", "ми"): {7: "семи", 8: "восьми"},
    ("uk", "х"): {2: "двох", 3: "трьох", 4: "чотирьох"},
}
"""numbers that count something, in the genitive"""
NEUTER = regex.compile(r"\s\p{L}*[оеё]\b")
GENITIVE = regex.compile(r"(?P<hard>ого)\Z|(?P<soft>ього|ьего)\Z")
ORDINAL = regex.compile(r"(?<![\w.,])(?P<number>\d{1,4})[-‑–](?P<ending>\p{Cyrillic}{1,3})(?!\w)")


def spelt_ended_ordinals(text: str, language: str) -> Iterator[Edit]:
    """Yield the ordinals with an ending of a text in a language, in words."""
    if language not in ENDINGS:
        return
    for match in ORDINAL.finditer(text):
        number, ending = int(match["number"]), match["ending"].casefold()
        if language == "ru" and ending == "е" and _is_decade(number) and not NEUTER.match(text, match.end()):
            ending = "ые"
        if said := _said(number, ending, language):
            yield Edit(match.start(), match.end(), said)


def _is_decade(number: int) -> bool:
    """Return whether a number is rather that of ten years, which are many: 90-е and 1990-е."""
    return number % 10 == 0 and (20 <= number < 100 or number > 1000)


def _said(number: int, ending: str, language: str) -> str:
    if count := COUNTS.get((language, ending), {}).get(number):
        return count
    if case := ENDINGS[language].get(ending):
        return declined(number, language, case)
    others = OTHERS[language].get(ending)
    if others is None:
        return ""
    genitive = declined(number, language, "g")
    found = GENITIVE.search(genitive)
    return genitive[: found.start()] + others[found["soft"] is not None] if found else ""
