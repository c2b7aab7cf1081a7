"""Tests of the texts that LuxTTS reads, without its library."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.adapters.luxtts.text import PINYIN, plain_text
from engines.catalogue.models import find_model


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Say <ni3> [loudly], 3 < 4 > 2.", "Say <ni3> (loudly), 3 ( 4 ) 2."),
        ("<lü4>\n<abc9> <NI3>", "<lü4> (abc9) (NI3)"),
        ("[<hao3>]", "(<hao3>)"),
    ],
)
def test_only_pinyin_stays_in_angle_brackets(written: str, read: str) -> None:
    """Syllables of pinyin stay as they are; other brackets become round ones, which are no signs."""
    assert plain_text(written) == read


@given(st.text(alphabet="<>[]()ni3 ü"))
def test_no_sign_is_left(text: str) -> None:
    """Whatever a text holds, nothing but pinyin is left that the library would take for a sign."""
    left = re.sub(PINYIN, "", plain_text(text))
    assert not set("<>[]") & set(left)


def test_the_record_keeps_48_kilohertz() -> None:
    """The record says the rate that the engine speaks at, and how its packages are asked for."""
    record = find_model("luxtts")
    assert (record.sample_rate, record.engine.added_as, record.engine.group) == (
        48_000,
        "luxtts",
        "legacy457",
    )
