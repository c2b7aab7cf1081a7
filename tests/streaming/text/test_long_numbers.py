"""Tests of numbers that are too long to be any: digit by digit, wherever a segment ends."""

from __future__ import annotations

import pytest

from engines.api.offsets import Rewriting
from streaming.text.segments import split_text
from streaming.text.spoken import spoken_text


@pytest.mark.parametrize("language", ["en", "de", "ja", "ar"])
@pytest.mark.parametrize("digits", [21, 83, 300, 1001])
def test_no_segment_holds_a_part_of_one(language: str, digits: int) -> None:
    """Each digit stands apart in every segment, none is lost, and each leads back to where it was written."""
    number = ("1234567890" * 101)[:digits]
    text = f"Dial {number} now"
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    segments = list(split_text(rewriting.text, language=language, first_limit=80, limit=240))
    found = [word for segment in segments for word in segment.text.split() if word.isdigit()]

    assert found == list(number)
    start = rewriting.text.index("1")
    assert rewriting.original(start + 4, start + 5) == (7, 8)


def test_numbers_that_have_words_stay() -> None:
    """A number of twenty digits is one, and a long one of money keeps its currency."""
    for text, expected in (("1" * 20, "1" * 20), (f"${'5' * 21}", " ".join("5" * 21) + " dollars")):
        rewriting = Rewriting(text)
        spoken_text(rewriting, "en")
        assert rewriting.text.strip() == expected
