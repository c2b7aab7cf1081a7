"""Make of any text one that Hibari's front end reads as it is meant.

What was seen with the front end as it is: letters with their accents apart, odd apostrophes, soft hyphens
and zero-width characters break words; 37 digits in a row raise IndexError; `[word](/phonemes/)` in anybody's
text sets phonemes; letters of other scripts become noise; a dash holds two words together; of many an
x in a row a third is lost.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

from engines.toolkit.english.traced_text import Piece, TracedText
from engines.toolkit.english.written_numbers import write_numbers

LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")
"""of Markdown, and the front end's own mark of phonemes"""
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6});")
APOSTROPHE = re.compile(
    r"(?<=[^\W\d_])[\u02b9\u02bb\u02bc\u0060\u00b4\u2018\u2019\u201b\u2032\ua78c\u055a](?=[^\W\d_])"
)
"""what people and programs write for one, between letters"""
LONG_NUMBER = re.compile(r"\d(?:,?\d){15,}")
"""is read digit by digit; the front end has no word beyond 10 to the 33rd, and nobody would follow it"""
UNREADABLE_RUN = re.compile(r"([bcdgjkpqtvwx])\1{5,}|[bcdfghjklmnpqrstvwxz]{25,}", re.IGNORECASE)
"""consonants that are no word, nor a sound that somebody draws out, as in hmmmmm: they are read by name"""
DASH = re.compile(r"(?:[—…]|--+)(?=\w)")
AREA_CODE = re.compile(r"\((\d{3})\) ?(?=\d{3}-\d{4}\b)")
NEGATIVE_MONEY = re.compile(r"(?<!\w)(?:-([$£€])|([$£€])-)(?=\d)")
"""of which the package forgets the currency, or the sign"""
SCHEME = re.compile(r"\bhttps?://(?=\w)", re.IGNORECASE)
WWW = re.compile(r"\bwww\.(?=\w)", re.IGNORECASE)
SHARP = re.compile(r"(?<!\w)([A-G])#(?!\w)")
DOT_NAME = re.compile(r"(?<!\S)\.([A-Za-z]\w*)")
GREEK_LETTER = re.compile(r"(?<![Α-ω])[Α-ω](?![Α-ω])")
NOT_ASCII = re.compile(r"(?![A-Za-z])[^\W\d_]")
SIGNS_OF_LETTERS = ("Mn", "Mc", "Me")
DROPPED = ("Cf",)
BLANKED = ("Cc", "Cs", "Co", "Cn")
OURS = ("LATIN", "FEMININE", "MASCULINE", "MICRO")
"""how the names of the letters begin that English is written with, and its loans"""
MICRO = {"\u03bc": "\u00b5"}
"""the Greek letter where a unit's sign is meant"""


def clean(text: str) -> TracedText:
    """Return a text in which nothing is left that the front end stumbles over; line breaks stay."""
    plain = (
        TracedText(_characters(text))
        .keep(LINK, 1)
        .replace(ENTITY, lambda match: html.unescape(match[0]))
        .replace(APOSTROPHE, lambda _: "'")
        .replace(AREA_CODE, lambda match: f"{match[1]}-")
    )
    return (
        write_numbers(plain)
        .replace(NEGATIVE_MONEY, lambda match: f"minus {match[1] or match[2]}")
        .replace(SCHEME, lambda _: "")
        .replace(WWW, lambda _: "w w w dot ")
        .replace(LONG_NUMBER, lambda match: " ".join(match[0].replace(",", "")))
        .replace(UNREADABLE_RUN, lambda match: f" {' '.join(match[0])} ")
        .replace(SHARP, lambda match: f"{match[1]} sharp")
        .replace(DOT_NAME, lambda match: f"dot {match[1]}")
        .replace(GREEK_LETTER, _name_greek)
        .replace(NOT_ASCII, _blank_foreign)
        .space_after(DASH)
    )


def _characters(text: str) -> Iterator[Piece]:
    """Yield the characters of a text, each with the marks that belong to it, composed where they can be."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.category(text[end]) in SIGNS_OF_LETTERS:
            end += 1
        for character in unicodedata.normalize("NFC", text[start:end]):
            for plain in _plain(character):
                yield plain, start, end
        start = end


def _plain(character: str) -> str:
    """Return a character as the front end knows it: nothing, a space, a digit, a letter in its usual form."""
    category = unicodedata.category(character)
    if character == "\n" or (character.isascii() and character.isprintable()):
        return character
    if category in DROPPED or category in SIGNS_OF_LETTERS:
        return ""
    if category in BLANKED or character.isspace():
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(character, character))
    if (
        unicodedata.decomposition(character).startswith(("<wide>", "<font>"))
        or "\ufb00" <= character <= "\ufb06"
    ):
        return unicodedata.normalize("NFKC", character)
    return MICRO.get(character, character)


def _name_greek(match: re.Match[str]) -> str:
    """Return the name of a Greek letter that stands alone."""
    return unicodedata.name(match[0], "").partition("LETTER ")[2].partition(" ")[0].lower() or " "


def _blank_foreign(match: re.Match[str]) -> str:
    """Return a letter, or a space for one of another script."""
    letter = match[0]
    is_ours = letter.isascii() or unicodedata.name(letter, "").startswith(OURS)
    return letter if is_ours or unicodedata.category(letter)[0] != "L" else " "
