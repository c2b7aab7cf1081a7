"""Tests of Japanese phonemes: as the library reads a text, completely, and offline."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("kokoro")

from hypothesis import given, settings
from hypothesis import strategies as st
from kokoro import KPipeline
from tiny_kokoro import LIMIT, SYMBOLS, front_end, loaded, speak

from engines.adapters.kokoro.japanese import estimate_phonemes, make_japanese_phonemizer
from engines.adapters.kokoro.text import FrontEnd, WholeTextFrontEnd, make_front_end
from engines.api import SpeechJob
from engines.errors import Unsupported

PACKAGES = ("fugashi", "jaconv", "mojimoji", "unidic_lite")
needs_packages = pytest.mark.skipif(
    not all(map(find_spec, PACKAGES)), reason="no fugashi, jaconv, mojimoji or unidic-lite"
)
SENTENCE = "今日は良い天気ですね。"
TEXTS = (
    "こんにちは、世界。",
    SENTENCE,
    "今日は2024年3月15日、気温は２５度です。",
    "「吾輩は猫である」『名前』（まだ）【無い】〜で～生れた・か…。",
    "東京スカイツリーの高さは634メートルです！？",
    "コーヒーを一杯、ﾃｽﾄとヴァイオリンとマッチ。",
    "Helloと言って、100%の☃を3/4。",
    "吉野家で한국어を。",
)
WORDLESS = "きのうのよるはとてもさむかった"


pytestmark = pytest.mark.usefixtures("offline")


@functools.cache
def front_ends() -> tuple[FrontEnd, KPipeline]:
    """Return our front end, and the library's."""
    return make_front_end("j"), front_end("j", model=False)


def phonemes(text: str, limit: int = 510) -> list[str]:
    """Return the phonemes of a text's chunks."""
    return [chunk.phonemes for chunk in front_ends()[0].chunks(text, (), limit)]


def whole(text: str) -> str:
    """Return the library's phonemes of a text of any length, without spaces."""
    return str(front_ends()[1].g2p(text)[0]).replace(" ", "")


@needs_packages
@pytest.mark.parametrize("text", TEXTS)
def test_phonemes_are_the_librarys(text: str) -> None:
    """The phonemes of a text are those of the library's own pipeline."""
    assert phonemes(text) == [result.phonemes for result in front_ends()[1](text)]


@needs_packages
def test_kokoro_knows_the_phonemes() -> None:
    """All phonemes of Japanese words and marks are in Kokoro's vocabulary, but for brackets and signs without
    a sound.
    """
    kana = [chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB))]
    lines = [first.join(("", *"ゃゅょぁぃぅぇぉァィゥェォンっー", "")) for first in kana]
    plain = "".join("".join(phonemes(text)) for text in (*TEXTS[:3], *TEXTS[4:6], *lines))

    assert set(plain) <= set(SYMBOLS)
    assert set("".join(phonemes(TEXTS[3]))) - set(SYMBOLS) == set("«»[]~")


@needs_packages
def test_a_long_text_is_read_completely() -> None:
    """Where the library drops phonemes beyond 510, a text without a space is cut behind its sentences, and
    none is lost.
    """
    text = SENTENCE * 60
    [library] = [result.phonemes for result in front_ends()[1](text)]
    parts = phonemes(text)

    assert len(library) == 510
    assert max(map(len, parts)) <= 510
    assert all(part.endswith(".") for part in parts)
    assert "".join(parts).replace(" ", "") == whole(SENTENCE) * 60


@needs_packages
@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("行こう！", "!"),
        ("本当？", "?"),
        ("「そうだ。」", ".”"),
        ("（ええ！？）", "!?»"),
        ("はい、", ","),
        ("今日は", ""),
    ],
)
def test_where_it_is_cut(sentence: str, end: str) -> None:
    """A text is cut behind the marks that end a sentence and the brackets after them, then behind commas, at
    last between words.
    """
    parts = phonemes(sentence * 40, limit=100)

    assert len(parts) > 1
    assert max(map(len, parts)) <= 100
    assert all(part.endswith(end) for part in parts)
    assert "".join(parts).replace(" ", "") == whole(sentence) * 40


@needs_packages
def test_a_text_without_marks_is_cut() -> None:
    """A text without marks or separable words is cut too."""
    parts = phonemes(WORDLESS * 40, limit=100)
    assert max(map(len, parts)) <= 100
    assert sum(map(len, parts)) > 0.9 * len(whole(WORDLESS)) * 40


