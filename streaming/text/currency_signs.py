"""What currencies are written as: signs, codes of ISO 4217, and words such as `kr` and `zł`, by language."""

from __future__ import annotations

from functools import cache

import regex

CURRENCIES = {
    **{"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₩": "KRW"},
    **{"₪": "ILS", "฿": "THB", "₫": "VND", "₦": "NGN", "₱": "PHP", "৳": "BDT", "₾": "GEL", "₸": "KZT"},
    **{"﷼": "IRR", "₭": "LAK", "₮": "MNT", "₲": "PYG", "₡": "CRC", "₵": "GHS", "៛": "KHR", "₼": "AZN"},
    **{"֏": "AMD", "؋": "AFN", "₨": "PKR", "₿": "XBT", "$": "USD"},
    **{"US$": "USD", "U$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "Can$": "CAD"},
    **{"NZ$": "NZD", "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "SG$": "SGD", "MX$": "MXN", "Mex$": "MXN"},
    **{"R$": "BRL", "RD$": "DOP", "J$": "JMD", "TT$": "TTD", "EC$": "XCD", "COL$": "COP", "AR$": "ARS"},
    **{"CL$": "CLP", "CN¥": "CNY", "JP¥": "JPY"},
}
"""what is written before or behind a number, and its code in ISO 4217"""
CODES = """
EUR USD GBP JPY CHF CNY CAD AUD NZD SEK NOK DKK ISK PLN CZK HUF RON BGN RSD UAH RUB INR PKR BDT LKR KRW SGD
HKD TWD THB IDR MYR VND ILS AED SAR QAR KWD EGP ZAR NGN KES GHS MAD BRL MXN ARS CLP UYU KZT GEL TRY COP PEN
RMB BTC
"""
"""codes that are written beside amounts, and are no words of a usual text"""
ONLY_BEHIND = frozenset(["TRY", "COP", "PEN", "RON", "MAD", "р", "руб", "грн", "лв", "Ft", "TL"])
"""what means something else before a number, or is not written there"""
OTHER_CODES = {"RMB": "CNY", "BTC": "XBT"}
WORDS = {"zł": "PLN", "Kč": "CZK", "kr": "NOK"}
"""what is written in any language"""
WORDS_OF = {
    "sv": {"kr": "SEK", "Ft": "HUF"}, "da": {"kr": "DKK", "Ft": "HUF"}, "fo": {"kr": "DKK"},
    "is": {"kr": "ISK"}, "en": {"Rs": "INR", "RM": "MYR", "Rp": "IDR"}, "hi": {"Rs": "INR", "रु": "INR"},
    "id": {"Rp": "IDR"}, "ms": {"RM": "MYR"}, "tr": {"TL": "TRY"}, "bg": {"лв": "BGN"},
    "uk": {"грн": "UAH"}, "ru": {"руб": "RUB", "р": "RUB"}, "es": {"S/": "PEN", "Ft": "HUF"},
    **{code: {"Fr": "CHF", "SFr": "CHF", "Ft": "HUF"} for code in ("de", "fr", "it")},
    **{code: {"Ft": "HUF"} for code in ("hu", "nl", "nb", "pl", "cs", "sk", "ro", "fi", "pt", "sl", "hr")},
}  # fmt: skip
"""what is so in one language only; feet are `Ft` in English"""
SHORT = {
    "ar": {"﷼": "ريال"},
    "bn": {"৳": "টাকা"},
    "en": {"₩": "won", "₪": "shekels", "฿": "baht", "₫": "dong", "₦": "naira", "₸": "tenge", "₾": "lari"},
    "fa": {"﷼": "ریال"},
    "he": {"₪": "שקלים"},
    "hi": {"₹": "रुपये"},
    "ka": {"₾": "ლარი"},
    "kk": {"₸": "теңге"},
    "ko": {"₩": "원"},
    "pt": {"R$": "reais"},
    "th": {"฿": "บาท"},
    "vi": {"₫": "đồng"},
}
"""names without the country, mostly where it is the own one; others are in the table of signs"""
SHORT_WORDS = {
    "sv": {"kr": "krona"}, "da": {"kr": "krone"}, "nb": {"kr": "krone"}, "is": {"kr": "króna"},
    "en": {"kr": "krone", "Rs": "rupees", "Rp": "rupiah", "RM": "ringgit"}, "nl": {"kr": "kroon"},
    "de": {"kr": "Krone", "Fr": "Franken", "SFr": "Franken"}, "es": {"kr": "corona"}, "pt": {"kr": "coroa"},
    "fr": {"kr": "couronne", "Fr": "francs", "SFr": "francs"}, "fi": {"kr": "kruunu"},
    "it": {"kr": "corona", "Fr": "franchi", "SFr": "franchi"}, "cs": {"kr": "koruna", "Kč": "koruna"},
    "pl": {"kr": "korona", "zł": "złoty"}, "hu": {"Ft": "forint"}, "hi": {"Rs": "रुपये", "रु": "रुपये"},
    "id": {"Rp": "rupiah"}, "ms": {"RM": "ringgit"}, "tr": {"TL": "lira"}, "bg": {"лв": "лева"},
    "uk": {"kr": "крона", "грн": "гривня"}, "ru": {"kr": "крона", "руб": "рубль", "р": "рубль"},
}  # fmt: skip
"""the same for words"""


def code_of(sign: str, language: str) -> str:
    """Return the code of ISO 4217 of what is written for a currency in a language."""
    words = {**WORDS, **WORDS_OF.get(language, {})}
    return CURRENCIES.get(sign) or words.get(sign) or OTHER_CODES.get(sign, sign)


def short_name(sign: str, language: str) -> str:
    """Return a currency's name without its country, nothing where there is none."""
    return SHORT.get(language, {}).get(sign) or SHORT_WORDS.get(language, {}).get(sign, "")


@cache
def patterns_of(language: str) -> tuple[str, str, str]:
    """Return the expressions for what stands before an amount, behind one, and for codes."""
    signs, words = list(CURRENCIES), [*WORDS, *WORDS_OF.get(language, {})]
    codes = CODES.split()
    before = [one for one in (*signs, *codes) if one not in ONLY_BEHIND]
    words_before = [word for word in words if word not in ONLY_BEHIND]
    behind = rf"{_any_of([*signs, *codes])}|(?:{_any_of(words)})(?:\.(?=[,;:)]|\s+(?:\p{{Ll}}|\d)))?+"
    return rf"{_any_of(before)}|(?:{_any_of(words_before)})\.?", behind, _any_of(codes)


@cache
def any_of(language: str) -> regex.Pattern[str]:
    """Return what finds a sign, a code or a word in a text."""
    signs = "".join(sign for sign in CURRENCIES if len(sign) == 1)
    words = _any_of([*CODES.split(), *WORDS, *WORDS_OF.get(language, {})])
    return regex.compile(rf"[{signs}]|(?<!\p{{L}})(?:{words})(?![a-zа-я])")


def _any_of(written: list[str]) -> str:
    return "|".join(regex.escape(one) for one in sorted(set(written), key=lambda one: (-len(one), one)))
