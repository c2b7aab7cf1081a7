"""Hibari's front end: what it reads, which words of the caller's text those are, and what it does not stumble
over. Offline.
"""

from __future__ import annotations

import string
import sys
import unicodedata
from functools import lru_cache

import pytest
from hibari_in_process import say, spoken_words
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.toolkit.english.clean_text import clean
from engines.toolkit.english.compact_tables import compact
from engines.toolkit.english.front_end import MOST_PHONEMES, FrontEnd
from engines.toolkit.english.pronunciation import hibari_phonemes
from engines.toolkit.english.sentences import split_sentences
from engines.toolkit.english.unknown_words import cut_word
from engines.toolkit.english.words import align_words
from engines.toolkit.phrases import Phrase

pytestmark = pytest.mark.usefixtures("offline")


@lru_cache(1)
def front_end() -> FrontEnd:
    """Return the front end of American English."""
    return FrontEnd(british=False)


def phrases(text: str) -> list[Phrase]:
    """Return a text's phrases."""
    return list(front_end().phrases(text))


def phonemes(text: str) -> str:
    """Return a text's phonemes, one phrase behind the other."""
    return " ".join(phrase.chunk.phonemes for phrase in phrases(text))


def words(text: str) -> list[str]:
    """Return the words of a text that are spoken, as they stand in it."""
    return [text[word.start : word.end] for phrase in phrases(text) for word in phrase.chunk.words]


