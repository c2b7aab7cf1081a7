"""Tests of currencies that are written as codes and words, before or behind their amount."""

from __future__ import annotations

import pytest
from spoken_texts import spoken_words as spoken

from streaming.text.currency_signs import CODES, code_of


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "EUR 20, 20 EUR, USD 1,500, CHF 3.50", "20 euros, 20 euros, 1,500 US dollars, 3.50 Swiss francs"),
        ("en", "GBP 5 million, $5 USD, USD 5M, 0.5 BTC", "5 million British pounds, 5 US dollars, 5 million US dollars, 0.5 bitcoin"),
        ("en", "20 kr, 150 Kč, 5 zł, Rs. 500", "20 kroner, 150 Czech korunas, 5 Polish zlotys, 500 rupees"),
        ("en", "$10–$20, €10–20, EUR 10-20", "10 to 20 dollars, 10 to 20 euros, 10 to 20 euros"),
        ("de", "EUR 20, CHF 3.50, € 20,- oder 20,- €", "20 Euro, 3,50 Schweizer Franken, 20 Euro oder 20 Euro"),
        ("de", "100 Ft, Fr. 3.50, Fr. Müller, €10–20", "100 Ungarische Forint, 3,50 Franken, Frau Müller, 10 bis 20 Euro"),
        ("sv", "20 kr, 1 500 SEK, 1 kr.", "20 kronor, 1500 svenska kronor, 1 krona."),
        ("da", "20 kr., 5 kr. for. Det er 5 kr. Så.", "20 kroner, 5 kroner for. Det er 5 kroner. Så."),
        ("nb", "kr 20, kr 1 500,-.", "20 kroner, 1500 kroner."),
        ("cs", "150 Kč, 1 Kč, 2 Kč, 3,50 Kč", "150 korun, 1 koruna, 2 koruny, 3,50 koruny"),
        ("pl", "5 zł, 1 zł, 2 zł, 12,50 zł, 5 mln zł", "5 złotych, 1 złoty, 2 złote, 12,50 złotego, 5 mln złotych"),
        ("hu", "100 Ft", "100 forint"),
        ("ro", "50 lei, 50 RON", "50 lei, 50 lei românești"),
        ("ru", "500 руб., 1 руб., 100 р.", "500 рублей, 1 рубль, 100 рублей."),
        ("fr", "EUR 20, 50 CHF", "20 euros, 50 francs suisses"),
        ("ja", "100 JPYです", "100 えん です"),
        ("tr", "50 TL", "50 lira"),
        ("hi", "रु 500", "500 रुपए"),
    ],
)  # fmt: skip
def test_codes_and_words_of_currencies(language: str, text: str, expected: str) -> None:
    """A currency's code or word is said as its name, behind the number and in its form."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    "text", ["EURO 2024", "USDA 5", "EURUSD 1.08", "HTTP 200 OK", "COP 28", "TRY 5 more", "PEN 5", "5 krill"]
)
def test_other_words_are_no_currencies(text: str) -> None:
    """What only looks like a code stays."""
    assert spoken(text, "en") == text


@pytest.mark.parametrize("code", CODES.split())
def test_every_code_has_a_name(code: str) -> None:
    """Each code is known to the library of names, in more languages than one."""
    assert code_of(code, "en")
    for language in ("en", "de", "ru", "zh"):
        assert code not in spoken(f"5 {code}", language)
