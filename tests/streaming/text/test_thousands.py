"""Tests of numbers whose thousands are set apart by a space, where a language writes them in another way."""

from __future__ import annotations

import pytest

from engines.api.offsets import Rewriting
from streaming.text.thousands import joined_thousands


def joined(text: str, language: str) -> str:
    """Return a text with its thousands joined."""
    rewriting = Rewriting(text)
    rewriting.apply(joined_thousands(text, language))
    return rewriting.text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "12 500 people came."), ("en", "About 12 500 came."), ("en", "Of 12 500 applicants"),
        ("en", "384 400 km away"), ("en", "It costs 1 250 euros."), ("en", "He scored 12 500 points"),
        ("en", "more than 1 500"), ("it", "12 500 persone"), ("it", "circa 12 500"), ("it", "costa 1 250 euro"),
        ("pt", "12 500 pessoas"), ("pt", "mais de 12 500"), ("es", "12 500 personas"), ("nl", "12 500 mensen"),
        ("de", "12 500 Menschen"), ("fr", "12 500 personnes"), ("ru", "12 500 человек"),
    ],
)  # fmt: skip
def test_what_is_counted_is_one_number(language: str, text: str) -> None:
    """Two groups of digits before what they count, or behind a word that stands before amounts, are one number."""
    assert joined(text, language).replace(" ", "") == text.replace(" ", "")
    assert any(len(word) > 3 for word in joined(text, language).split() if word.strip(".").isdigit())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "page 12 500 words"), ("en", "On May 12 500 people marched."), ("en", "call 12 500 now"),
        ("en", "Boeing 747 400 jets"), ("en", "room 12 500 metres on"), ("en", "numbers 12 500 and 13 200"),
        ("en", "a 1 500 ml bottle"), ("en", "Add 2 400 g tins"), ("en", "Win 12 500 now"), ("en", "12 500"),
        ("en", "bus 12 500 yards on"), ("it", "pagina 12 500 parole"), ("pt", "quarto 12 500 metros"),
        ("de", "Zimmer 12 500 Meter"), ("en", "+44 20 123 people"),
    ],
)  # fmt: skip
def test_what_may_be_two_numbers_stays(language: str, text: str) -> None:
    """A number behind a name, a label, a month or a telephone's words is no part of the next one."""
    assert joined(text, language) == text
