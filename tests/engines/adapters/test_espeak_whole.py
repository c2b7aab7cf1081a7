"""Tests that eSpeak NG speaks all of a text: its phonemes are counted, in every language it has."""

from __future__ import annotations

import re
from functools import cache

import pytest
from espeak_in_process import loaded, say

from engines.adapters.espeak.emoji_languages import EMOJI_LANGUAGES
from engines.adapters.espeak.scripts import SCRIPT_LANGUAGES
from engines.api.offsets import Rewriting
from engines.languages import primary_language
from engines.toolkit.espeak_text import pieces, prepare
from streaming.text.currency_signs import CURRENCIES
from streaming.text.emoji_table import emoji_names
from streaming.text.sign_names import row_of, rows
from streaming.text.spoken import spoken_text

STRESS = str.maketrans("", "", "ˈˌː")
FLAG = re.compile(r"\([\w-]+\)")
NUMBERS = ",\n".join(map(str, range(1, 301)))
RUN = 500
NAMED = {code for code, names in rows().items() if code and all(names[:4])}
"""languages with names of signs"""
FOREIGN = {
    "fr",
    "es",
    "it",
    "pt",
    "ru",
    "uk",
    "bg",
    "ja",
    "zh",
    "ko",
    "ar",
    "he",
    "fa",
    "hi",
    "th",
    "tr",
    "vi",
    "el",
}
"""some in which a minus has another name"""


def identifiers() -> dict[str, str]:
    """Return the library's own name of each base voice, by its code."""
    return {code: loaded()[0]._voices.identify(code, None) for code in sorted(loaded()[0]._voices._bases)}


def set_voice(identifier: str) -> None:
    """Set the voice of the library that is loaded."""
    assert loaded()[0]._library.set_voice(identifier)


def spoken(text: str) -> list[str]:
    """Return the words of phonemes that the adapter has the library speak of a text, without stress."""
    read = loaded()[0]._read_aloud
    whole = prepare(text, read).text
    return _words(" ".join(read(whole[start:end]) for start, end in pieces(whole, read)))


@cache
def _words(phonemes: str) -> list[str]:
    return FLAG.sub(" ", phonemes.translate(STRESS)).split()


def alone(text: str) -> list[str]:
    """Return the phonemes of a short text by itself."""
    return _words(loaded()[0]._read_aloud(text))


def letters(words: list[str]) -> int:
    """Return how many letters of phonemes some words have."""
    return sum(map(len, words))


def test_numbers_on_lines_in_every_language() -> None:
    """1 to 300, one a line, are all said in every language: as much as they are by themselves."""
    short = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        wanted = sum(letters(alone(f"{number},")) for number in range(1, 301))
        got = letters(spoken(NUMBERS))
        if got < 0.97 * wanted:
            short[code] = (got, wanted)

    assert short == {}


@pytest.mark.parametrize("digits", [30, 80, 300])
def test_long_numbers_in_every_language(digits: int) -> None:
    """A number of more than 20 digits is said digit by digit, each once, in every language."""
    number = ("1234567890" * 30)[:digits]
    short = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        names = {digit: letters(alone(digit)) for digit in "0123456789"}
        wanted, got = sum(names[digit] for digit in number), letters(spoken(number))
        if not 0.85 * wanted <= got <= 1.25 * wanted:
            short[code] = (got, wanted)

    assert short == {}


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("ja", "わたしはがくせいです"),
        ("ko", "가나다라마바사"),
        ("en-us", "antidis"),
        ("en-us", "x"),
        ("de", "abenteuer"),
        ("ru", "привет"),
        ("ar", "مرحبا"),
        ("hi", "नमस्ते"),
        ("th", "สวัสดี"),
        ("my", "မြန်မာ"),
        ("el", "καλημερα"),
        ("ta", "வணக்கம்"),
        ("cmn", "今天天气"),
    ],
)
def test_an_unbroken_run_is_said_whole(code: str, unit: str) -> None:
    """500 characters without a space are said to the end: no less than their parts by themselves."""
    set_voice(identifiers()[code])
    count = RUN // len(unit)
    assert letters(spoken(unit * count)) >= 0.85 * count * letters(alone(unit))


def test_a_run_in_every_language_ends_no_process() -> None:
    """A run of 500 Latin letters, at which the library itself aborts, is said in every language."""
    short = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        got, part = letters(spoken("banana" * 84)), letters(alone("bananabananabanana"))
        if got < 0.8 * 28 * part:
            short[code] = (got, 28 * part)

    assert short == {}