@needs_packages
@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("09012345678", "0 9 0 1 2 3 4 5 6 7 8"),
        ("１２３４５６７８９０", "1 2 3 4 5 6 7 8 9 0"),
        ("٤٢です", "42です"),
        ("፩はい", "はい"),
    ],
)
def test_texts_that_the_library_fails_at(text: str, same: str) -> None:
    """Long numbers are read digit by digit, digits of other scripts like ours; unreadable characters are left
    out.
    """
    with pytest.raises((AssertionError, KeyError)):
        front_ends()[1].g2p(text)
    assert phonemes(text) == phonemes(same) != []


@needs_packages
@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("髙橋さんと山﨑さん", "高橋さんと山崎さん"),
        ("𠮷野家", "吉野家"),
        ("1,234,567円", "1234567円"),
        ("３,０００円", "3000円"),
        ("円周率は3.14です", "円周率は3点1 4です"),
        ("1,2,3", "1, 2, 3"),
        ("㍿です", "株式会社です"),
    ],
)
def test_spellings_of_the_same_text(text: str, same: str) -> None:
    """Names in forms that the dictionary lacks are read, and numbers are one number, with commas or a point
    in them.
    """
    assert "".join(phonemes(text)).replace(" ", "") == "".join(phonemes(same)).replace(" ", "") != ""


@needs_packages
@pytest.mark.parametrize("sign", ["\ufdfa", "㍿", "123456789 ", "漢", "あ"])
def test_long_readings_are_computed_in_parts(sign: str) -> None:
    """A text of very many phonemes is read in parts: misaki's time grows with the cube of their number."""
    read, spell = [], make_japanese_phonemizer()

    def spelled(text: str) -> str:
        read.append(estimate_phonemes(text))
        return spell(text)

    text = sign * 300
    assert [
        chunk.phonemes for chunk in WholeTextFrontEnd(spelled, estimate_phonemes).chunks(text, (), 510)
    ] == phonemes(text)
    assert 0 < max(read) <= 510


@needs_packages
@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.sampled_from("あアｱんーっゃヽ々〃゚漢字東、。「」（）ー〜･ 1２٣፩²①aA%\u3097\U00020bb7☃"), max_size=20
    )
)
def test_no_text_is_an_error(text: str) -> None:
    """Any text is read, within the limit."""
    assert all(0 < len(part) <= 30 for part in phonemes(text, limit=30))


@needs_packages
def test_audio() -> None:
    """A Japanese voice speaks; the same text and seed yield the same audio, another text does not, and a
    longer one is more chunks.
    """
    first, again, other = (
        speak(SpeechJob(text, "jf_alpha", seed=3)).pcm for text in (SENTENCE, SENTENCE, "こんばんは。")
    )
    long = speak(SpeechJob(SENTENCE * 3, "jf_alpha", seed=3))

    assert len(first) and np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(whole(SENTENCE * 3)) > LIMIT
    assert len(long.pcm) > 2 * len(first)
    assert not long.words
    assert len(speak(SpeechJob("%", "jf_alpha")).pcm)


def missing(monkeypatch: pytest.MonkeyPatch, *packages: str) -> str:
    """Return the message where packages are missing."""
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(loaded()[0], "_front_ends", {})
    with pytest.raises(Unsupported) as raised:
        speak(SpeechJob(SENTENCE, "jf_alpha"))
    return str(raised.value)


def test_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its packages Japanese is refused with their names, and how to install them."""
    assert missing(monkeypatch, *PACKAGES, "unidic").endswith(
        "here: voicebox engines add fugashi jaconv mojimoji unidic-lite --to own."
    )


@needs_packages
def test_without_a_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """fugashi without a dictionary is not tried; neither is a dictionary of the system, which is of another
    kind.
    """
    assert missing(monkeypatch, "unidic_lite", "unidic").endswith(
        "here: voicebox engines add unidic-lite --to own."
    )


@pytest.fixture
def empty_unidic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install `unidic` as pip does: without its dictionary."""
    (tmp_path / "unidic").mkdir()
    (tmp_path / "unidic" / "__init__.py").write_text("raise AssertionError('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "unidic", raising=False)
    yield tmp_path


@needs_packages
def test_a_dictionary_that_was_not_downloaded(empty_unidic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`unidic` is preferred to `unidic-lite`: without its files the error says so, and nothing is downloaded."""
    assert empty_unidic.is_dir()
    assert "which this brings: " in missing(monkeypatch)


@needs_packages
def test_pyopenjtalk_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyopenjtalk, which would download a dictionary, is not even imported."""
    monkeypatch.setitem(sys.modules, "pyopenjtalk", None)
    assert list(make_front_end("j").chunks(SENTENCE, (), 510))
