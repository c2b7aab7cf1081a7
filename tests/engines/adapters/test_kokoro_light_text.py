"""Kokoro's front ends without torch and spaCy: they read what those with them read. Offline."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("hibari")
pytest.importorskip("misaki.espeak")
pytest.importorskip("spacy")

from hypothesis import given, settings
from hypothesis import strategies as st

from engines.adapters.kokoro.packages import (
    missing_packages,
    needed_packages,
    read_scripts,
    readable_languages,
)
from engines.adapters.kokoro.text import choose_language, make_front_end
from engines.toolkit.phoneme_chunks import Chunk

LIMIT = 510
ENGLISH = (
    "Hello world! The quick brown fox jumps over the lazy dogs.",
    "She sells sea shells; it's easy to tell the depth of a well.",
    "“Come here,” he said (twice), “and read it: the book that I have read.”",
    "I would like to record a record — now, please…",
)
OTHERS = {
    "e": '¿Qué hora es? Son las 3:30 — creo; pero "no" sé (bien) el e-mail de Google, [sí] y {no}. ¡Niñas! 12.345,67 €',
    "f": "Bonjour tout le monde « ça va » ? J'ai 1234 euros; c'est-à-dire beaucoup… Le week-end, on fait du shopping.",
    "h": "नमस्ते दुनिया। यह 25 किताबें हैं, Google पर।",
    "i": "Ciao (mondo). Perché no? L'amico è andato via alle 10.30: pizza e zucchero!",
    "p": "Olá, mundo. São 1.500 reais, não é? O software é bom; e o e-mail também.",
}

pytestmark = pytest.mark.usefixtures("offline")
FRONT_ENDS = {
    (letter, light): make_front_end(letter, light=light) for letter in "abefhip" for light in (False, True)
}


def chunks(text: str, language: str, *, light: bool, limit: int = LIMIT) -> list[Chunk]:
    """Return the chunks of a text."""
    return list(FRONT_ENDS[language, light].chunks(text, (), limit))


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages_are_read_alike(language: str) -> None:
    """Spanish, French, Hindi, Italian and Portuguese become the very phonemes that misaki makes of them."""
    light = chunks(OTHERS[language], language, light=True)

    assert light == chunks(OTHERS[language], language, light=False)
    assert len(light[0].phonemes) > 30


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("aeñçã bcz.,;:!?¿—…\"«»()[]{}-_'1 2\n@%áü"), max_size=40),
    language=st.sampled_from("efip"),
)
def test_any_text_is_read_alike(text: str, language: str) -> None:
    """Whatever letters and marks come together, letters and marks become the same; spaces may differ at the ends
    of marks.
    """

    def plain(light: bool) -> str:
        return re.sub(r"\s", "", "".join(chunk.phonemes for chunk in chunks(text, language, light=light)))

    assert plain(True) == plain(False)


@pytest.mark.parametrize("language", ["a", "b"])
@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_read_alike(text: str, language: str) -> None:
    """English becomes the phonemes and words of misaki, but for quotation marks, which are left out, and for what
    their taggers see otherwise.
    """
    [light], [full] = (chunks(text, language, light=light) for light in (True, False))
    parts = [re.sub("[“”]", "", chunk.phonemes).split() for chunk in (light, full)]
    same = sum(one == other for one, other in zip(*parts, strict=True))

    assert [(word.start, word.end) for word in light.words] == [(word.start, word.end) for word in full.words]
    assert same >= 0.7 * len(parts[1])


def test_marks() -> None:
    """Phonemes in the text's own marks are honoured; of other marks the word is left, and of links its text."""
    text = "Say [Kokoro](/kˈOkəɹO/) [now](+1), see [docs](https://example.com)."
    [chunk] = chunks(text, "a", light=True)

    assert "kˈOkəɹO" in chunk.phonemes
    assert [text[word.start : word.end] for word in chunk.words] == ["Say", "Kokoro", "now", "see", "docs"]


def test_sentences_and_paragraphs() -> None:
    """Sentences stay apart by a space, paragraphs are chunks of their own, and no chunk is too long."""
    text = "One is here. Two is there.\n\nThree is far away, and it goes on for a while."
    whole = chunks(text, "a", light=True)
    short = chunks(text, "a", light=True, limit=20)

    assert [bool(re.search(r"\. \S", chunk.phonemes)) for chunk in whole] == [True, False]
    assert all(len(chunk.phonemes) <= 20 for chunk in short)
    assert [word.start for chunk in short for word in chunk.words] == [
        word.start for chunk in whole for word in chunk.words
    ]


@pytest.mark.parametrize(
    ("language", "text", "read_as"),
    [
        ("j", "Hello there.", "a"),
        ("z", "OpenAI!", "a"),
        ("j", "Hello 안녕", "a"),
        ("j", "Helloと言う", "j"),
        ("j", "ｱｲｳ ABC", "j"),
        ("z", "你好 OpenAI", "z"),
        ("z", "2026", "z"),
        ("j", "", "j"),
        ("e", "Hola", "e"),
        ("b", "Hello", "b"),
    ],
)
def test_latin_letters_alone_are_english(language: str, text: str, read_as: str) -> None:
    """Japanese and Chinese voices read a text of Latin letters alone as English; others read all in their own."""
    assert choose_language(language, text) == read_as


def test_scripts() -> None:
    """English without misaki leaves out what is in no Latin letters, and says so; eSpeak NG reads any."""
    assert chunks("안녕하세요 Привет мир مرحبا 你好 😀", "a", light=True) == []
    assert [read_scripts(letter, light=True) for letter in "abe"] == [("Latin",), ("Latin",), ()]
    assert [read_scripts(letter, light=False) for letter in "abe"] == [(), (), ()]


def test_what_is_needed() -> None:
    """Without torch English and five more languages need no more than hibari and eSpeak's library."""
    for letter in "abefhip":
        assert set(needed_packages(letter, light=True)) <= {"hibari", "onnxruntime", "espeakng_loader"}
    assert missing_packages({"msgspec": "msgspec", "no_such_module": "no-such-package"}) == [
        "no-such-package"
    ]
    assert readable_languages("pba", light=True) == ["a", "b", "p"]