SIGNS = "< > ^ = + − ± × ÷ ≈ ≤ ≥ ≠ % № & @ # / ~ | \\ ½ ¼ ¾ → ← ↑ ↓ ⇒ ✓ ✗ ★ ♪ ∈ ∀ ∃ ∩"
MONEY = [f"{sign}5" for sign in CURRENCIES if len(sign) == 1] + ["US$5", "A$5", "R$5"]
_COMMON = "en de fr es it pt nl pl ru uk sv da nb cs sk fi tr hu ja cmn ro ca el"
COMMON = frozenset(_COMMON.split())
UNNAMED = {"№", "½", "¼", "¾", *"⇒✓✗★♪∈∀∃∩"}
"""signs for which Unicode has names in some languages only"""


def as_spoken(text: str, code: str) -> str:
    """Return a text as the gateway gives it to the engine, in the language of a voice."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, primary_language(code), emoji=EMOJI_LANGUAGES, ties=True)
    return rewriting.text


def test_no_sign_is_dropped_in_any_language() -> None:
    """Each sign between two numbers is said, in every language that Unicode has a name for it in, and in all of
    the more common ones.
    """
    dropped = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        silence = alone("7 7")
        is_common = primary_language(code) in COMMON
        lost = [sign for sign in SIGNS.split() if alone(as_spoken(f"7 {sign} 7", code)) == silence]
        lost = [sign for sign in lost if is_common or sign not in UNNAMED]
        if lost and (is_common or primary_language(code) in NAMED):
            dropped[code] = lost

    assert dropped == {}


@pytest.mark.parametrize("text", ["7 -9", "7 −9", "7\n–9", "7 (-9)", "7 (−9)", "7 −9 °C"])
def test_no_minus_is_dropped_in_any_language(text: str) -> None:
    """A minus before a number is said in every language, and where its name is known not in English."""
    dropped = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        without = text.translate(str.maketrans("", "", "-−–"))
        got, positive = as_spoken(text, code), as_spoken(without, code)
        is_english = "minus" in got and row_of(code) in FOREIGN
        if is_english or letters(alone(got)) <= letters(alone(positive)):
            dropped[code] = got

    assert dropped == {}


def test_no_currency_is_dropped_in_any_language() -> None:
    """The sign of every currency is said in every language, behind the number and its word of magnitude."""
    dropped = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        number = letters(alone("5"))
        lost = [amount for amount in MONEY if letters(alone(as_spoken(amount, code))) <= number]
        lost += [amount for amount in MONEY if not as_spoken(amount, code).startswith("5 ")]
        if lost:
            dropped[code] = lost

    assert dropped == {}


@pytest.mark.parametrize("pictures", ["😀 👍 ❤️ 🐶 🧀", "🟠 🟢 🫨 🪾 🦖", "❤️‍🔥 👨‍👩‍👧 🇩🇪 👍🏽 ⚽ ❗ 🆗"])
def test_no_emoji_is_dropped_in_any_language(pictures: str) -> None:
    """Emoji are said in every language that Unicode has names for them in, old and new, single and joined; in no
    other language than English are they said in English.
    """
    dropped, english = {}, {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        silence = letters(alone("7 7"))
        said = {one: as_spoken(f"7 {one} 7", code) for one in pictures.split()}
        names = emoji_names(code)
        nameless = [one for one in said if not {one, one.replace("\ufe0f", ""), *one} & set(names)]
        if foreign := [one for one in nameless if any(map(str.isalpha, said[one]))]:
            english[code] = foreign
        if lost := [one for one in said if one not in nameless and letters(spoken(said[one])) <= silence]:
            dropped[code] = lost

    assert dropped == {}
    assert english == {}


@pytest.mark.parametrize("text", ["10 000", "10\u00a0000", "10'000", "10’000", "1.000.000", "1 000 000"])
def test_thousands_are_one_number_in_every_language(text: str) -> None:
    """A number whose thousands are set apart is said as the same number without that."""
    apart = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        if alone(as_spoken(text, code)) != alone(re.sub(r"\D", "", text)):
            apart[code] = as_spoken(text, code)

    assert apart == {}


def test_temperatures_in_every_language() -> None:
    """Degrees in one character are said as those in two, and say more than the number."""
    silent = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        celsius, fahrenheit = as_spoken("20℃", code), as_spoken("68℉", code)
        if celsius != as_spoken("20°C", code) or letters(alone(celsius)) <= letters(alone("20")):
            silent[code] = celsius
        if letters(alone(fahrenheit)) <= letters(alone("68")):
            silent[f"{code}, Fahrenheit"] = fahrenheit

    assert silent == {}


def test_numbers_dates_lists_and_letters_in_every_language() -> None:
    """Numbers, a date, a list and letters with marks apart are said whole in every language: as much as their
    parts by themselves, or as the same letters composed.
    """
    short = {}
    for code, identifier in identifiers().items():
        set_voice(identifier)
        items = [
            *(str(1234567 + number) for number in range(40)),
            *(f"{day}.12.2026" for day in range(10, 30)),
        ]
        wanted = sum(letters(alone(as_spoken(f"{item},", code))) for item in items)
        got = letters(spoken(as_spoken("\n".join(items), code)))
        if got < 0.95 * wanted:
            short[code] = (got, wanted)
        if spoken(as_spoken("cafe\u0301 u\u0308ber", code)) != spoken(as_spoken("caf\u00e9 \u00fcber", code)):
            short[f"{code}, composed"] = (0, 0)

    assert short == {}


def test_a_long_word_stays_whole() -> None:
    """A long word of a language is no run to be cut: it is read as the library reads it."""
    set_voice(identifiers()["de"])
    word = "Donaudampfschifffahrtsgesellschaftskapitän"

    assert spoken(word) == alone(word)


def test_a_usual_text_is_one_piece() -> None:
    """Nothing is changed in a usual text, and it is spoken at once."""
    text = "The quick brown fox jumps over the lazy dog, and nobody is any the wiser for it. " * 5
    read = loaded()[0]._read_aloud

    assert prepare(text, read).text == text
    assert list(pieces(text, read)) == [(0, len(text))]


def test_words_of_a_long_list() -> None:
    """Each of 300 numbers on lines has a word event of its own, in order, in German."""
    say("ja", "de")  # after voices that were read only, the library forgets the first event it has
    words = say(NUMBERS, "de").words

    assert [NUMBERS[word.start : word.end] for word in words] == [str(number) for number in range(1, 301)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He stood in the house—not on the roof", "He stood in the house not on the roof"),
        ("out of the blue, one of them", "out of the blue one of them"),
        ("yes–no and a—b", "yes no and a b"),
    ],
)
def test_no_word_event_is_missing(text: str, words: str) -> None:
    """Words that the library reads as one, and those behind a dash, are told too, in their order."""
    spoken_words = say(text).words

    assert [text[word.start : word.end] for word in spoken_words] == words.split()
    assert [word.time for word in spoken_words] == sorted(word.time for word in spoken_words)


def test_a_tied_dot_makes_no_pause() -> None:
    """Behind a dot with a no-break space there is no pause, and its words are where they were."""
    tied = "I met Dr.\u00a0Smith today, not J.\u00a0R.\u00a0R.\u00a0Tolkien, and No.\u00a05."
    usual = tied.replace("\u00a0", " ")

    assert say(tied).seconds < say(usual).seconds - 0.3
    assert say("I met Dr.\u00a0Smith today.").seconds == pytest.approx(
        say("I met Doctor Smith today.").seconds, abs=0.05
    )
    assert "Smith" in [tied[word.start : word.end] for word in say(tied).words]


def test_skin_tones_are_named_behind_the_whole_name() -> None:
    """An emoji with a skin tone has its whole name, and the tone."""
    set_voice(identifiers()["en-us"])

    assert spoken("👍🏽") == alone("👍") + alone("🏽")


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("Hiragana", "きょう"),
        ("Katakana", "カタカナ"),
        ("Cyrillic", "привет"),
        ("Arabic", "مرحبا"),
        ("Hebrew", "שלום"),
        ("Thai", "สวัสดี"),
        ("Telugu", "నమస్తే"),
        ("Oriya", "ନମସ୍କାର"),
        ("Ethiopic", "ሰላም"),
        ("Hangul", "안녕하세요"),
        ("Devanagari", "नमस्ते"),
        ("Tamil", "வணக்கம்"),
        ("Georgian", "გამარჯობა"),
    ],
)
def test_the_voices_that_read_a_script(script: str, word: str) -> None:
    """The table of scripts agrees with what the voices say: a word that is read is no row of letters' names."""
    listed = SCRIPT_LANGUAGES.get(script)
    reading = set()
    for code, identifier in identifiers().items():
        set_voice(identifier)
        if len(alone(word)) == 1:
            reading.add(primary_language(code))

    if listed is None:
        assert len(reading) > 80
    else:
        assert reading <= set(listed)
