"""Tests of letters in a form of their own: they are the letters that a reader sees."""

from __future__ import annotations

import pytest

from engines.api.offsets import rewrite
from streaming.text.characters import composed, usual


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ʜᴇʟʟᴏ ᴛᴇxᴛ sɪɢɴ", "hello text sign"),
        ("the vowel ɪ and /bɪt/", "the vowel ɪ and /bɪt/"),
        ("ⓗⓔⓛⓛⓞ Ⓗ 🅷🅴🅻🅻🅾 🅗🅘 🄷🄸", "hello H HELLO HI HI"),
        ("type 🅰 blood", "type 🅰 blood"),
        ("⒣⑴ ⒈", "(h)(1) 1."),
        ("1ˢᵗ ᵗʰⁱˢ XXIᵉ kʰ", "1st this XXIᵉ kʰ"),
        ("ĳs ĲS ǆep ǅep ŉ ſo", "ijs IJS džep Džep 'n so"),
        ("weiẞ STRAẞE", "weiß STRASSE"),
        ("ﻣﺮﺣﺒﺎ ﷲ", "مرحبا الله"),
        ("שָׁלוֹם בְּרֵאשִׁית", "שלום בראשית"),
        ("donʹt Iˊm", "don't I'm"),
        ("１，０００ ３．１４ １０：３０ 1，2，3 你好，再见", "1,000 3.14 10:30 1，2，3 你好，再见"),
        ("㈱ ㋀ ㊗", "(株) 1月 ㊗"),
    ],
)
def test_letters_are_those_that_are_seen(text: str, expected: str) -> None:
    """Engines are given the letters that a form shows; signs of the phonetic alphabet and emoji stay."""
    plain = rewrite(text, composed(text)).text

    assert rewrite(plain, usual(plain)).text == expected
