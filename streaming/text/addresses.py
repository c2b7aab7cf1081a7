"""Addresses of the web and of mails, with their dots in words, which engines drop in many languages."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.sign_names import row_of

DOT = {
    **{
        "de": "Punkt",
        "fr": "point",
        "es": "punto",
        "it": "punto",
        "pt": "ponto",
        "nl": "punt",
        "sv": "punkt",
    },
    **{"da": "punktum", "nb": "punktum", "pl": "kropka", "cs": "tečka", "sk": "bodka", "ru": "точка"},
    **{"uk": "крапка", "tr": "nokta", "hu": "pont", "fi": "piste", "ro": "punct", "el": "τελεία"},
    **{"hr": "točka", "bs": "tačka", "sr": "tačka", "sl": "pika", "bg": "точка", "id": "titik", "vi": "chấm"},
    **{"ja": "ドット", "ko": "점", "zh": "点", "yue": "點", "ar": "نقطة", "he": "נקודה", "hi": "डॉट"},
    **{"th": "จุด", "fa": "نقطه", "ca": "punt", "gl": "punto", "et": "punkt", "lv": "punkts", "lt": "taškas"},
    **{"af": "punt", "lb": "Punkt", "is": "punktur", "ms": "titik"},
}
HASHTAG = {
    **{"ru": "хештег", "uk": "хештег", "be": "хэштэг", "bg": "хаштаг", "mk": "хаштаг", "el": "χάσταγκ"},
    **{"ja": "ハッシュタグ", "ko": "해시태그", "zh": "话题", "yue": "話題", "ar": "هاشتاغ", "fa": "هشتگ"},
    **{"he": "האשטאג", "hi": "हैशटैग", "th": "แฮชแท็ก"},
}
"""in other languages it is the English word"""
ADDRESS = regex.compile(
    r"""(?<![\w@.])(?:
      (?:https?://|www\.)[^\s<>"'()\[\]{},;!]{3,300}
    | [\w+-]{1,64}(?:\.[\w+-]{1,64}){0,9}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,9}
    | [a-z\d-]{2,64}(?:\.[a-z\d-]{2,64}){0,4}
      \.(?:com|org|net|de|fr|it|es|pt|br|nl|eu|ru|pl|cz|io|info|uk|ch|at)(?![\w.-]*\w)
    )""",
    regex.VERBOSE,
)
INNER_DOT = regex.compile(r"(?<=\w)\.(?=\w)")
INNER_MARK = regex.compile(r"(?<=\w)[_?](?=\w)")
"""engines run the words together that they stand between"""
MARKS = {"_": "underscore", "?": "question mark"}
"""in English"""
TAG = regex.compile(r"(?<![\w&#/])#(?=\p{L})")


def spelt_addresses(text: str, language: str) -> Iterator[Edit]:
    """Yield the dots of addresses, and the signs of hashtags, of a text in a language, as words."""
    code = row_of(language)
    edits = []
    if (dot := DOT.get(code)) and "." in text:
        for address in ADDRESS.finditer(text):
            edits += [
                Edit(match.start(), match.end(), f" {dot} ")
                for match in INNER_DOT.finditer(text, *address.span())
            ]
    if "_" in text or "?" in text:
        for address in ADDRESS.finditer(text):
            edits += [
                Edit(match.start(), match.end(), f" {_mark(match[0], code)} ".replace("  ", " "))
                for match in INNER_MARK.finditer(text, *address.span())
            ]
    if code != "en":
        word = HASHTAG.get(code, "hashtag")
        edits += [Edit(match.start(), match.end(), f"{word} ") for match in TAG.finditer(text)]
    yield from sorted(edits)


def _mark(mark: str, code: str) -> str:
    return MARKS[mark] if code == "en" else ""
