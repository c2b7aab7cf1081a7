"""Tests of marks in texts, and of segments that are cut until they fit: nothing is lost, and all finds its way
back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.api import SpeechEvent, Word
from engines.api.offsets import Rewriting
from streaming.text.fitting import fitted
from streaming.text.marks import FIRST, Marks
from streaming.text.segments import split_text
from voices.pronunciation import Dictionary, Entry

LAUGH, SIGH = r"\[laughs?\]", r"\(sighs\)"
SPELT = r"\[(?P<said>\w+)\]\(/[^)]*/\)"


def taken(
    written: str, known: tuple[str, ...] = (), foreign: tuple[str, ...] = ()
) -> tuple[Marks, Rewriting]:
    """Return the marks of a text, and the text without them."""
    marks, text = Marks(known, foreign), Rewriting(written)
    marks.take(text)
    return marks, text


@given(st.lists(st.sampled_from(["[laugh]", "[laughs]", "(sighs)", "[x](/y/)", " ", "a", "[", "\U000f0000"])))
def test_marks_come_back_as_they_were_written(parts: list[str]) -> None:
    """Whatever stands around them, also signs for private use, a text with its marks back is the text."""
    written = "".join(parts)
    marks, text = taken(written, (LAUGH, SIGH, SPELT))

    assert marks.restored(text.text).text == written
    assert "laugh" not in text.text
    assert "sighs" not in text.text
    assert marks.removed == []


def test_marks_in_a_respelling() -> None:
    """Marks that come into a text with a pronunciation are treated as its own: known ones reach the engine, as no
    words meanwhile, and of others nothing is left.
    """
    marks, _ = taken("One [laugh] \U000f0000", (LAUGH,), (SIGH,))
    entries = [Entry("one", "won [laughs] (sighs)"), Entry("two", "(sighs)"), Entry("three", "[laugh]")]
    spoken = Dictionary(entries).apply("one two three", ipa=False, reading=marks.reading)

    assert len(spoken.text) == len("won _ two _")
    assert marks.restored(spoken.text).text == "won [laughs] two [laugh]"
    assert spoken.ignored
    assert marks.reading("a [laugh]") == ("a \U000f0001", True)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Well [laugh] yes.", "Well yes."),
        ("Well (sighs).", "Well."),
        ("[laugh] Well.", "Well."),
        ("Well [laugh]", "Well"),
        ("Well [laugh] (sighs) yes", "Well yes"),
        ("Well[laugh]yes", "Well yes"),
        ("One\n[laugh] two", "One\ntwo"),
        ("A [word](/x/) here", "A word here"),
        ("[laugh]", ""),
    ],
)
def test_what_is_left_without_marks(written: str, left: str) -> None:
    """A mark goes with one of the spaces around it, and what is heard of it stays."""
    marks, text = taken(written, foreign=(LAUGH, SIGH, SPELT))

    assert text.text == left
    assert marks.without(written) == left
    assert marks.restored(text.text).text == left
    assert marks.removed


def test_many_marks_are_told_in_short() -> None:
    """A header names some of the marks, and how many there are besides."""
    marks, _ = taken("".join(f"<{number}>" for number in range(9)), foreign=("<.>",))

    assert marks.names() == [*(f"input mark <{number}>" for number in range(5)), "input with 4 further marks"]


def test_what_is_heard_of_marks() -> None:
    """The words of marks count as words, sounds as single signs."""
    marks, text = taken("a [word](/x/) [laugh] b", (LAUGH, SPELT))

    assert marks.said(text.text).replace(chr(FIRST + 1), "*") == "a word * b"


def test_offsets_lead_there_and_back() -> None:
    """Words that an engine tells of the text with its marks are where they are in what the caller wrote."""
    written = "x [laugh] two (sighs) three"
    marks, text = taken(written, (LAUGH,), (SIGH,))
    given_to_engine = marks.restored(text.text).text

    async def told() -> AsyncGenerator[SpeechEvent, None]:
        for word in ("[laugh]", "two", "three"):
            start = given_to_engine.index(word)
            yield Word(start, start + len(word), 0.0)

    async def spans() -> list[str]:
        events = marks.with_offsets_before(text.text, told())
        return [
            written[slice(*text.original(one.start, one.end))]
            async for one in events
            if isinstance(one, Word)
        ]

    assert asyncio.run(spans()) == ["[laugh]", "two", "three"]
    two = text.text.index("two")
    ((start, end, _),) = marks.moved(text.text, ((two, two + 3, "tuː"),))
    assert given_to_engine[start:end] == "two"


@given(st.text(alphabet="ab .,\n\u0301界\U0001f1e9", max_size=300), st.integers(1, 40))
def test_segments_that_fit(text: str, most: int) -> None:
    """Parts are as short as is wanted, follow each other, are numbered, and together they are the text."""
    segments = split_text(text, language="en", first_limit=120, limit=200)
    parts = list(fitted(segments, lambda part: len(part) <= most))

    assert "".join(part.text for part in parts) == text
    assert [part.index for part in parts] == list(range(len(parts)))
    assert all(text[part.start : part.end] == part.text for part in parts)
    assert all(len(part.text) <= max(most, 1) for part in parts)


def test_what_ends_a_sentence_still_does() -> None:
    """Only the last part of a segment ends the sentence that the segment ended."""
    segments = split_text("one two three four. five", language="en", first_limit=30, limit=30)
    parts = list(fitted(segments, lambda part: len(part) <= 10))

    assert [(part.text.strip(), part.ends_sentence) for part in parts][:2] == [
        ("one two", False),
        ("three", False),
    ]
    assert next(part for part in parts if "four" in part.text).ends_sentence