def test_compact_tables_hold_the_same() -> None:
    """Each entry of the lexicon and the tagger is what it was in a dictionary; what was not there is not."""
    from hibari.g2p import G2P

    own, compacted = G2P(), G2P()
    compact(compacted)
    for one, other in (
        (own.lexicon.golds.d, compacted.lexicon.golds.d),
        (own.lexicon.silvers.d, compacted.lexicon.silvers.d),
        (own.tagger.weights, compacted.tagger.weights),
    ):
        assert all(other.get(key) == value for key, value in one.items())
        assert not any(other.get(f"{key}\0") for key in one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith can't go.", "Dr|Smith|can't|go"),
        ("It cost $5.3 billion, or $12.50.", "It|cost|5.3|billion|or|12.50"),
        ("At 10:30 on Nov. 29, 2026, we left.", "At|10:30|on|Nov|29|2026|we|left"),
        ("On 2026-11-29 at 9:05 am it rained.", "On|2026-11-29|at|9:05|am|it|rained"),
        ("Call 555-0142 now, (555) 123-4567 later.", "Call|555-0142|now|(555) 123-4567|later"),
        ("Mr. & Mrs. Lee's 3-year-old won't.", "Mr|&|Mrs|Lee's|3-year-old|won't"),
        ("In 1999 the '90s ended, 50% sure.", "In|1999|the|90s|ended|50|sure"),
        ("Henry VIII ran 5 km and 10\u00a0km.", "Henry|VIII|ran|5|km|and|10|km"),
        ("I donʼt know; it’s “fine”.", "I|donʼt|know|it’s|fine"),
        ("Wait—what? Well…maybe--no.", "Wait|what|Well|maybe|no"),
        ("Hello 世界 again, 😀 friend!", "Hello|again|friend"),
        ("cafe\u0301, nai\u0308ve, re\u0301sume\u0301.", "cafe\u0301|nai\u0308ve|re\u0301sume\u0301"),
        ("He\u200bllo wor\u00adld.", "He\u200bllo|wor\u00adld"),
        ("See [the docs](https://x.y/z) now.", "See|the|docs|now"),
        ("Go to 192.168.0.1, v1.2.3 on 29.11.2026.", "Go|to|192.168.0.1|v1.2.3|on|29.11.2026"),
        ("007-123, 0123 and SKU-007", "007-123|0123|and|SKU-007"),
        ("It costs 3,50 € or 12,5 % off.", "It|costs|3,50|€|or|12,5|%|off"),
        ("C# and F# and .NET, AT&amp;T", "C#|and|F#|and|.NET|AT&amp;T"),
        ("The α and the Ω.", "The|α|and|the|Ω"),
        ("**Bold** and `code` _it_.", "Bold|and|code|it"),
    ],
)
def test_words_are_those_of_the_text(text: str, expected: str) -> None:
    """Each word is a stretch of the caller's text, however it was written and is read."""
    assert words(text) == expected.split("|")


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("cafe\u0301 nai\u0308ve", "café naïve"),
        ("I donʼt, we can`t, you won＇t, it′s", "I don't, we can't, you won't, it's"),
        ("hel\u00adlo he\u200bllo \ufeffhello", "hello hello hello"),
        ("Ｈｅｌｌｏ ﬁne 𝐛𝐨𝐥𝐝", "Hello fine bold"),
        ("a\x00b\x07c \ud800 d", "a b c d"),
        ("٣ apples and ４ pears", "3 apples and 4 pears"),
        ("7" * 37, " ".join("7" * 37)),
        ("1,234,567,890,123,456", " ".join("1234567890123456")),
        ("No. 5 is alive.", "Number 5 is alive."),
        ("(555) 123-4567", "555-123-4567"),
        ("AT&amp;T &lt;3", "AT&T <3"),
        ("It is $-5 or -€5", "It is minus $5 or minus €5"),
        ("Go to 192.168.0.1.", "Go to 192 dot 168 dot zero dot one."),
        ("v1.2.3 and 2.10.3", "v 1 point 2 point 3 and 2 point 10 point 3"),
        ("1.02.3", "one point zero two point three"),
        ("Agent 007-123, 0123", "Agent zero zero 7, 1 2 3, zero 1 2 3"),
        ("SKU-007", "SKU zero zero 7"),
        ("Call 030-123456 or 555.123.4567.", "Call zero 3 zero, 1 2 3 4 5 6 or 555-123-4567."),
        ("1,50 euros, 12,5% of it", "1.50 euros, 12.5% of it"),
        ("It costs 3,50 €, 1 €, 21 €, 5$ and 5-10 €.",
         "It costs 3.50 euros, 1 euro, 21 euros, 5 dollars and 5-10 euros."),
        ("On 29.11.2026.", "On 29 November 2026."),
        ("On 31.02.2026.", "On 31 point zero two point 2026."),
        ("https://www.example.com, www.x.org", "w w w dot example.com, w w w dot x.org"),
        ("The α particle", "The alpha particle"),
        ("5 μm", "5 µm"),
        ("Say [one](/tˈu/) now.", "Say one now."),
        ("See [the docs](https://x.y).", "See the docs."),
        ("One line that is long enough to have been wrapped by\nsomebody's editor.",
         "One line that is long enough to have been wrapped by somebody's editor."),
    ],
)  # fmt: skip
def test_reads_alike(text: str, like: str) -> None:
    """What people and programs write oddly is read as what they mean."""
    assert "".join(filter(str.isalpha, phonemes(text))) == "".join(filter(str.isalpha, phonemes(like)))


@pytest.mark.parametrize(
    "text",
    [
        "1,234,567.89", "1,00,000", "1 000 000", "0.05", "00.5", "$3.50", "€5", "-5", "10.5", "1,500 euros",
        "June 06, 2026", "09:05:07", "2026-01-05", "01/02/2026", "1990-2001", "5-10", "1,2 and 3", "3:1", "Ch. 1.2.",
        "abc007", "5 $10",
    ],
)  # fmt: skip
def test_numbers_that_are_read_rightly_are_left_alone(text: str) -> None:
    """What the package reads itself, or nobody can tell the meaning of, stays as it is written."""
    assert clean(text).text == text


