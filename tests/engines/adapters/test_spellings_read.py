"""Tests of what the embedded engines' networks are given to say: two spellings of a text are the same phonemes, and
none of a text is lost. Hibari, Piper and Kokoro's int8 graph, with their real files; offline.

Texts go the gateway's way: rewritten, and cut into segments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import hibari_in_process
import kokoro_in_process
import piper_in_process
import pytest
from written_cases import DIGITS, ENGLISH, jobs

from engines.adapters.kokoro.packages import JAPANESE, missing_packages
from engines.toolkit.phoneme_chunks import Chunk

Reader = Callable[[str], Iterator[tuple[str, Chunk]]]
NUMBERS = [str(number) for number in range(1, 301)]
DATES = [f"2026-12-{day}" for day in range(10, 29)]
RUN = 500
KANA = "わたしはがくせいですからまいにちがっこうへいってともだちとべんきょうします"

pytestmark = pytest.mark.usefixtures("offline")
japanese = pytest.mark.skipif(
    bool(missing_packages(JAPANESE)), reason="no fugashi, jaconv, mojimoji, unidic-lite"
)


def hibari(text: str) -> Iterator[tuple[str, Chunk]]:
    """Yield the chunks that Hibari's network is given, each with the text of its job."""
    engine, info = hibari_in_process.loaded()
    for job in jobs(text, "en", info):
        yield from ((job.text, phrase.chunk) for phrase in engine._read(job, engine._voices.find("")))


def piper(text: str) -> Iterator[tuple[str, Chunk]]:
    """Yield those of Piper's."""
    engine, info = piper_in_process.loaded()
    reader = engine._reader(engine._voices.find("").voice)
    for job in jobs(text, "en", info):
        yield from ((job.text, phrase.chunk) for phrase in reader.phrases(job.text, ()))


def kokoro(text: str, language: str = "en") -> Iterator[tuple[str, Chunk]]:
    """Yield those of Kokoro's."""
    engine, info = kokoro_in_process.loaded()
    for job in jobs(text, language, info, "jf_alpha"):
        yield from ((job.text, chunk) for chunk, _ in engine._read(job))


ENGINES = [hibari, piper, kokoro]


def letters(chunks: Iterator[tuple[str, Chunk]]) -> str:
    """Return the phonemes of chunks without stress, spaces and marks."""
    return re.sub(r"[\sˈˌ.,:;!?—…]", "", "".join(chunk.phonemes for _, chunk in chunks))


def words(chunks: Iterator[tuple[str, Chunk]]) -> list[str]:
    """Return the words that chunks say, as they stand in the text that the engine is given."""
    return [text[word.start : word.end] for text, chunk in chunks for word in chunk.words]


def clauses(chunks: Iterator[tuple[str, Chunk]]) -> list[str]:
    """Return the phonemes between pauses: ends of chunks, and marks."""
    parts = (part for _, chunk in chunks for part in re.split(r"[.,:;!?]+", chunk.phonemes))
    return [part.strip() for part in parts if part.strip()]


@pytest.mark.parametrize("read", ENGINES)
@pytest.mark.parametrize(("odd", "usual"), ENGLISH)
def test_two_spellings_have_the_same_phonemes(read: Reader, odd: str, usual: str) -> None:
    """A text in an odd spelling is said by the very phonemes of the usual one."""
    if read is kokoro and odd.startswith("Dial"):
        pytest.skip("a segment of digits alone is Japanese to a Japanese voice")
    assert letters(read(odd)) == letters(read(usual)) != ""


@pytest.mark.parametrize("read", ENGINES)
def test_each_letter_of_a_run_is_said(read: Reader) -> None:
    """300 times the letter x is 300 times its name, alone and within a sentence."""
    assert letters(read("x" * 300)).count("ɛks") == 300
    assert letters(read(f"The {'x' * 300} is.")).count("ɛks") == 300


