"""Tests of marks in plain text: stress, bullets, headings and rules are not said, products and powers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.api.offsets import Rewriting
from streaming.text.asterisks import read_asterisks, without_bullets
from streaming.text.spoken import spoken_text


def spoken(text: str, language: str) -> str:
    """Return what is spoken of a text, with single spaces."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    return "\n".join(" ".join(line.split()) for line in rewriting.text.split("\n"))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "*very* **bold** ***both***, price*, *Terms apply", "very bold both, price, Terms apply"),
        ("en", "**Note:** do it. \"*quoted*\" **bold *inner* bold** un**believ**able", "Note: do it. \"quoted\" bold inner bold unbelievable"),
        ("en", "~~no~~ yes, _really_ user_name ***** ok", "no yes, really user_name ok"),
        ("zh", "这个**非常**重要，*很*好", "这个非常重要，很好"),
        ("ar", "*مهم* جدا", "مهم جدا"),
        ("hi", "**बहुत** ज़रूरी", "बहुत ज़रूरी"),
        ("ru", "*очень* **важно**", "очень важно"),
    ],
)  # fmt: skip
def test_marks_of_stress_are_not_said(language: str, text: str, expected: str) -> None:
    """Asterisks and underscores around words only show how they are said."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "2 * 3 = 6, 2*3, a*b, 5 * $3", "2 times 3 = 6, 2 times 3, a times b, 5 times 3 dollars"),
        ("en", "area = length * width", "area = length times width"),
        ("de", "2 * 3 = 6", "2 mal 3 = 6"),
        ("fr", "2 * 3", "2 fois 3"),
        ("en", "2**10, a**b, 10^6, x^{10}, x^n", "2 to the power of 10, a to the power of b, 10 to the power of 6, x to the power of 10, x to the power of n"),
        ("en", "3x² + 10²³", "3x squared + 10 to the power of 23"),
        ("en", "1e-5, 6.022e23", "1 times 10 to the power of minus 5, 6.022 times 10 to the power of 23"),
        ("de", "1e-5", "1 mal 10 hoch minus 5"),
        ("zh", "10^6", "10的6次方"),
    ],
)  # fmt: skip
def test_products_and_powers_are_said(language: str, text: str, expected: str) -> None:
    """An asterisk between factors is times, two are a power, and a number's power of ten keeps its sign."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    "text", ["SELECT * FROM t", "*.txt", "COUNT(*)", "sh*t", "/* comment */", "***", "0x1e5"]
)
def test_other_asterisks_stay(text: str) -> None:
    """Asterisks that are themselves are left to the engine, and a text of nothing else stays."""
    assert spoken(text, "en") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* apples\n* pears\n* plums", "apples.\npears.\nplums"),
        ("Groceries:\n- milk\n• bread\n+ butter", "Groceries:\nmilk.\nbread.\nbutter"),
        ("Buy:\n- 5 apples\n- 3 pears", "Buy:\n5 apples.\n3 pears"),
        ("- 5 apples", "- 5 apples"),
        ("## Title\nText", "Title.\nText"),
        ("One\n---\nTwo\n***\nThree", "One.\n\nTwo.\n\nThree"),
        ("-5 degrees", "minus 5 degrees"),
    ],
)
def test_bullets_pause_and_are_not_said(text: str, expected: str) -> None:
    """A line with a bullet ends in a pause, and nothing is said of the bullet, in plain text too."""
    assert spoken(text, "en") == expected


@given(st.text(alphabet="*_~ ab2\n-+#=.^(", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    """Whatever stands between asterisks and bullets, its letters and figures are all there."""
    rewriting = Rewriting(text)
    rewriting.apply(read_asterisks(text, "ltg"))
    rewriting.apply(without_bullets(rewriting.text))

    left = [char for char in rewriting.text if char in "ab2²"]
    assert [char.replace("²", "2") for char in left] == [char for char in text if char in "ab2"]
