"""Amounts of money as they are said: "$5.3 billion" is five point three billion dollars, "R$ 5" is 5 reais.

Engines say the currency where it is written, call every dollar one of the USA, drop the signs of most
currencies, or read "€29,99" as 2,999 euros. Names, their plurals and the words for millions are those of
Unicode's CLDR, by way of Babel; the short names of the usual currencies are in `sign_names.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import regex

from engines.api.offsets import Edit
from streaming.text.currency_signs import CURRENCIES, any_of, code_of, patterns_of, short_name
from streaming.text.ranges import UNSPACED as UNSPACED_RANGES
from streaming.text.ranges import UNTIL
from streaming.text.sign_names import names_of

BITCOIN = {
    **{"ru": "биткоин", "uk": "біткоїн", "bg": "биткойн", "el": "μπιτκόιν", "ja": "ビットコイン"},
    **{"zh": "比特币", "yue": "比特幣", "ko": "비트코인", "ar": "بيتكوين", "fa": "بیت کوین", "he": "ביטקוין"},
    **{"hi": "बिटकॉइन", "th": "บิตคอยน์"},
}
LINKS = {"es": "de ", "pt": "de ", "gl": "de ", "ca": "de ", "it": "di ", "fr": "de ", "ro": "de "}
"""what stands between millions and a currency"""
UNLINKED = frozenset(["mil", "mille", "mila"])
ELIDED = regex.compile(r"[aeiouéh]", regex.IGNORECASE)
UNINFLECTED = {
    *("az", "ba", "cv", "id", "ja", "ka", "kk", "ko", "ky", "lo", "km", "ms", "my", "th", "tk", "tr")
} | {*("tt", "uz", "vi", "yue", "zh")}
"""languages in which a currency has one form behind all numbers, or another one with its country"""
ATTRIBUTE = regex.compile(r"\b[Aa]n?\s\Z")
"""what stands before an amount that stands before a noun: a 5 dollar bill"""
CENTS = {"$": ("cent", "cents"), "€": ("cent", "cents"), "£": ("penny", "pence")}
CENTAVOS = ("centavo", "centavos")
CENTS_BEHIND = {"pt": " e "}
"""what stands before the hundredths where they are said behind the currency: 5 reais e 30"""
WITH_POINT = frozenset(["en", "zh", "ja", "ko", "th", "he", "hi", "yue"])
"""languages in which a point stands before decimals"""
SIGNS_OF = {code: sign for sign, code in CURRENCIES.items() if len(sign) == 1}
"""whose names in Japanese are in letters that every engine reads"""
LAST = 15
"""digits of a number that a plural may depend on"""
UNREAD = frozenset(["chr"])
"""languages whose own script no voice reads"""
COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ENGLISH = (
    *("hundred", "thousand", "million", "billion", "trillion", "lakh", "crore"),
    *("mn", "mln", "m", "Bn", "b", "tn", "t", "T"),
)
"""words of magnitude, and letters that mean one in English only"""
FACTORS = {
    **dict.fromkeys(("k", "K"), 3),
    **dict.fromkeys(("M", "m", "mn", "mln"), 6),
    **dict.fromkeys(("B", "b", "bn", "Bn", "Md", "Mds"), 9),
    **dict.fromkeys(("t", "T", "tn"), 12),
}
"""powers of ten"""
IN_ENGLISH = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}
EVERYWHERE = ("k", "K", "M", "B", "bn", "Md", "Mds")
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""scripts that write no spaces, or join words to numbers"""
LETTER = rf"[\w--[{UNSPACED}]]"
SINGLE = "[" + "".join(sign for sign in CURRENCIES if len(sign) == 1) + "]"
NUMBER = r"\d++(?:[.,]\d++)*+"
DASH = regex.compile(r"\s?[-–—]\s?")
DASHED = 3
"""code points of a dash between two amounts, with its spaces"""
EVEN = r"(?:,(?:[-–]{1,2}|—)(?![\w-]))?+"
"""what stands for no hundredths: 20,-"""
FRANCS = frozenset(["Fr", "SFr"])
"""also a day or a person, unless hundredths follow"""
DECIMAL = regex.compile(r"(?P<whole>[\d.,]*?)(?:[.,](?P<decimals>\d{1,2}))?")


