"""Tests of languages, in every form that clients send."""

from __future__ import annotations

import pytest

from compat.openai import languages
from engines.errors import BadInput


@pytest.mark.parametrize(
    ("given", "code"),
    [("en", "en"), ("EN", "en"), ("en-US", "en"), ("en_GB", "en"), ("eng", "en"), ("english", "en"), ("ger", "de"), ("deu", "de"),
     ("zh-Hant-TW", "zh"), ("mandarin", "zh"), ("haitian creole", "ht"), ("yue", "yue"), ("jw", "jv")],
)  # fmt: skip
def test_forms(given: str, code: str) -> None:
    """Codes of two and three letters, tags with regions, and names are all parsed to the language."""
    assert languages.to_code(given) == code


@pytest.mark.parametrize("given", ["", " ", "auto", "AUTO", "None"])
def test_unset(given: str) -> None:
    """Empty and `auto` mean that the language is to be detected."""
    assert languages.to_code(given) is None


@pytest.mark.parametrize("given", ["xx", "klingon", "e", "english-ish!", "x" * 1000])
def test_unknown(given: str) -> None:
    """An unknown language is OpenAI's own error, and is not repeated at length."""
    with pytest.raises(BadInput) as caught:
        languages.to_code(given)

    assert (caught.value.param, caught.value.code) == ("language", "invalid_language_format")
    assert len(caught.value.message) < 200


def test_names() -> None:
    """Every code has a lower-case English name, which leads back to it."""
    assert languages.to_name("en") == "english"
    assert languages.to_name("ht") == "haitian creole"
    assert len(languages.NAMES) == 100
    for code, name in languages.NAMES.items():
        assert name == name.lower()
        assert languages.to_code(name) == code
