"""Property tests of splitting text: nothing lost or doubled, in order, for any text in any script."""

from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from streaming.text.segments import LONGEST_CLUSTER, Segment, split_text

MIXED = st.text(
    st.sampled_from(
        "ab1 .,;:!?\n\t“”()、。！？你好สวัค์ดี한국مرحبا،؟नमस्ते।é\u0301👩\u200d👩\u200d👧🇩🇪\u0e31\u200d"
    ),
    max_size=600,
)
ANY = st.one_of(st.text(max_size=300), MIXED)
LENGTHS = st.tuples(st.integers(20, 80), st.integers(80, 240))


def split(text: str, first_limit: int = 80, limit: int = 240, language: str | None = None) -> list[Segment]:
    return list(split_text(text, language=language, first_limit=first_limit, limit=limit))


@given(ANY, LENGTHS, st.sampled_from([None, "en", "de-DE", "zh", "xx", "th"]))
@example("\ud800 broken", (20, 80), None)
@example("a" * 5000 + ". " + "b" * 5000, (20, 80), None)
def test_all_segments_together_are_the_text(
    text: str, lengths: tuple[int, int], language: str | None
) -> None:
    """No word is lost or doubled at a cut: the segments join to the text, and their offsets are right."""
    segments = split(text, *lengths, language)

    assert "".join(segment.text for segment in segments) == text
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert all(text[segment.start : segment.end] == segment.text for segment in segments)
    assert all(segment.text for segment in segments)


@given(ANY, LENGTHS)
def test_segments_are_bounded(text: str, lengths: tuple[int, int]) -> None:
    """The first segment is short, the others within the limit; only what cannot be spoken may make one
    longer.
    """
    first_limit, limit = lengths
    for segment in split(text, first_limit, limit):
        spoken = segment.text.rstrip()
        while spoken and unicodedata.category(spoken[-1])[0] not in "LNS":
            spoken = spoken[:-1]
        assert len(spoken) <= (first_limit if segment.index == 0 else limit) + LONGEST_CLUSTER


@given(ANY, LENGTHS)
def test_no_cut_inside_a_letter(text: str, lengths: tuple[int, int]) -> None:
    """Combining marks, joined emoji and flags are never cut apart."""
    edges = {match.end() for match in regex.finditer(r"\X", text)}
    clusters = [match[0] for match in regex.finditer(r"\X", text)]
    if all(len(cluster) < 20 for cluster in clusters):
        assert {segment.end for segment in split(text, *lengths)} <= edges


@given(ANY)
def test_every_segment_is_worth_speaking(text: str) -> None:
    """A segment consists of spaces and marks alone only when there is nothing else."""
    segments = split(text)
    speakable = [any(unicodedata.category(char)[0] in "LNS" for char in segment.text) for segment in segments]

    if len(segments) > 1:
        assert all(speakable)


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        ("en", "Dr. Smith paid $3.50 for 1,000 pens at 12:30. He left.", 2),
        ("en", "It cost 3.14 e.g. in the U.S. today. Really?", 2),
        ("de", "Das kostet z. B. 3,50 Euro. Er ging am 3. Oktober.", 2),
        ("fr", "M. Dupont et Mme. Roux arrivent chez le Dr. Petit. Bonjour !", 2),
        ("nl", "Dhr. Jansen en mevr. Bos zijn er. Goedendag.", 2),
        ("pl", "Mieszkam przy ul. Długa. Dzień dobry.", 2),
        ("es", "¿Cómo estás? ¡Muy bien!", 2),
        ("ru", "Привет, мир. Как дела?", 2),
        ("ar", "مرحبا بالعالم. كيف حالك؟", 2),
        ("hi", "नमस्ते दुनिया। आप कैसे हैं?", 2),
        ("zh", "你好，世界。今天天气很好。", 2),
        ("ja", "こんにちは。元気ですか？", 2),
        ("ko", "안녕하세요. 잘 지내세요?", 2),
        ("el", "Γεια σου κόσμε. Τι κάνεις;", 2),
        ("hy", "Բարև աշխարհ։ Ինչպես ես։", 2),
        ("am", "ሰላም ልዑል። እንዴት ነህ።", 2),
        ("my", "မင်္ဂလာပါ။ နေကောင်းလား။", 2),
    ],
)
def test_sentences_of_many_languages(language: str, text: str, count: int) -> None:
    """Sentence ends are found in many scripts; abbreviations, decimals and thousands are none."""
    segments = split(text, first_limit=len(text) - 2, limit=400, language=language)

    assert len(segments) == count, [segment.text for segment in segments]
    assert all(segment.ends_sentence for segment in segments)