@pytest.mark.parametrize("read", ENGINES)
@pytest.mark.parametrize("run", ["antidis", "sdfghjkl", "banana", "o"])
def test_a_run_of_five_hundred_letters_is_said_whole(read: Reader, run: str) -> None:
    """500 letters without a space have no less phonemes than their parts by themselves, but for a few, and one
    fifth more text has more.
    """
    part, count = 18 // len(run), RUN // len(run)
    whole = len(letters(read(run * count)))

    assert whole >= 0.8 * count / part * len(letters(read(run * part)))
    assert len(letters(read(run * (count * 6 // 5)))) > 1.1 * whole


@pytest.mark.parametrize("read", ENGINES)
def test_numbers_and_dates_on_lines_are_all_said(read: Reader) -> None:
    """1 to 300 and twenty days, one a line, are words of their own in their order, and no less than each alone."""
    text = "\n".join(f"number {number}" for number in NUMBERS)
    days = "\n".join(["Days", *DATES])

    assert [word for word in words(read(text)) if word.isdigit()] == NUMBERS
    for at in (16, 40, 166, 180, 240, 299):
        assert clauses(read(text))[at] == clauses(read(f"number {NUMBERS[at]}."))[0]
    assert letters(read(days)).count(letters(read("December"))) == len(DATES)
    assert len(clauses(read(text))) >= len(NUMBERS)


@pytest.mark.parametrize("read", ENGINES)
def test_lists_pause_and_wrapped_prose_does_not(read: Reader) -> None:
    """There is a pause between items on lines, and none within prose that was wrapped."""
    items = "There are four fruits:\nApple\nBanana\nOrange\nPear"

    assert len(clauses(read(items))) == 5
    assert len(clauses(read("The quick brown\nfox jumps over\nthe lazy dog."))) == 1


@pytest.mark.parametrize("read", ENGINES)
@pytest.mark.parametrize(
    "text",
    [
        "I met Dr. Smith today.",
        "We saw St. John there.",
        "The book is by J. R. R. Tolkien and others.",
        "See No. 5 on p. 12 of it.",
    ],
)
def test_no_pause_behind_an_abbreviation(read: Reader, text: str) -> None:
    """A dot that ends no sentence is no pause."""
    assert len(clauses(read(text))) == 1


@pytest.mark.parametrize("read", ENGINES)
def test_words_behind_a_dash_and_between_others(read: Reader) -> None:
    """Each word is told, also behind a dash and where two are said as one."""
    text = "He stood in the house—not on the roof of it"

    assert words(read(text)) == text.replace("—", " ").split()


# Kokoro's other language here...


@japanese
@pytest.mark.parametrize(
    ("odd", "usual"),
    [
        ("１２３です。", "123です。"),
        ("\u304b\u3099\u304f\u305b\u3044です。", "がくせいです。"),
        ("10\u00a0000人です。", "10000人です。"),
        ("２０２６年１２月２４日です。", "2026年12月24日です。"),
        ("ｶﾞｷﾞです。", "ガギです。"),
    ],
)
def test_two_japanese_spellings_have_the_same_phonemes(odd: str, usual: str) -> None:
    """The same goes for Japanese."""
    assert letters(kokoro(odd, "ja")) == letters(kokoro(usual, "ja")) != ""


@japanese
def test_long_japanese_is_said_whole() -> None:
    """Kana and kanji without a mark, numbers on lines, and long numbers are no less than their parts."""
    for run in (KANA, "今日は良い天気です", "あ"):
        count = RUN // len(run)
        assert len(letters(kokoro(run * count, "ja"))) >= 0.95 * count * len(letters(kokoro(run, "ja")))
    numbers = [f"{number}番" for number in range(1, 301)]
    alone = sum(len(letters(kokoro(one, "ja"))) for one in numbers[::20])
    assert len(letters(kokoro("\n".join(numbers[::20] * 20), "ja"))) >= 0.95 * 20 * alone
    names = [letters(kokoro(f"{digit}です", "ja")) for digit in DIGITS]
    assert len(letters(kokoro(f"{DIGITS * 30}です", "ja"))) >= 0.9 * 30 * sum(
        len(name) - len("desɨ") for name in names
    )
