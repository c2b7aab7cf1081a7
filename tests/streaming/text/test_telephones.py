"""Tests of telephone numbers and other long codes: digits in groups, and never what is an amount or a date."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_texts import spoken

from engines.api.offsets import Rewriting
from streaming.text.telephones import spelt_telephones


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("nl", "Bel 06-12345678 of 020-123 45 67.", "Bel 0 6, 1 2 3 4 5 6 7 8 of 0 2 0, 1 2 3, 4 5, 6 7."),
        ("nl", "+31 6 12 34 56 78", "+3 1, 6, 1 2, 3 4, 5 6, 7 8"),
        ("sv", "Ring 08-123 456 78, 070-123 45 67.", "Ring 0 8, 1 2 3, 4 5 6, 7 8, 0 7 0, 1 2 3, 4 5, 6 7."),
        ("de", "030 1234567, 030/123456, (030) 12 34 56", "0 3 0, 1 2 3 4 5 6 7, 0 3 0, 1 2 3 4 5 6, 0 3 0, 1 2, 3 4, 5 6"),
        ("fr", "06 12 34 56 78 ou +33 6 12 34 56 78", "06, 12, 34, 56, 78 ou +33, 6, 12, 34, 56, 78"),
        ("es", "Llama al 912 345 678", "Llama al 9 1 2, 3 4 5, 6 7 8"),
        ("pl", "tel. 22 123 45 67", "telefon 2 2, 1 2 3, 4 5, 6 7"),
        ("ru", "8 (495) 123-45-67", "8, 4 9 5, 1 2 3, 4 5, 6 7"),
        ("da", "Ring 12 34 56 78", "Ring 12, 34, 56, 78"),
        ("nb", "Ring 912 34 567", "Ring 9 1 2, 3 4, 5 6 7"),
        ("ja", "電話は03-1234-5678です", "電話は0 3, 1 2 3 4, 5 6 7 8です"),
        ("zh", "电话138-0013-8000", "电话1 3 8, 0 0 1 3, 8 0 0 0"),
        ("hi", "कॉल करें 98765 43210", "कॉल करें 9 8 7 6 5, 4 3 2 1 0"),
        ("ar", "اتصل على 0501234567", "اتصل على 0 5 0 1 2 3 4 5 6 7"),
        ("en", "+1 (555) 123-4567, 555.123.4567", "+1, 5 5 5, 1 2 3, 4 5 6 7, 5 5 5, 1 2 3, 4 5 6 7"),
        ("en", "card 4111 1111 1111 1111", "card 4 1 1 1, 1 1 1 1, 1 1 1 1, 1 1 1 1"),
        ("de", "IBAN DE89 3704 0044 0532 0130 00", "IBAN DE 8 9, 3 7 0 4, 0 0 4 4, 0 5 3 2, 0 1 3 0, 0 0"),
    ],
)  # fmt: skip
def test_telephone_numbers_are_digits_in_groups(language: str, text: str, expected: str) -> None:
    """The digits of a telephone number, a card or an account are said one by one, in pairs where that is usual."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "10 000 000 people, +10 000 000, 2019 2020 2021 2022, 12-25-2024, 2024-12-25, 100 200 300"),
        ("en", "3.141592653, 0.12345678, 747-400, 200-1000 people, 1-2-3, 1,234,567, call 12 500 now, 007"),
        ("pl", "123 456 789 osób, 123 456 789 zł"),
        ("de", "5-3=2, 08.00-12.00 Uhr, 01.02.-03.04.2024, 01/02/2024, 0,5-1,5"),
        ("fr", "1 234 567 habitants"),
    ],
)
def test_other_numbers_are_no_telephone_numbers(language: str, text: str) -> None:
    """Amounts, dates, times, years and types keep their numbers."""
    assert list(spelt_telephones(text, language)) == []


@given(
    st.text(alphabet="0123456789 +-()/.,ATel\n", max_size=80), st.sampled_from(["nl", "sv", "fr", "pl", "en"])
)
def test_no_digit_is_lost(text: str, language: str) -> None:
    """Whatever is taken for a telephone number has all its digits, and leads back to where they stood."""
    rewriting = Rewriting(text)
    rewriting.apply(spelt_telephones(text, language))

    assert [char for char in rewriting.text if char.isdigit()] == [char for char in text if char.isdigit()]
    for place, char in enumerate(rewriting.text):
        start, end = rewriting.original(place, place + 1)
        assert not char.isdigit() or char in text[start:end]
