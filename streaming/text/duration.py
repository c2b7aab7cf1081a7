"""How long a text takes to say, by the scripts it is written in: what is expected, and what no speaker needs.

The rates are those of read speech: 14 letters a second for alphabets (some 175 English words a minute), 5 to
8 syllables a second for syllabaries (Pellegrino, Coupé and Marsico 2011 find 5.2 to 7.8 over seven
languages). They are upper estimates where engines differ much: a character that a voice does not know may be
spelled out ("Chinese letter"), a symbol or a picture read by its name.
"""

from __future__ import annotations

import unicodedata

import msgspec

LETTER = 1 / 14
SYLLABLE, IDEOGRAPH, OTHER_LETTER = 1 / 6, 1 / 4, 1 / 12
DIGIT, SYMBOL, MARK, PAUSE = 0.35, 1.0, 0.2, 0.4
SPELLED = 0.35
"""a capital letter beside another: an abbreviation that may be spelled"""
UNKNOWN = 0.4
"""a letter of a script that the voice may not know, spelled out"""
LONGEST_FACTOR, LONGEST_EXTRA = 3.0, 4.0
SHORTEST_FACTOR = 0.2


class DurationEstimate(msgspec.Struct, frozen=True):
    """Seconds of audio for a text at speed 1: what is expected, the most it can come to, and the least."""

    expected: float
    longest: float
    shortest: float


def estimate_duration(text: str, *, speed: float = 1.0) -> DurationEstimate:
    """Estimate the audio of a text spoken `speed` times as fast as usual."""
    expected = longest = letters = 0.0
    before_upper = False
    for char in text:
        usual, most, is_letter = _seconds(char)
        upper = char.isupper()
        expected += usual
        longest += max(most, SPELLED) if upper and before_upper else most
        letters += usual if is_letter else 0.0
        before_upper = upper
    return DurationEstimate(
        expected / speed,
        (LONGEST_FACTOR * longest + LONGEST_EXTRA) / speed,
        SHORTEST_FACTOR * letters / speed,
    )


def _seconds(char: str) -> tuple[float, float, bool]:
    """Give what a character usually takes, at most takes, and whether it is one that cannot be left out."""
    code = ord(char)
    if code < 0x250 and char.isalpha():
        return LETTER, LETTER, True
    category = unicodedata.category(char)
    match category[0]:
        case "L":
            usual = _letter(code)
            return usual, UNKNOWN, usual == LETTER
        case "N":
            return DIGIT, 2 * DIGIT, False
        case "S":
            return SYMBOL, 2 * SYMBOL, False
        case "P":
            return (PAUSE if char in ".!?:;。！？…।؟" else MARK), PAUSE, False
        case "M":
            return 0.0, UNKNOWN, False
        case _:
            return (PAUSE, PAUSE, False) if char == "\n" else (0.0, 0.02, False)


def _letter(code: int) -> float:
    """Tell the scripts apart by their blocks."""
    if 0x370 <= code < 0x590:  # Greek, Cyrillic, Armenian
        return LETTER
    if (
        0x3040 <= code < 0x3100 or 0xAC00 <= code < 0xD7B0 or 0x1200 <= code < 0x1400
    ):  # kana, Hangul, Ethiopic
        return SYLLABLE
    if 0x3400 <= code < 0xA000 or code >= 0x20000:
        return IDEOGRAPH
    return OTHER_LETTER