def spelt_money(text: str, language: str) -> Iterator[Edit]:
    """Yield the amounts of a text in a language, with their currencies where they are said."""
    if not any_of(language).search(text):
        return
    names = names_of(language)
    behind = -1
    for match in _pattern(names[""]).finditer(text):
        if said := _said(match, names[""], names):
            between = text[behind : match.start()] if behind >= 0 and match.start() - behind <= DASHED else ""
            if DASH.fullmatch(between) and not match["alone"]:
                yield Edit(behind, match.start(), _until(names[""]))
            behind = match.end()
            yield Edit(match.start(), match.end(), said)


@lru_cache(500)
def _pattern(language: str) -> regex.Pattern[str]:
    words = "|".join(regex.escape(word) for word in sorted(magnitudes(language), key=_longest_first))
    before, behind, codes = patterns_of(language)
    until = regex.escape(UNTIL.get(language, "-").strip())
    return regex.compile(
        rf"""(?V1)
        (?<!{LETTER}|[$.,])(?P<before>{before})\ ?(?P<minus>[-−]?)(?P<number>{NUMBER}|[.,]\d\d)
        (?:\ ?(?:[-–—]|{until})\ ?(?:(?P=before)\ ?)?(?P<to>{NUMBER}))?+(?!\d){EVEN}
        (?:(?P<gap>[ -]?)(?P<magnitude>{words})(?!{LETTER}))?(?!{LETTER}|[$€£])
        (?:\ ?(?P<code>{codes})(?!{LETTER}|\ ?\d))?+
        | (?<![\w.,])(?P<number2>{NUMBER}){EVEN}(?:(?P<gap2>[ -]?)(?P<magnitude2>{words}))?\ ?
        (?P<behind>{behind})(?!{LETTER}|\d)
        | (?<![\w$])(?P<alone>{SINGLE})(?![\w$.,])
        """,
        regex.VERBOSE,
    )


def load_currencies(language: str) -> None:
    """Load the names of a language, and the English ones."""
    for code in ("en", language):
        _pattern(code)
        _currency("$", code, "5")
        _magnitude("M", code)


def _longest_first(word: str) -> tuple[int, str]:
    return -len(word), word


def _said(match: regex.Match[str], language: str, names: dict[str, str]) -> str:
    """Return an amount as it is said; nothing for what is left to the engine."""
    if sign := match["alone"]:
        is_left = language == "en" and sign in "$€£¥"
        return "" if is_left else f" {_currency(sign, language, '5')} "
    sign = match["code"] or (match["before"] or match["behind"]).rstrip(".")
    number = _in_language(match["number"] or match["number2"], language)
    written = match["magnitude"] or match["magnitude2"]
    gap = match["gap"] or match["gap2"] or ""
    minus = f"{names['−']} " if match["minus"] else ""
    if sign in FRANCS and not regex.search(r"[.,]\d\d$", number):
        return ""
    if to := match["to"]:
        number += _until(language) + to
    if written:
        word = _magnitude(written, language)
        if language == "en":
            number = _decimals(number) if not to else number
        name = _currency(sign, language, "1" if _is_attribute(match, language) else "5000000")
        gap = " " if word != written or language == "en" else gap
        return f"{minus}{number}{gap}{word} {_link(word, name, language)}{name}{_apart(match)}"
    if _is_attribute(match, language) and "." not in number:
        return f"{number} {_currency(sign, language, '1')}"
    return f"{minus}{_amount(number, sign, language)}{_apart(match)}"


def _until(language: str) -> str:
    word = UNTIL.get(language, "-")
    return word if language in UNSPACED_RANGES or word == "-" else f" {word.strip()} "


def _is_attribute(match: regex.Match[str], language: str) -> bool:
    """Return whether an English amount stands before its noun, where the currency is in the singular."""
    before, behind = match.string[max(0, match.start() - 4) : match.start()], match.string[match.end() :][:2]
    return language == "en" and bool(ATTRIBUTE.search(before)) and bool(regex.match(r"[ -]\p{Ll}", behind))


def _apart(match: regex.Match[str]) -> str:
    """Return the space that a name needs before what follows it."""
    following: str = match.string[match.end() : match.end() + 1]
    return " " * following.isalnum()


