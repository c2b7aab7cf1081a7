"""Tests of what eSpeak NG really spoke, by the library's own trace of phonemes while it made the sound.

Texts go the gateway's way: rewritten, and cut into segments.
"""

from __future__ import annotations

import re

import pytest
from espeak_in_process import loaded, speak
from phoneme_trace import traced
from written_cases import DIGITS, ENGLISH, OTHERS, jobs

from engines.api import SpeechJob
from streaming.text.emoji_names import load_emoji_names
from streaming.text.emoji_table import emoji_names

FASTEST = 2.57
NUMBERS = "\n".join(map(str, range(1, 301)))
PHONE = "+49 30 123456"
KANA = "わたしはがくせいですからまいにちがっこうへいってともだちとべんきょうします"
RUN = 500
CLAUSE = 45
"""times 777: the library by itself keeps 41 of them in English, and 27 in German"""


def spoken(text: str, voice: str) -> list[str]:
    """Speak a text as the gateway has it spoken; return the phonemes of each clause."""
    clauses: list[str] = []
    for job in jobs(text, voice, loaded()[1], voice):
        clauses += traced_job(job)
    return clauses


def traced_job(job: SpeechJob) -> list[str]:
    """Speak a job; return the phonemes of each clause that was spoken."""
    with traced(loaded()[0]._library) as clauses:
        speak(job)
    return [clause for clause in clauses if clause.strip()]


def words(clauses: list[str]) -> list[str]:
    """Return the words of phonemes, without stress and the marks of other languages."""
    return re.sub(r"\([\w-]+\)|[ˈˌː]", "", " ".join(clauses)).split()


def letters(text: str, voice: str) -> int:
    """Speak a job of just a text, fast; return how many letters of phonemes were spoken."""
    return sum(map(len, words(traced_job(SpeechJob(text, voice, speed=FASTEST)))))


def native_word(voice: str) -> str:
    """Return a word of a voice's language, of those in the names of emoji; nothing where there are none."""
    load_emoji_names(voice)
    listed = [word for name in emoji_names(voice).values() for word in name.split() if 5 <= len(word) <= 12]
    return listed[len(listed) // 2] if listed else ""


@pytest.mark.parametrize(
    ("odd", "usual", "voice"),
    [(odd, usual, "en-us") for odd, usual in ENGLISH] + OTHERS,
)
def test_two_spellings_have_the_same_phonemes(odd: str, usual: str, voice: str) -> None:
    """A text in an odd spelling is spoken by the very phonemes of the usual one."""
    same = words(spoken(usual, voice))

    assert same
    assert "".join(words(spoken(odd, voice))) == "".join(same)


@pytest.mark.parametrize("voice", ["de", "ru"])
def test_each_of_three_hundred_numbers_is_spoken(voice: str) -> None:
    """1 to 300, one a line, are a clause each, with the phonemes of the number alone, those included that were lost."""
    clauses = spoken(NUMBERS, voice)

    assert len(clauses) == 300
    for number in (1, 41, 167, 181, 235, 241, 287, 293, 300):
        assert words([clauses[number - 1]]) == words(spoken(f"{number},", voice))


def test_each_digit_of_twenty_telephone_numbers_is_spoken() -> None:
    """Twenty telephone numbers on lines are twenty times the words of one, which has eleven."""
    one = words(spoken(PHONE, "de"))

    assert len(one) == 11
    assert words(spoken("\n".join([PHONE] * 20), "de")) == 20 * one


@pytest.mark.parametrize("count", [8, 30])
def test_each_digit_of_a_long_number_is_spoken(count: int) -> None:
    """80 digits, and 300, without a space are as many words, and each is the name of its digit."""
    names = [words(spoken(digit, "en-us"))[0] for digit in DIGITS]

    assert words(spoken(DIGITS * count, "en-us")) == names * count


def test_each_letter_of_a_run_is_spoken() -> None:
    """300 times the letter x is 300 times its name."""
    assert "".join(words(spoken("x" * 300, "en-us"))).count("ɛks") == 300


def test_kana_without_marks_are_spoken_whole() -> None:
    """259 kana without a mark have seven times the phonemes of 37."""
    once = len("".join(words(spoken(KANA, "ja"))))

    assert len("".join(words(spoken(KANA * 7, "ja")))) >= 0.99 * 7 * once


def test_lists_pause_and_wrapped_prose_does_not() -> None:
    """Items on lines are a clause each, the lines of prose that was wrapped are one clause together."""
    items = spoken("There are four fruits:\nApple\nBanana\nOrange\nPear", "en-us")

    assert len(items) == 5
    assert len(spoken("The quick brown\nfox jumps over\nthe lazy dog.", "en-us")) == 1


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("I met Dr. Smith today.", "en-us"),
        ("We saw St. John and J. R. R. Tolkien there.", "en-us"),
        ("Hunde, z. B. Dackel.", "de"),
        ("Am 24. Dezember um neun.", "de"),
        ("Es war der 3. Mai, im 19. Jahrhundert.", "de"),
    ],
)
def test_no_clause_ends_behind_an_abbreviation(text: str, voice: str) -> None:
    """A dot that ends no sentence ends no clause either: as many are spoken as there are other marks."""
    assert len(spoken(text, voice)) == len(re.findall(r",|\.$", text))


def test_a_long_clause_and_long_runs_in_every_language() -> None:
    """A clause longer than the library's buffer, 60 digits, and a run of 500 letters, of the language's own where
    they are known, are spoken whole in every language that the engine has.
    """
    short = {}
    for voice in sorted(loaded()[0]._voices._bases):
        word = native_word(voice) or "banana"
        pairs = RUN // len(word) // 2
        whole = {
            "777 " * CLAUSE: CLAUSE * letters("777", voice),
            DIGITS * 6: 6 * letters(" ".join(DIGITS), voice),
            word * 2 * pairs: pairs * letters(word * 2, voice),
        }
        for text, wanted in whole.items():
            if (got := letters(text, voice)) < 0.85 * wanted:
                short[voice, text[:12]] = (got, wanted)

    assert short == {}


@pytest.mark.parametrize("voice", ["en-us", "de", "ja"])
def test_the_trace_itself(voice: str) -> None:
    """The trace has what is spoken and no more: of a job twice as long twice as much, of no job nothing."""
    with traced(loaded()[0]._library) as silence:
        pass

    assert silence == []
    assert letters("777, 777", voice) == 2 * letters("777", voice) > 0