def test_nobody_sets_phonemes_in_a_text() -> None:
    """The package's mark of phonemes is a link like any other in the caller's text."""
    assert phonemes("[safe](/dˈAnʤəɹ/)") == phonemes("safe")
    assert "θɹˈi" not in phonemes("Say [[one](/tˈu/)](/θɹˈi/) now.")
    assert "zz" not in phonemes("[a][b](/zz/) [c](/zz/)(/zz/) [d]\n(/zz/)").replace(" ", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. No met J. R. Smith. He left.", ["Dr. No met J. R. Smith.", "He left."]),
        ("He came at 5 p.m. Then he ate.", ["He came at 5 p.m.", "Then he ate."]),
        ("On Nov. 29 and p. 7, no. 5 won.", ["On Nov. 29 and p. 7, no. 5 won."]),
        ("The U.S. Army won. Well done!", ["The U.S. Army won.", "Well done!"]),
        ('"Stop!" he said. "Why?" She went.', ['"Stop!" he said.', '"Why?"', "She went."]),
        ("Milk\nEggs\nBread", ["Milk", "Eggs", "Bread"]),
        ("1. One\n2. two\n- three", ["1. One", "2. two", "- three"]),
        ("A line\nthat goes on", ["A line\nthat goes on"]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    """Sentences end at stops that end one, and at line breaks that are none of a wrapped line."""
    assert [text[one.start : one.end].strip() for one in split_sentences(text)] == expected


def test_nothing_is_left_of_what_is_not_said() -> None:
    """What is not spoken leaves no second space, which would be a pause, and no phrase of its own."""
    assert "  " not in phonemes("😀 Nice 😀 😀 work. 世界 😀 * Well 世 done 😀. 😀 😀.")
    assert len(phrases("One. 😀 😀. * * *. Two.")) == 2


def test_a_phrase_has_its_pause() -> None:
    """A paragraph, a sentence, a clause or a word that a phrase ends at is told."""
    long_clauses = ", ".join(["the quick brown fox jumps over a lazy dog"] * 12)

    assert [phrase.pause for phrase in phrases("One. Two.\n\nThree")] == ["sentence", "paragraph", "sentence"]
    assert {phrase.pause for phrase in phrases(long_clauses)[:-1]} == {"clause"}
    assert {phrase.pause for phrase in phrases(long_clauses.replace(",", ""))[:-1]} == {"word"}


def test_a_phrase_is_never_too_long() -> None:
    """However long a text is without a stop, a word or a number without a space, no phrase is too long."""
    for text in ("a lazy dog and " * 500, "a" * 5000, "7" * 3000, "zq" * 2000 + " x", "No. " * 500):
        found = phrases(text)
        assert found
        assert max(len(phrase.chunk.phonemes) for phrase in found) <= MOST_PHONEMES


def calls_to_read(text: str) -> int:
    """Return how many calls it takes to read a text."""
    front_end()
    calls = 0

    def count(_frame: object, _event: str, _argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        assert phrases(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "unit",
    [
        "@",
        "%",
        "&",
        "+",
        "a@",
        "1%",
        "Q&A",
        "a/",
        "a-",
        "-1",
        "a1",
        "aB",
        "1+",
        "'s",
        "é$",
        "a/b",
        "(a)",
        "A.",
    ],
)
def test_signs_without_spaces_are_read_in_time_that_grows_as_they_do(unit: str) -> None:
    """Twice as many words and signs without a space take less than three times the work; none is left out,
    and together they are one word of the text.
    """
    once, twice = unit * (120 // len(unit)), unit * (240 // len(unit))
    few, many = (calls_to_read(text) for text in (once, twice))
    assert many < 3 * few, (few, many)

    sounds = [sum(map(str.isalpha, phonemes(text))) for text in (once, twice)]
    assert sounds[1] >= 1.9 * sounds[0] > 0
    [word] = [word for phrase in phrases(twice) for word in phrase.chunk.words]
    assert word.end - word.start >= len(twice) - 2


@pytest.mark.parametrize("british", [False, True])
@pytest.mark.parametrize(
    "word",
    [
        "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
        ("bazolinterpugamikodevar" * 5)[:78],
        "a" * 300,
    ],
)
def test_a_long_unknown_word_is_read_whole(word: str, british: bool) -> None:
    """A word in no dictionary that is longer than its network reads has a sound for every other letter at
    least, up to its end, and is one word of the text.
    """
    reader = FrontEnd(british=british)
    text = f"The {word} is."
    found = list(reader.phrases(text))
    spoken = "".join(phrase.chunk.phonemes for phrase in found)

    assert sum(map(str.isalpha, spoken)) > len(word) / 2
    assert [text[one.start : one.end] for phrase in found for one in phrase.chunk.words] == [
        "The",
        word,
        "is",
    ]


@given(st.text("aeioubcdfgürst", max_size=200), st.integers(2, 30))
def test_pieces_of_a_word_are_the_word(word: str, longest: int) -> None:
    """A word that is cut loses no letter, and no piece is longer than allowed."""
    pieces = list(cut_word(word, longest))
    assert "".join(pieces) == word
    assert all(0 < len(piece) <= longest for piece in pieces)


@pytest.mark.parametrize(
    ("ipa", "british", "expected"),
    [
        ("təˈmeɪɾoʊ", False, "təmˈATO"),
        ("ˌɪntəˈnæʃənəl", True, "ˌɪntənˈæʃənəl"),
        ("ˈstɹɛŋkθ", False, "stɹˈɛŋkθ"),
        ("ˈʃː", True, "ˈʃː"),
    ],
)
def test_stress_is_before_the_vowel(ipa: str, british: bool, expected: str) -> None:
    """Stress that stands before a syllable is put before its vowel, as the network has learnt it."""
    vocabulary = set(string.printable) | set(expected)
    assert hibari_phonemes(ipa, vocabulary, british=british) == expected


def test_pronunciations() -> None:
    """Given phonemes are said as they are, within words and across them; the words around stay as they were."""
    text = "The New York's Nginx server."
    start, end = text.index("Nginx"), text.index("Nginx") + 5
    [phrase] = front_end().phrases(text, ((4, 12, "nujˈɔɹk"), (start, end, "ˈɛnʤən ˈɛks")))

    assert "nujˈɔɹk" in phrase.chunk.phonemes and "ˈɛnʤən ˈɛks sˈɜɹvəɹ" in phrase.chunk.phonemes
    assert [text[word.start : word.end] for word in phrase.chunk.words][-2:] == ["Nginx", "server"]


def test_aligns_words() -> None:
    """A word that becomes several is at the first, one that vanishes is nowhere; equal ones hold the rest."""

    def rewrite(word: str) -> str:
        return {"10:30": "ten thirty", "1/2": "one half", "*": ""}.get(word, word)

    text = "at 10:30 1/2 * hour"
    spans = align_words(text, ["at", "ten", "thirty", "one", "half", "hour"], rewrite)

    assert [text[slice(*span)] if span else None for span in spans] == [
        "at", "10:30", None, "1/2", None, "hour",
    ]  # fmt: skip


@settings(max_examples=60)
@given(st.text(max_size=120))
@example("a\u0301" * 30)
@example("1" * 200 + ",5.")
@example("[x](/y/)[x](/y/)")
@example("$5.3 billion — (555) 123-4567…what")
@example("٣" * 50)
@example("²³¹½ №5 ﷽ ß ıİ ŉ")
@example("O'Brien's 'tis 'n' rock'''n'roll")
@example("-.,'-.,' $ $$ £. €1.2.3,4")
def test_any_text(text: str) -> None:
    """Whatever the text, nothing is raised, no word lies outside it or over another, and phrases fit."""
    position = 0
    for phrase in front_end().phrases(text):
        assert 0 < len(phrase.chunk.phonemes) <= MOST_PHONEMES
        for word in phrase.chunk.words:
            assert position <= word.start < word.end <= len(text)
            position = word.end


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_clean_text_knows_its_origin(text: str) -> None:
    """Each character that is left stands for a stretch of the text, in its order, and is composed."""
    cleaned = clean(text)
    origins = [cleaned.origin(index, index + 1) for index in range(len(cleaned.text))]

    assert origins == sorted(origins)
    assert all(0 <= start < end <= len(text) for start, end in origins)
    assert unicodedata.normalize("NFC", cleaned.text) == cleaned.text


def test_spoken_words_point_into_the_text() -> None:
    """A whole job announces the words that the front end found, at growing times."""
    text = "Dr. Smith paid $12.50 at 10:30, didn't he?"
    spoken = say(text)

    assert spoken_words(text) == ["Dr", "Smith", "paid", "12.50", "at", "10:30", "didn't", "he"]
    assert [word.time for word in spoken.words] == sorted({word.time for word in spoken.words})
    assert all(spoken.ahead)
