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
UNIT = r"%|°\s?[CF]?|[ap]\.?m\b\.?|h|[kcm]?m|k?g|[GMT]B|l|ml|kW|W(?=-\d+\ ?W)"
RANGE = regex.compile(
    rf"""(?<![\p{{L}}\d.,:/+–—-])(?P<first>{NUMBER})(?P<unit>\ ?(?:{UNIT}))?
    (?:(?P<dash>\ ?[–—]\ ?)|(?P<hyphen>-))
    (?P<last>{NUMBER})(?![\d–—-]|[.,:/]\d|\ ?=|/)(?P<counted>\ ?[\p{{L}}%°])?""",
    regex.VERBOSE,
)
CLOCK = regex.compile(r"(?:[01]?\d|2[0-4])[:.][0-5]\d")
PLACE = regex.compile(r"\d+:\d+")
"""an hour, or a place in a book, of which the last number may go on: 8:28-30"""
LABEL = regex.compile(
    r"""(?:^|[\s(])(?:
    s|s\.|seiten?|kap\.?|kapitel|klassen?|pp?\.|pages?|chap\.|chapitres?|págs?\.|páginas?|cap\.|capítulos?|pagg?\.|pagine
    |capitoli|blz\.?|bladzijden?|pagina['’]?s|hoofdstuk(?:ken)?|sid(?:an|or)?\.?|kl\.?|klockan|klokken|sider?|side
    |str\.?|strony|rozdz\.?|od|von|zwischen|стр\.?|с\.|страницы|гл\.?|главы|art\.|artikel|artt\.|§§?|nr\.?|nrs\.
    )\s\Z""",
    regex.VERBOSE | regex.IGNORECASE,
)
"""what stands before numbers of pages, chapters and hours"""
CURRENCY = regex.compile(r"[\p{Sc}]\ ?\Z")
BEFORE = 16
"""code points of the text before a range that are looked at"""
YEAR = 4
"""digits of both ends of a range that counts nothing, where spaces are beside the dash"""
SHORT = 2
"""digits of both numbers of a result, such as 3-2"""
TELEPHONE = (3, 4)
"""digits of a number that is no range"""


def spelt_ranges(text: str, language: str) -> Iterator[Edit]:
    """Yield the dashes of a text in a language that stand between the ends of a range, as words.

    A hyphen is one only before what is counted, and where the second number is the larger one, or between
    units or times; between other short numbers it is not said.
    """
    code = row_of(language)
    word = UNTIL.get(code)
    if not word or not any(dash in text for dash in "–—-"):
        return
    said = word if code in UNSPACED or word != word.strip() else f" {word.strip()} "
    for match in RANGE.finditer(text):
        first, last = match["first"], match["last"]
        group = "dash" if match["dash"] else "hyphen"
        is_spaced = " " in match[group]
        if (len(first), len(last)) == TELEPHONE or (is_spaced and not _rises(match, YEAR)):
            continue
        if group == "dash" or _rises(match) or _is_told(match, code):
            yield Edit(match.start(group), match.end(group), said)
        elif max(len(first), len(last)) <= SHORT and f"{first}{last}".isdigit():
            yield Edit(match.start(group), match.end(group), " ")


def _is_told(match: regex.Match[str], code: str) -> bool:
    """Return whether two numbers with a hyphen are a range: by their units, as times, in English."""
    first, last = match["first"], match["last"]
    if match["unit"] or PLACE.fullmatch(first) or (CLOCK.fullmatch(first) and CLOCK.fullmatch(last)):
        return True
    if not (first.isdigit() and last.isdigit() and int(first) < int(last)):
        return False
    before = match.string[max(0, match.start() - BEFORE) : match.start()]
    is_labelled = LABEL.search(before) or CURRENCY.search(before)
    return bool(is_labelled) or (code == "en" and max(len(first), len(last)) <= SHORT)


def _rises(match: regex.Match[str], uncounted: int = 0) -> bool:
    """Return whether a number is followed by a larger one, of what is counted or has so many digits."""
    first, last = match["first"], match["last"]
    plain = first.isdigit() and last.isdigit() and "0" not in (first[0], last[0])
    is_told = bool(match["counted"]) or len(first) == len(last) == uncounted
    return is_told and plain and int(first) < int(last)