@pytest.mark.parametrize(
    "text", ["สวัสดีชาวโลก" * 60, "你好世界" * 300, "ຄົນລາວ" * 100, "x" * 3000, "👩‍👩‍👧" * 300]
)
def test_scripts_without_spaces(text: str) -> None:
    """Where there are no spaces, letters stay whole and segments bounded."""
    segments = split(text)

    assert "".join(segment.text for segment in segments) == text
    assert max(len(segment.text) for segment in segments) <= 240
    assert not any(segment.ends_sentence for segment in segments[:-1])


def test_long_sentences_are_cut_behind_clauses() -> None:
    """A long sentence is cut after a clause, where a reader would breathe."""
    sentence = (
        "When the rain had stopped at last, the children ran out into the garden, and nobody called them back, "
        * 3
        + "ever."
    )
    segments = split(sentence, first_limit=80, limit=120)

    assert all(segment.text.rstrip().endswith((",", "ever.")) for segment in segments)


def test_segments_grow_by_half() -> None:
    """Behind a short first segment each may be half as long again, up to the limit: no long one stands between the
    first words and the next.
    """
    lengths = [len(segment.text) for segment in split("word " * 500 + "end.", first_limit=40, limit=400)]

    bounds = [40, 60, 90, 135, 202, 303, *[400] * len(lengths)]
    assert all(length <= bound for length, bound in zip(lengths, bounds, strict=False))
    assert all(length > 0.8 * bound for length, bound in zip(lengths[:-1], bounds, strict=False))


def test_marks_behind_a_sentence_end_it() -> None:
    """Marks that are joined to a whole sentence leave it a whole one."""
    segments = split("Good morning. \n\n...", first_limit=20, limit=240)

    assert [(segment.text, segment.ends_sentence) for segment in segments] == [
        ("Good morning. \n\n...", True)
    ]


@pytest.mark.parametrize("text", ["Hello. " + "... " * 5000, "... " * 5000 + "Hello.", "a\n" + "\n" * 20_000])
def test_marks_make_no_segment_endless(text: str) -> None:
    """However many marks there are, they lengthen a segment to four times the limit at most."""
    segments = split(text, first_limit=80, limit=240)

    assert "".join(segment.text for segment in segments) == text
    assert max(len(segment.text) for segment in segments) <= 4 * 240


@pytest.mark.parametrize("word", ["alpha ", "extraordinarily, "])
def test_no_cut_inside_a_word(word: str) -> None:
    """A sentence longer than a window is still cut between words, wherever the window ends."""
    text = word * 3000 + "end."

    assert all(segment.text.endswith(" ") for segment in split(text)[:-1])


@pytest.mark.parametrize("marks", ["... ", "\n\n\n", "— — —\n", "«»" * 60])
def test_marks_at_the_start_are_no_segment(marks: str) -> None:
    """Unspeakable marks at the start belong to the segment of the first words."""
    segments = split(marks + "Good morning. How are you?" * 4)

    assert "Good" in segments[0].text


@pytest.mark.parametrize("filler", ["a", "\n", " ", ".", "\u0301", "a. ", "你", "\ud800", "🇩"])
def test_two_hundred_thousand_characters(filler: str) -> None:
    """The longest text allowed, of the strangest kind, is split whole; its first segment does not need its
    end.
    """
    text = filler * (200_000 // len(filler))

    assert (
        "".join(segment.text for segment in split_text(text, language=None, first_limit=80, limit=240))
        == text
    )
