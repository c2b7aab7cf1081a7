"""Estimate how long a text takes to say, by the scripts it is written in: expected, longest and shortest.

The rates are those of read speech: 14 letters a second for alphabets (some 175 English words a minute), 5 to
8 syllables a second for syllabaries (Pellegrino, Coupé and Marsico 2011 find 5.2 to 7.8 over seven
languages). They are upper estimates where engines differ much: a character that a voice does not know may be
spelled out ("Chinese letter"), a symbol or a picture read by its name.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import pairwise

import msgspec

from streaming.text.scripts import count_characters

LETTER_SECONDS = 1 / 14
SYLLABLE_SECONDS = 1 / 6
IDEOGRAPH_SECONDS = 1 / 4
OTHER_LETTER_SECONDS = 1 / 12
DIGIT_SECONDS = 0.35
SYMBOL_SECONDS = 1.0
MARK_SECONDS = 0.2
"""a punctuation mark within a sentence"""
PAUSE_SECONDS = 0.4
"""the end of a sentence or a line"""
SPELLED_SECONDS = 0.35
"""a capital letter beside another: an abbreviation that may be spelled"""
UNKNOWN_SECONDS = 0.6
"""a letter of a script that the voice may not know, spelled out"""
OTHER_SECONDS = 0.02
"""the most for a space or a control character"""
MARK_SIGN = 0xF0000
"""from this code point on a character stands for a sound that an engine makes (`streaming.text.marks`)"""
SOUND_SECONDS = 0.5
LONGEST_SOUND_SECONDS = 2.0
LONGEST_FACTOR = 3.0
LONGEST_EXTRA_SECONDS = 4.0
SHORTEST_FACTOR = 0.2
SENTENCE_ENDS = ".!?:;。！？…।؟"


class DurationEstimate(msgspec.Struct, frozen=True):
    """How many seconds of audio a text may take."""

    expected: float
    longest: float
    """the most that any engine needs"""
    shortest: float
    """the least that has all the words in it"""


def estimate_duration(text: str, *, speed: float = 1.0) -> DurationEstimate:
    """Estimate the audio of a text spoken `speed` times as fast as usual."""
    expected = longest = letters = 0.0
    for char, count in count_characters(text).items():
        usual, most, is_letter = _seconds(char)
        expected += count * usual
        longest += count * most
        letters += count * usual if is_letter else 0.0
    if not text.islower():
        for char, count in _after_capitals(text).items():
            longest += count * max(0.0, SPELLED_SECONDS - _seconds(char)[1])
    return DurationEstimate(
        expected / speed,
        (LONGEST_FACTOR * longest + LONGEST_EXTRA_SECONDS) / speed,
        SHORTEST_FACTOR * letters / speed,
    )


def _after_capitals(text: str) -> Counter[str]:
    """Return how often each capital letter stands behind another."""
    return Counter(char for before, char in pairwise(text) if before.isupper() and char.isupper())


def _seconds(char: str) -> tuple[float, float, bool]:
    """Return a character's usual and longest seconds, and whether it is a letter that cannot be left out."""
    code = ord(char)
    if code < 0x250 and char.isalpha():
        return LETTER_SECONDS, LETTER_SECONDS, True
    category = unicodedata.category(char)
    match category[0]:
        case "L":
            usual = _letter_seconds(code)
            return usual, UNKNOWN_SECONDS, usual == LETTER_SECONDS
        case "N":
            return DIGIT_SECONDS, 2 * DIGIT_SECONDS, False
        case "S":
            return SYMBOL_SECONDS, 2 * SYMBOL_SECONDS, False
        case "P":
            return (PAUSE_SECONDS if char in SENTENCE_ENDS else MARK_SECONDS), PAUSE_SECONDS, False
        case "M":
            return 0.0, UNKNOWN_SECONDS, False
        case "C" if code >= MARK_SIGN:
            return SOUND_SECONDS, LONGEST_SOUND_SECONDS, False
        case _:
            return (PAUSE_SECONDS, PAUSE_SECONDS, False) if char == "\n" else (0.0, OTHER_SECONDS, False)


def _letter_seconds(code: int) -> float:
    """Return a letter's usual seconds by the block of its script."""
    if 0x370 <= code < 0x590:  # Greek, Cyrillic, Armenian
        return LETTER_SECONDS
    # kana, Hangul, Ethiopic
    if 0x3040 <= code < 0x3100 or 0xAC00 <= code < 0xD7B0 or 0x1200 <= code < 0x1400:
        return SYLLABLE_SECONDS
    if 0x3400 <= code < 0xA000 or code >= 0x20000:
        return IDEOGRAPH_SECONDS
    return OTHER_LETTER_SECONDS
