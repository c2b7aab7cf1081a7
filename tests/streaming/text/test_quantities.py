"""Tests of quantities: fractions of one character, powers, feet and inches keep what they mean."""

from __future__ import annotations

import pytest

from engines.api.offsets import Rewriting
from streaming.text.spoken import spoken_text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "3⅜ in, ⅛ cup, 2½ cups, 1⁄2 and ¾", "3 and three eighths in, one eighth cup, 2 and a half cups, one half and three quarters"),
        ("en", "10⁶, 10⁻³, x², 5¹⁰, 5 m², km², word¹", "10 to the power of 6, 10 to the power of minus 3, x squared, 5 to the power of 10, 5 square meters, km², word¹"),
        ("en", "5'11\" and 6′2″ and 1' 1\", 40°26′46″", "5 feet 11 inches and 6 feet 2 inches and 1 foot 1 inch, 40°26′46″"),
        ("es", "3/4 partes, 1/2 kilo, 1 1/2 kilos, 3/4", "tres cuartos partes, medio kilo, 1 y medio kilos, 3/4"),
        ("sv", "3/4 liter", "tre fjärdedelar liter"),
        ("ru", "3/4 литра, 5/8 дюйма", "три четверти литра, 5/8 дюйма"),
        ("de", "3/4 Liter, 1/2", "¾ Liter, 1/2"),
        ("hi", "2/3 भाग", "2 बटा 3 भाग"),
        ("de", "10⁻³, 10⁶, 3⅜", "10 hoch minus 3, 10 hoch 6, 3 und 3 Achtel"),
        ("ru", "⅓ и ⅔", "одна третья и две третьих"),
        ("fr", "⅔ et 10⁶", "2 tiers et 10 puissance 6"),
        ("es", "⅔ y ⅓", "2 tercios y un tercio"),
        ("pl", "⅔, ⅝", "dwie trzecie, 5 ósmych"),
        ("cmn", "3⅜", "3又8分之3"),
        ("vi", "3⅓", "3 1 phần 3"),
        ("qq", "⅔", "2/3"),
    ],
)  # fmt: skip
def test_quantities_keep_what_they_mean(language: str, text: str, expected: str) -> None:
    """No fraction, exponent, its sign or unit is lost; square units and notes are left to the engine."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)

    assert rewriting.text == expected
