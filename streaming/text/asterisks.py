"""Marks of lists, headings and stress in plain text, which are not said; asterisks of products, which are.

People write `*very*`, `**bold**`, `- milk` and a line of dashes where nothing reads Markdown. Engines call
each asterisk by its name, in English or not. What stands between the factors of a product is said as times.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.money import LETTER
from streaming.text.sign_names import names_of, row_of

RULE = regex.compile(r"(?m)^[ \t]*(?P<mark>[-*_=~#—–])(?:[ \t]*+(?P=mark)){2,200}+[ \t]*+$")
"""a line that only parts what stands above from what stands below"""
WORDS = regex.compile(r"[\p{L}\p{N}]")
LETTERS = "abcdfgijkmnpqrtuvwxyzA-Z"
"""which are factors by themselves; `l*s` and `s*x` are words"""
FACTOR = rf"[\d)\]]|(?<![^\W_]|[_.])[{LETTERS}]"
BASE = r"[\d)\]]|(?<![^\W_]|[_.])[abenrvxyzABNX]"
"""of a power; `d**n` and `s**t` are words"""
EXPONENT = r"[-−]?\d{1,9}|[abijkmnpqrxyzNX](?![^\W_])"
STARS = regex.compile(
    rf"""(?V1)
    (?P<power>(?<={BASE})(?:\*\*|\ \*\*\ )(?P<exponent>{EXPONENT})(?![.,]?\d|\*))
    | (?P<stars>(?<![\w.,*$€£])[1-5]\*(?=[ -]\p{{L}}))
    | (?P<times>(?<={FACTOR})(?:\*|\ \*\ )(?=[-−]?(?:[\d(\[$€£]|[{LETTERS}](?![^\W_]))))
    | (?P<product>(?<=[\w)\]])(?<!\b(?i:select))\ \*\ (?=[\w(\[]))
    | (?P<stress>
        (?<!{LETTER}|[*\\/])\*{{1,3}}(?=[^\s*.,;:!?)\]}}/])      # before a word
      | (?<=[^\s*(\[{{/\\])\*{{1,3}}(?!{LETTER}|[*/])             # behind one
      | (?<=[^\s*])\*{{2,3}}(?=[^\s*])                           # within one
      | (?<![^\s])\*{{2,20}}(?![^\s.,;:!?])                                # by themselves
      )
    | (?P<struck>(?<![\w~/])~~(?=[^\W_]) | (?<=[^\W_])~~(?![\w~/]))
    | (?P<line>(?<![\w/\\.@:-])_{{1,3}}(?=[^\W_]) | (?<=[^\W_])_{{1,3}}(?![\w(./\\@]))
    """,
    regex.VERBOSE,
)
STARS_SAID = {
    **{"en": "star", "de": "Sterne", "fr": "étoiles", "es": "estrellas", "it": "stelle", "pt": "estrelas"},
    **{"nl": "sterren", "sv": "stjärnor", "da": "stjerner", "nb": "stjerner", "pl": "gwiazdki"},
    **{"ru": "звезды", "uk": "зірки", "tr": "yıldız", "cs": "hvězdičky", "fi": "tähden"},
}
"""of a hotel or a review: 4*; in other languages it is the sign, which has a name"""
RAISED = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
"""figures of a power, which is said as one (`streaming.text.quantities`)"""
NEAR = 80
"""code points of a line beside an asterisk between words, in which an equals sign tells of a product"""
ITEM = regex.compile(
    r"(?m)^[ \t]*(?:(?P<plain>[*•‣◦▪●·○■–—]|#{2,6})|(?P<signs>[-+#]))[ \t]+(?=(?P<first>\S))"
)


def read_asterisks(text: str, language: str) -> Iterator[Edit]:
    """Yield what becomes of asterisks, and of other marks of stress, in a text of a language."""
    if "*" not in text and "_" not in text and "~~" not in text and not RULE.search(text):
        return
    code = row_of(language)
    rules = [match.span() for match in RULE.finditer(text)]
    if not WORDS.search(text):
        return
    edits = [Edit(start, end, "") for start, end in rules]
    for match in STARS.finditer(text):
        if match["product"] and not _is_product(match):
            continue
        if match["times"] or match["product"]:
            edits.append(Edit(match.start(), match.end(), f" {names_of(code)['×'] or '×'} "))
        elif match["stars"]:
            edits.append(Edit(match.start(), match.end(), f"{match[0][0]} {STARS_SAID.get(code, '★')}"))
        elif match["power"]:
            edits.append(Edit(match.start(), match.end(), _power(match["exponent"])))
        else:
            edits.append(Edit(match.start(), match.end(), ""))
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def _power(exponent: str) -> str:
    return f"^{exponent}" if exponent.isalpha() else exponent.translate(RAISED)


def _is_product(match: regex.Match[str]) -> bool:
    line_start = match.string.rfind("\n", max(0, match.start() - NEAR), match.start()) + 1
    before = match.string[max(line_start, match.start() - NEAR) : match.start()]
    return "=" in before or "=" in match.string[match.end() : match.end() + NEAR].split("\n")[0]


def without_bullets(text: str) -> Iterator[Edit]:
    """Yield the marks before items and headings of a text, whose lines have their pauses already.

    A hyphen, a plus or a number sign before a number is one only in a list.
    """
    items = list(ITEM.finditer(text))
    for match in items:
        sign = match["signs"]
        is_number = match["first"].isdigit()
        if sign and is_number and sum(other["signs"] == sign for other in items) < 2:
            continue
        yield Edit(match.start(), match.end(), "")
