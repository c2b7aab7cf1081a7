"""Signs that engines drop, or name in English, where they stand alone: said by their names.

What eSpeak NG reads by itself in a language, as its phonemes show, has no name in the table, and is left to
it: a sign between other things is only named where it is known to be lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.money import spelt_money
from streaming.text.ranges import UNTIL
from streaming.text.sign_names import CODE, names_of, row_of

OPERATORS = r"[<>^=+±×÷≈≤≥≠&@\#/~|\\∞√∑½¼¾‰%°№§]"
PICTURES = "→←↑↓⇒⇐↔⇔✓✗★♪∈∉∀∃∩∪⊂∅∴∂∇∫∝¬"
"""named wherever they stand"""
ALIKE = {"✘": "✗", "✕": "✗", "☆": "★", "♫": "♪", "♬": "♪", "⟶": "→", "⟵": "←", "➔": "→", "➜": "→", "⟹": "⇒"}
"""other forms of the same"""
TYPED = {"->": "→", "=>": "⇒", "<-": "←", "<=": "≤", ">=": "≥", "!=": "≠", "==": "="}
"""signs that keyboards do not have"""
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""scripts in which a number follows a word without a space"""
MINUS = rf"""
    (?<![^\s(\[{{"'«„“‘=<>≤≥≈≠±:+×÷*/~～（「：，。、])[-−–](?<!\d[ ]–)
      (?=(?:[A-Z]{{0,3}}[$€£¥₹₽₩]\ ?)?\.?\d)
    | (?<=[{UNSPACED}])(?<!\d[{UNSPACED}])[-−](?=\d+(?:\.\d+)?\ ?[度℃°%])     # 气温-5度, no 3月-5月
    | (?<=[为是从到至约达降升跌涨长率于在零值値は])[-−](?=\d)
    | −
    | (?<=[\d)]\s)[-–](?=\s\d+(?:[.,]\d+)*\s?=)             # 5 - 3 = 2
    | (?<=[\d)])-(?=\d+(?:[.,]\d+)*\s?=\s?-?\d)
"""
BETWEEN = {"zh": "减", "yue": "減", "ko": "빼기", "vi": "trừ", "ar": "ناقص", "sw": "toa"}
"""a minus between two numbers, where it has another name than one before a number"""
TAG = r"</?[A-Za-z][\w-]*(?:\s+[\w-]+=[^<>]*)?\s*/?>|<[A-Z]\w*(?:,\ ?\w+)+>"
"""a tag of HTML, or a type's parameter: no comparison"""
COUNTER = r"[\d時时点點分秒年月日号號人名個个歳岁円元시분년월일세명원개층度%]"
WAVES = rf"(?:(?<=\d)|(?<=\d{COUNTER}))\s?[~～〜∼]\s?(?=\d)"
LENGTHENED = r"(?<=[\p{L}\p{M}\p{N}!?！？。…、♪ー])[~～〜∼]+(?![\p{L}\p{M}\p{N}/~～〜])|[～〜]+"
"""waves behind a word, which only show how it is said"""
HEART = r"""(?<![^\s])(?<!\b(?i:is|are|was|be|of|at|to|with|if|ist|est|es|è|war|(?!I)\w|\d+)\s|[=<>]\s)<3
    (?=[!.?)]*\s*(?:\Z|\n|<3)|\s(?:you|u|this|it|him|her|them|your|my|y'all|ya|dich|euch|te|ti)\b)"""
"""a heart of chats, and no comparison"""
ALONE = regex.compile(
    rf"""(?V0)
    (?P<tag>{TAG})
    | (?P<heart>{HEART})
    | (?P<minus>{MINUS})
    | (?P<picture>[{PICTURES}{"".join(ALIKE)}])
    | (?P<typed>(?<=\s)(?:->|<-|=>|<=|>=|!=|==)(?=\s)|(?<=[\w)\]])(?:->|=>|<=|>=|!=|==)(?=[\w(\[]))
    | (?P<until>{WAVES})
    | (?P<wave>{LENGTHENED})
    | (?P<degrees>(?<![\d.,])\d+(?:[.,]\d+)?)?\s?(?:(?<=\d)|(?<=\d\s))°\s?(?P<scale>[CF])(?![A-Za-z])
    | (?<![^\s]){OPERATORS}(?!\S)                   # between spaces: a > b
    | \A{OPERATORS}\Z
    | (?<=[\w)\]])[<>≤≥≈≠](?=[\w(\[−-])              # between letters and numbers: a<b, 5>3
    | (?<=[\d)])[×÷±](?=[\d(])
    | (?<=[\d)])(?P<slash>/)(?=\d)
    | (?<![^\s(，、。：；（「『])(?P<about>[<>≤≥≈±~№§√])(?=\s?[$€£]?\d)     # before a number: <5
    | (?<=\w)\^(?=[\w({{-])                      # x^2
    | (?<=\d)\s?[‰%](?!\w)
    | (?<=\d)\s?°(?![\w'’])
    | (?<!\w)\d*[½¼¾](?!\w)
    """,
    regex.VERBOSE,
)
FRACTION = regex.compile(r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/.])")
PERCENT = regex.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)*)\s?%")
DIVIDED = {"zh": "分之", "yue": "分之", "ja": "ぶんの"}
"""what is said between the lower and the upper number of a fraction"""
AND = {
    "es": "y",
    "ca": "i",
    "gl": "e",
    "sv": "och",
    "da": "og",
    "nb": "og",
    "fi": "ja",
    "ro": "și",
    "eo": "kaj",
}
"""what is said between a number and the half that follows it"""
SLASH_IS_SILENT = frozenset(["de", "eu", "fr", "pt", "sk", "tr", "vi"])
"""languages in which the library says nothing for one between numbers, which is well in dates"""
SCALES = {
    "en": ("Celsius", "Fahrenheit"),
    "ru": ("Цельсия", "Фаренгейта"),
    "uk": ("Цельсія", "Фаренгейта"),
    "bg": ("Целзий", "Фаренхайт"),
    "el": ("Κελσίου", "Φαρενάιτ"),
    "ar": ("مئوية", "فهرنهايت"),
    "hi": ("सेल्सियस", "फ़ारेनहाइट"),
    "pl": ("Celsjusza", "Fahrenheita"),
}
"""the names of temperatures' scales, in English those of all languages in Latin script"""
SCALES_BEFORE = {
    "ja": ("", "かし"),
    "ko": ("섭씨 ", "화씨 "),
    "zh": ("摄氏", "华氏"),
    "yue": ("攝氏", "華氏"),
}
"""those that are said before the number"""
QUOTED_LINE = regex.compile(r"\n[ \t]*>")
QUOTED_BEGINNING = regex.compile(r"[ \t]*>")
"""a line of a mail that is quoted"""
MARKS = "#+|→★⇒"
"""signs that begin lines of lists, headings and tables"""
LONGEST_LINE = 500
"""code points of a line that are looked at before a sign"""
ANY = regex.compile(rf"{OPERATORS}|[-–−～〜∼{PICTURES}{''.join(ALIKE)}]")


