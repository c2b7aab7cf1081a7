"""Tests of comparing texts with transcripts: what counts as missing or added, and what is only spelt
otherwise.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streaming.text.spoken_numbers import is_numeric
from streaming.text.transcript_words import Difference, comparable_words, compare

CONTENT_WORDS = ["river", "mountain", "apple", "window", "singing", "quickly", "garden", "yellow", "thunder"]
CONTENT_WORDS += [
    "blanket",
    "kitchen",
    "journey",
    "silver",
    "marble",
    "dragon",
    "pencil",
    "whisper",
    "velvet",
]
SENTENCES = st.lists(st.sampled_from(CONTENT_WORDS), min_size=3, max_size=30, unique=True)
ANY = st.text(st.characters(codec="utf-8"), max_size=200)


def kinds(text: str, transcript: str) -> list[tuple[str, int]]:
    """Return the differences of a transcript, in order."""
    return sorted((one.kind, one.place) for one in compare(text, transcript).differences)


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("It is half past ten, for twelve dollars and fifty cents.", "It is 10.30 for $12.50"),
        ("The temperature fell to -5 degrees.", "the temperature fell to minus five degrees"),
        (
            "The train leaves at 10:30 and arrives at 2:15 pm.",
            "The train leaves at 10.30 and arrives at 2.15pm.",
        ),
        ("Revenue grew by a hundred and five percent.", "Revenue grew by 105%."),
        ("It happened on March 5th, 2019.", "It happened on March the fifth twenty nineteen."),
        ("Um 10:30 Uhr in der Straße", "um halb elf uhr in der strasse"),
        ("It may be one of them, don’t you think?", "it may be 1 of them dont you think"),
        ("You can not see Smoky's grey café.", "You cannot see smokeys gray cafe"),
        ("Everyone's notebook", "every one's note book"),
        ("The birch canoe slid on.", "The birch can use lid on."),
        ("Siobhan lives here", "Shivawn lives here"),
        ("我喜欢你的书", "我喜歡你的書"),
        ("ที่นี่", "ที นี"),
    ],
)
def test_other_spellings_are_no_differences(text: str, transcript: str) -> None:
    """Numbers in digits, other punctuation, compounds and misheard words are not missing or added words."""
    assert kinds(text, transcript) == []


@pytest.mark.parametrize(
    ("text", "transcript", "expected"),
    [
        ("The birch canoe slid on.", "The birch slid on.", [("missing", 2)]),
        ("The birch canoe slid on.", "The bird slid on.", [("missing", 2)]),
        ("The juice of lemons makes punch.", "The juice of lake's punch.", [("missing", 3)]),
        ("The birch canoe slid on.", "The birch canoe canoe slid on.", [("added", 3)]),
        ("We paid ten dollars today.", "We paid today.", [("missing", 2)]),
        ("The birch canoe", "The birch canoe thank you", [("added", 3)]),
        ("我喜欢你的书", "我喜欢的书", [("missing", 3)]),
        ("The birch", "", [("missing", 0), ("missing", 1)]),
    ],
)
def test_lost_and_doubled_words_are_found(
    text: str, transcript: str, expected: list[tuple[str, int]]
) -> None:
    """A word that is not there is missing, also where its neighbour is misheard; one too much is added."""
    assert kinds(text, transcript) == expected


def test_a_transcript_of_something_else() -> None:
    """Where most words are others, all are missing: that is no misheard sentence."""
    text = "Rice is often served in round bowls"
    assert len(kinds(text, "elephants zigzag my quiet umbrella today somehow")) == 7


@given(SENTENCES, st.data())
def test_any_lost_word_is_found(words: list[str], data: st.DataObject) -> None:
    """Whichever stretch of words is lost from an otherwise faultless transcript, just these are missing."""
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, min(len(words), start + 3)))
    found = compare(" ".join(words), " ".join(words[:start] + words[end:])).differences

    assert found == {Difference("missing", place) for place in range(start, end)}


@given(SENTENCES, st.data())
def test_any_doubled_word_is_found(words: list[str], data: st.DataObject) -> None:
    """Whichever word is said twice, something is added beside it, and nothing is missing."""
    place = data.draw(st.integers(0, len(words) - 1))
    found = compare(" ".join(words), " ".join([*words[: place + 1], *words[place:]])).differences

    assert [one.kind for one in found] == ["added"]
    assert all(one.place in (place, place + 1) for one in found)


@given(ANY)
@example("'")
@example("İstanbul ß ﬁ Ⅷ ²")
def test_every_text_is_its_own_transcript(text: str) -> None:
    """Any text in any script compared with itself, in other case too, has no differences."""
    assert compare(text, text) == compare(text, f" {text}\n")
    assert compare(text, text).differences == frozenset()


@given(ANY, ANY)
def test_any_two_texts_can_be_compared(text: str, transcript: str) -> None:
    """Differences lie within the text, and their number makes up for that of the words."""
    comparison = compare(text, transcript)

    assert comparison.words == len(comparable_words(text))
    for one in comparison.differences:
        assert 0 <= one.place < comparison.words + (one.kind == "added")
    if not comparable_words(transcript):
        assert len(comparison.differences) == comparison.words


@given(st.integers(0, 10**9), st.sampled_from(["", ".5", "%"]))
def test_digits_are_one_number(number: int, tail: str) -> None:
    """A number in digits is one mark, with decimals and a unit too."""
    assert comparable_words(f"about {number:,}{tail}") == ["about", "#"]
    assert is_numeric(str(number))


def test_long_texts_and_words_take_no_time() -> None:
    """Comparing blocks the event loop: the longest segment that settings allow takes no minutes, whatever is in
    it; a quadratic step over its letters did.
    """
    began = time.process_time()
    compare("x" * 4000, "x" * 3999)
    compare("a b c " * 600, "d e f " * 600)
    compare("ab " * 1300, "ba " * 1290)

    assert time.process_time() - began < 5
