"""Ranges of numbers, `10–20` and `5-10 km`, with the word between them: engines pause there or say "dash"."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.sign_names import row_of

UNTIL = {
    **{"ja": "から", "ko": "에서 ", "zh": "到", "yue": "到", "en": "to", "de": "bis", "fr": "à", "es": "a"},
    **{"it": "a", "pt": "a", "nl": "tot", "sv": "till", "da": "til", "nb": "til", "pl": "do", "cs": "až"},
    **{"sk": "až", "ru": "до", "uk": "до", "tr": "ila", "vi": "đến", "th": "ถึง", "id": "sampai"},
    **{"hr": "do", "bs": "do", "sr": "do", "sl": "do", "mk": "до", "bg": "до", "be": "да", "ro": "la"},
    **{"el": "έως", "et": "kuni", "lv": "līdz", "lt": "iki", "ca": "a", "gl": "a", "af": "tot", "lb": "bis"},
    **{"is": "til", "fo": "til", "sq": "deri", "cy": "i", "ga": "go", "hi": "से", "bn": "থেকে", "ur": "سے"},
    **{"ar": "إلى", "fa": "تا", "he": "עד", "ms": "hingga", "sw": "hadi", "fil": "hanggang"},
}
"""what is said between two numbers, of which the second is the end"""
UNSPACED = frozenset(["ja", "zh", "yue"])
NUMBER = r"\d+(?:[.,:]\d+)*"
RANGE = regex.compile(
    rf"""(?<![\p{{L}}\d.,:/+–—-])(?P<first>{NUMBER})(?P<unit>\ ?[%°])?
    (?:(?P<dash>[–—])|(?P<hyphen>-))
    (?P<last>{NUMBER})(?![\d–—-]|[.,:/]\d|\ ?=|/)(?P<counted>\ ?[\p{{L}}%°])?""",
    regex.VERBOSE,
)
TELEPHONE = (3, 4)
"""digits of a number that is no range"""


def spelt_ranges(text: str, language: str) -> Iterator[Edit]:
    """Yield the dashes of a text in a language that stand between the ends of a range, as words.

    A hyphen is one only before what is counted, and where the second number is the larger one.
    """
    code = row_of(language)
    word = UNTIL.get(code)
    if not word or not any(dash in text for dash in "–—-"):
        return
    said = word if code in UNSPACED else f" {word.strip()} "
    for match in RANGE.finditer(text):
        first, last = match["first"], match["last"]
        if (len(first), len(last)) == TELEPHONE or (match["hyphen"] and not _rises(match)):
            continue
        dash = match.start("dash") if match["dash"] else match.start("hyphen")
        yield Edit(dash, dash + 1, said)


def _rises(match: regex.Match[str]) -> bool:
    first, last = match["first"], match["last"]
    plain = first.isdigit() and last.isdigit() and "0" not in (first[0], last[0])
    return bool(match["counted"]) and plain and int(first) < int(last)