def named_signs(text: str, language: str) -> Iterator[Edit]:
    """Yield the names of signs in a text of a language, which are English where they are not known in it."""
    code = row_of(language)
    edits = list(spelt_money(text, code))
    if ANY.search(text):
        edits += _names(text, code)
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def _names(text: str, code: str) -> Iterator[Edit]:
    names = names_of(code)
    quotes = {match.end() - 1 for match in QUOTED_LINE.finditer(text)}
    if (first := QUOTED_BEGINNING.match(text)) and text[first.end() :].strip():
        quotes.add(first.end() - 1)
    for match in ALONE.finditer(text):
        said = _said(match, names, quotes)
        if said is not None:
            yield Edit(match.start(), match.end(), said)
    if code in ("zh", "yue"):  # where it is said before the number
        for match in PERCENT.finditer(text):
            yield Edit(match.start(), match.end(), f"百分之{match[1]}")
    if divided := DIVIDED.get(code):
        for match in FRACTION.finditer(text):
            if int(match[1]) < int(match[2]):
                yield Edit(match.start(), match.end(), f"{match[2]}{divided}{match[1]}")


def _said(match: regex.Match[str], names: dict[str, str], quotes: set[int]) -> str | None:
    """Return what is said for a sign, nothing where it is left to the engine."""
    if match["tag"]:
        return None
    if match["heart"]:
        return "❤"
    if match["wave"]:
        return ""
    if match["until"]:
        return _until(match, names)
    if scale := match["scale"]:
        return _degrees(match["degrees"], scale == "F", names)
    found = match[0].strip()
    number, sign = found[:-1], found[-1]
    if match["typed"]:
        number, sign = "", TYPED[found]
    at = match.end() - 1 - (len(match[0]) - len(match[0].rstrip()))
    name = names.get("≈" if sign == "~" and match["about"] else ALIKE.get(sign, sign))
    if match["minus"]:
        name = _minus(match, names)
    if match["slash"] and names[CODE] in SLASH_IS_SILENT:
        return None
    if at in quotes or not name or (sign in MARKS and _begins_line(match.string, at)):
        return None
    behind = " " * (match.string[match.end() : match.end() + 1] not in ("", " ", "\n", ".", ",", ")"))
    before = " " * match.string[match.start() - 1 : match.start()].isalnum()
    joint = f"{AND[names[CODE]]} " if sign in "½¼¾" and names[CODE] in AND else ""
    return f"{before}{number} {joint}{name}{behind}" if number else f"{before}{name}{behind}"


def _minus(match: regex.Match[str], names: dict[str, str]) -> str:
    """Return the name of a minus: another one between two numbers, in some languages."""
    before = match.string[max(0, match.start() - 2) : match.start()]
    if match.string[match.end() : match.end() + 1] == " ":
        before = before.rstrip()
    is_between = before[-1:].isdigit() or before[-1:] == ")"
    return (is_between and BETWEEN.get(names[CODE])) or names["−"]


def _until(match: regex.Match[str], names: dict[str, str]) -> str | None:
    word = UNTIL.get(names[CODE])
    if not word:
        return f" {names['~']} " if names.get("~") else None
    return word if names[CODE] in ("ja", "ko", "zh", "yue") else f" {word} "


def _degrees(number: str | None, is_fahrenheit: bool, names: dict[str, str]) -> str | None:
    """Return a temperature as it is said, of a number that may stand before the match."""
    degrees, code = names.get("°"), names[CODE]
    if not degrees:
        return None
    if code in SCALES_BEFORE:
        return f"{SCALES_BEFORE[code][is_fahrenheit]}{number or ''} {degrees}"
    return f"{number or ''} {degrees} {SCALES.get(code, SCALES['en'])[is_fahrenheit]}"


def _begins_line(text: str, at: int) -> bool:
    """Return whether a sign is the mark of an item or a heading, or in a table, which are not said."""
    line = text[text.rfind("\n", max(0, at - LONGEST_LINE), at) + 1 : at].strip()
    following = text[at + 1 : at + 3].strip()[:1]
    if text[at] == "|":
        return line.startswith("|") or (not line and bool(following))
    return not line and bool(following) and not following.isdigit()
