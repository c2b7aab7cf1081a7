"""Tests of what stands around numbers: units, ranges, dates, Roman figures, and of addresses: all of it is said."""

from __future__ import annotations

import pytest
from spoken_texts import spoken_words as spoken


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "5 m², 3 kg/m³, 60 km/h, 10 lb.", "5 square meters, 3 kilograms per cubic meter, 60 kilometers per hour, 10 pounds."),
        ("en", "1 km, 1.5 km, 1,234 km, 100 g of it", "1 kilometer, 1.5 kilometers, 1,234 kilometers, 100 grams of it"),
        ("de", "5 m², 60 km/h, 1 km, 2 l Milch", "5 Quadratmeter, 60 Kilometer pro Stunde, 1 Kilometer, 2 Liter Milch"),
        ("cs", "1 km, 2 km, 5 km", "1 kilometr, 2 kilometry, 5 kilometrů"),
        ("ru", "5 м², 60 км/ч, 2 кг", "5 квадратных метров, 60 километров в час, 2 килограмма"),
        ("nl", "60 km/u", "60 kilometer per uur"),
        ("fr", "20 km", "20 kilomètres"),
        ("zh", "5m²", "5平方米"),
        ("en", "a 5g network, the M4 5m-long, 4K", "a 5 grams network, the M4 5m-long, 4K"),
        ("ltg", "5 km", "5 km"),
    ],
)  # fmt: skip
def test_units(language: str, text: str, expected: str) -> None:
    """Units are said in words, in the plural of their number, in any language that has names for them."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "pp. 12–15, 10:30–11:45, 1990–1995", "pages 12 to 15, 10:30 to 11:45, 1990 to 1995"),
        ("en", "a 5-10 year plan, 5-10 mins, 20%–30%", "a 5 to 10 year plan, 5 to 10 minutes, 20% to 30%"),
        ("en", "call 555-1234 now, ISBN 978-3-16-148410-0, 1-2-3 go", "call 5 5 5, 1 2 3 4 now, ISBN 9 7 8, 3, 1 6, 1 4 8 4 1 0, 0, 1-2-3 go"),
        ("en", "a 10-2 win, 24-7 service, 3–4", "a 10 2 win, 24 7 service, 3 to 4"),
        ("de", "8-17 Uhr, S. 12–15", "8 bis 17 Uhr, Seite 12 bis 15"),
        ("fr", "10–20 km", "10 à 20 kilomètres"),
        ("ja", "3-5人", "3から5人"),
        ("ltg", "3–5", "3–5"),
        ("en", "10am–4pm, 5km–10km, 20°C–25°C", "10am to 4pm, 5 kilometers to 10 kilometers, 20 degrees Celsius to 25 degrees Celsius"),
        ("en", "9:00-17:00, 5-7, 5 – 10 km, 1990 – 1995, 5 - 3", "9:00 to 17:00, 5 to 7, 5 to 10 kilometers, 1990 to 1995, 5 - 3"),
        ("de", "3-2, 8h–17h, F-16, 2024-25", "3 2, 8 Uhr bis 17 Uhr, F-16, 2024-25"),
    ],
)  # fmt: skip
def test_ranges(language: str, text: str, expected: str) -> None:
    """A dash between the ends of a range is a word, and none within telephone numbers, codes and scores."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "2026-12-24", "December 24, 2026"),
        ("en", "3/4/2020, 2026-13-45", "3/4/2020, 2026-13-45"),
        ("es", "el 24/12/2026", "el 24 de diciembre de 2026"),
        ("it", "il 24/12/2026", "il 24 dicembre 2026"),
        ("pt", "em 24/12/2026", "em 24 de dezembro de 2026"),
        ("fr", "le 24/12/2026", "le 24 décembre 2026"),
        ("nl", "24-12-2026", "24 december 2026"),
        ("ru", "2026-12-24", "24 декабря 2026 года"),
        ("zh", "2026-12-24", "2026年12月24日"),
        ("en", "12/25/2024, 25/12/2024, 13/13/2024", "December 25, 2024, December 25, 2024, 13/13/2024"),
        ("de", "24/12/2026", "vierundzwanzigster Dezember 2026"),
        ("ja", "2024/12/25", "2024-12-25"),
        ("zh", "2024/12/25", "2024年12月25日"),
        ("ar", "24/12/2024", "24-12-2024"),
        ("hi", "25/12/2024", "25 दिसंबर 2024"),
        ("es", "el 25/12, el 3/4 por la tarde", "el 25 de diciembre, el 3 de abril por la tarde"),
        ("sv", "den 25/12 2024", "den 25 december 2024"),
    ],
)
def test_dates(language: str, text: str, expected: str) -> None:
    """Dates in figures are said with the names of months where it is known which figure is the month."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("nl", "Lodewijk XIV, hoofdstuk IV", "Lodewijk de veertiende, hoofdstuk 4"),
        ("sv", "Ludvig XIV, kapitel IV", "Ludvig den fjortonde, kapitel 4"),
        ("tr", "XIV. Louis", "14. Louis"),
        ("vi", "chương IV", "chương 4"),
        ("en", "Louis XIV", "Louis XIV"),
        ("nl", "de XXL-maat, een I, IIII", "de XXL-maat, een I, IIII"),
    ],
)
def test_roman_figures(language: str, text: str, expected: str) -> None:
    """Roman figures are numbers where engines would spell them."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "www.beispiel.de, max@beispiel.de #Hallo", "www Punkt beispiel Punkt de, max@beispiel Punkt de hashtag Hallo"),
        ("fr", "jean.dupont@exemple.fr.", "jean point dupont@exemple point fr."),
        ("it", "www.esempio.it", "www punto esempio punto it"),
        ("es", "n.º 5, p. 12, 2½ horas", "número 5, página 12, 2 y medio horas"),
        ("fr", "n° 5", "numéro 5"),
        ("en", "example.com/a_b?c=1 is #one", "example.com/a_b?c=1 is #one"),
        ("en", "https://example.com/a_b?c=1", "https://example.com/a underscore b question mark c=1"),
        ("de", "z.B. 1.5.2", "zum Beispiel 1.5.2"),
    ],
)  # fmt: skip
def test_addresses(language: str, text: str, expected: str) -> None:
    """Dots of addresses are said, and signs before words are not taken for those of numbers."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "192.168.0.1:8080, v2.3.1, 1.2.3.4.5, 999.1.1.1", "192 dot 168 dot 0 dot 1:8080, v2.3.1, 1.2.3.4.5, 999.1.1.1"),
        ("de", "192.168.0.1", "192 Punkt 168 Punkt 0 Punkt 1"),
        ("en", "CO₂, H₂O, C₆H₁₂O₆, x₁", "C O 2, H 2 O, C 6 H 12 O 6, x₁"),
        ("fr", "24/7 et CO₂", "24 7 et C O 2"),
        ("hi", "24/7", "24 7"),
        ("en", "3:1 at half-time, 16:9, 1:1000, John 3:1, 10:30", "3 to 1 at half-time, 16 to 9, 1 to 1000, John 3 1, 10:30"),
        ("en", "1.2M users, 5M+ people, 100K followers, 4K TV", "1.2 million users, 5 million plus people, 100 thousand followers, 4K TV"),
        ("en", "w/ friends, w/o sugar, and/or", "with friends, without sugar, and/or"),
        ("nl", "t/m 5 mei", "tot en met 5 mei"),
        ("sv", "kl. 14.30", "klockan 14:30"),
        ("en", "#1 seed, order #12345, #tag", "number 1 seed, order number 12345, #tag"),
        ("zh", "根，√2", "根，根号 2"),
        ("es", "s. XXI", "siglo XXI"),
        ("pl", "nr 5, 25°C", "numer 5, 25 stopni Celsjusza"),
        ("fr", "M. le Président", "Monsieur le Président"),
        ("en", "~5 items, x <- 5", "approximately 5 items, x left arrow 5"),
    ],
)  # fmt: skip
def test_figures_with_signs(language: str, text: str, expected: str) -> None:
    """What engines read by the names of signs, or as another number, is said as a reader says it."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "1h 30m, 5m20s, 1h 30m 20s, 10h, 45 s, the 30s", "1 hour 30 minutes, 5 minutes 20 seconds, 1 hour 30 minutes 20 seconds, 10 hours, 45 seconds, the 30s"),
        ("en", "2 hrs. Then 5 mins, 100 Mbps, 5 m/s², 2 tsp", "2 hours. Then 5 minutes, 100 megabits per second, 5 meters per second squared, 2 teaspoons"),
        ("de", "10h, um 14h, 14h30, 8h–17h, 2 Std., 45 Min.", "10 Stunden, um 14 Uhr, 14 Uhr 30, 8 Uhr bis 17 Uhr, 2 Stunden, 45 Minuten."),
        ("fr", "14h30, 9h–17h, 1 h", "14 heures 30, 9 heures à 17 heures, 1 heure"),
        ("es", "14h00", "14 horas"),
        ("nl", "14u30", "14 uur 30"),
        ("ru", "5 ч, 2 мин", "5 часов, 2 минуты"),
    ],
)  # fmt: skip
def test_hours(language: str, text: str, expected: str) -> None:
    """Hours, minutes and seconds by their letters are said in words, and metres are none of them."""
    assert spoken(text, language) == expected