def _amount(number: str, sign: str, language: str) -> str:
    """Return an amount without a word of magnitude, in English with its cents."""
    parts = DECIMAL.fullmatch(number)
    whole, decimals = (parts["whole"], parts["decimals"]) if parts else (number, None)
    if decimals and not int(decimals) and whole:
        return f"{whole} {_currency(sign, language, whole)}"
    if decimals and len(decimals) == 2 and language == "en" and sign[-1] in CENTS and "₿" not in sign:
        cents = f"{int(decimals)} {CENTS[sign[-1]][int(decimals) != 1]}"
        return f"{whole} {_currency(sign, language, whole)} and {cents}" if whole.strip("0") else cents
    if decimals and len(decimals) == 2 and language in CENTS_BEHIND and whole.strip("0"):
        return f"{whole} {_currency(sign, language, whole)}{CENTS_BEHIND[language]}{int(decimals)}"
    if decimals and len(decimals) == 2 and language == "pt" and sign == "R$":
        return f"{int(decimals)} {CENTAVOS[int(decimals) != 1]}"
    number = f"0{number}" if not whole else number
    return f"{number} {_currency(sign, language, '' if decimals else number)}"


def _in_language(number: str, language: str) -> str:
    """Return a number with the decimal sign of a language."""
    if language not in WITH_POINT:
        return number.replace(".", ",") if regex.fullmatch(r"\d*\.\d{1,2}", number) else number
    if regex.fullmatch(r"\d{1,3}(?:\.\d{3})*,\d{2}|\d+,\d", number):
        return number.replace(".", "").replace(",", ".")
    return number


def _decimals(number: str) -> str:
    """Return a number with its decimals in English words: engines stress those of digits otherwise."""
    whole, point, decimals = number.partition(".")
    if not point or not decimals.isdigit():
        return number
    spelt = COUNTS[int(whole)] if len(whole) == 1 else whole
    return " ".join([spelt, "point", *(COUNTS[int(digit)] for digit in decimals)]).strip()


@lru_cache(4096)
def _currency(sign: str, language: str, number: str) -> str:
    """Return the name of a currency as it stands behind a number, without its country where that is usual.

    A short name is in one form only; Babel has the others, with the country: of these it is the word that
    begins in the same way.
    """
    sign = SIGNS_OF.get(sign, sign) if language == "ja" else sign
    short = short_name(sign, language) or names_of(language).get(sign, "")
    code = code_of(sign, language)
    if code == "XBT":
        return BITCOIN.get(language, "bitcoin")
    full = _full_name(code, language, number)
    if not short or " " in short or language in UNINFLECTED:
        return short or full
    words = full.lower().split() if short.islower() else full.split()
    alike = [word for word in words if word[:3] == short[:3]]
    return alike[0] if alike else short


def _full_name(code: str, language: str, number: str) -> str:
    from babel.numbers import get_currency_name

    digits = regex.sub(r"\D", "", number)[-LAST:]
    return str(get_currency_name(code, int(digits) if digits else 5.5, locale_of(language)))


@lru_cache(500)
def locale_of(language: str) -> str:
    """Return Babel's name of a language, English where it has none."""
    from babel import Locale, UnknownLocaleError

    try:
        return "en" if language in UNREAD else str(Locale.parse(language))
    except (UnknownLocaleError, ValueError):
        return "en"


@lru_cache(500)
def magnitudes(language: str) -> frozenset[str]:
    """Return the words for thousands, millions and so on that a language writes behind numbers."""
    from babel import Locale

    if language == "en":
        return frozenset({*ENGLISH, *EVERYWHERE})
    found = {*EVERYWHERE}
    formats = Locale.parse(locale_of(language)).compact_decimal_formats
    for powers in (formats.get("long") or {}, formats.get("short") or {}):
        for forms in powers.values():
            for form in forms.values():
                word = regex.sub(r"[0'¤\s]+", " ", str(getattr(form, "pattern", form))).strip(" .")
                if len(word) > 1 or regex.search(rf"[{UNSPACED}]", word):
                    found |= {word, f"{word}."}
    return frozenset(found)


@lru_cache(500)
def _magnitude(written: str, language: str) -> str:
    """Return a word of magnitude as it is said: letters that stand for one are written out."""
    power = FACTORS.get(written)
    if power is None or (language != "en" and written in ENGLISH):
        return written
    if language == "en":
        return IN_ENGLISH[power]
    from babel import Locale

    formats = Locale.parse(locale_of(language)).compact_decimal_formats.get("long") or {}
    form = formats["other"].get(str(10**power)) if "other" in formats else None
    pattern = str(getattr(form, "pattern", form or ""))
    return pattern[1:].replace("'", "").strip() if pattern.count("0") == 1 else written


def _link(magnitude: str, name: str, language: str) -> str:
    link = LINKS.get(language, "")
    if not link or magnitude in UNLINKED:
        return ""
    return "d'" if language in ("fr", "ca") and ELIDED.match(name) else link
