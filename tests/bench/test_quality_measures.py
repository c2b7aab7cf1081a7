"""The measures of `make quality`: what they count, and that they see what would be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jiwer", reason="jiwer is not installed: scripts/setup test")
pytest.importorskip("whisper_normalizer", reason="whisper-normalizer is not installed: scripts/setup test")

from bench.quality import corpus, page
from bench.quality.at_once import others_words
from bench.quality.embedder import without_silences
from bench.quality.findings import Check, Section, at_most
from bench.quality.joins import misplaced, more_than_chance
from bench.quality.scoring import Score, normal_words, score, wrong_places
from bench.quality.sound import EAR_RATE, integrated_loudness

SECTION = Section(
    "joins", "Joins", ("where", "words"), [("here", "12")], [Check("none is lost", "3 are", False)]
)


def test_texts_are_all_there() -> None:
    """There are 72 Harvard lists of ten different sentences, and some texts of each kind."""
    lists = corpus.harvard_lists()

    assert [len(one) for one in lists] == [10] * 72
    assert len({sentence for one in lists for sentence in one}) == 720
    assert all(sentence.endswith(".") and sentence[0].isupper() for one in lists for sentence in one)
    assert all(len(corpus.texts_of(kind)) >= 6 for kind in corpus.KINDS)
    assert len(corpus.texts_of("numbers")) == 30


def test_long_texts_are_the_same_each_time() -> None:
    """Long texts are drawn from the first lists without repeats, the same ones each time."""
    drawn = corpus.long_texts(3, 12, 2)

    assert drawn == corpus.long_texts(3, 12, 2)
    assert len(set(drawn)) == 3
    assert all(len(set(text)) == 12 for text in drawn)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It's ten past four.", "it is 10 past 4"),
        ("The train leaves at 10:30 pm.", "the train leaves at 10.30 p.m."),
        ("He paid twelve dollars and fifty cents.", "He paid $12.50"),
        ("On May 9th, Friday", "on may 9 friday"),
        ("Smoky fires, grey colour", "smokey fires gray color"),
    ],
)
def test_ways_of_writing_are_alike(one: str, other: str) -> None:
    """Case, punctuation, contractions, spelling, and how numbers, sums, times and days are written are no
    errors.
    """
    assert normal_words(one) == normal_words(other)


def test_errors_are_counted() -> None:
    """Each word that is replaced, missing or added counts once, against the nearest of the ways that are right."""
    assert score(corpus.plain("a b c d"), "a x c d e") == Score(4, replaced=1, added=1)
    assert score(corpus.plain("a b c"), "a c") == Score(3, missing=1)
    assert score(corpus.plain("a b c"), "") == Score(3, missing=3)
    assert score(corpus.Text("km/h", ("km/h", "kilometers per hour")), "Kilometers per hour.").errors == 0
    assert Score(4, 1, 1, 1).rate == 0.75
    assert wrong_places(["a", "b", "c", "d"], ["x", "b", "c", "e", "d"]) == {0, 3}


def test_a_stranger_is_seen() -> None:
    """Two transcripts that were taken for each other are counted, a bad one of the right text is not."""
    texts = ["the boy was there when the sun rose", "a rod is used to catch pink salmon"]

    assert others_words(texts, ["the boy was where the sun rose", "a rod is used to cat pink"]) == 0
    assert others_words(texts, texts[::-1]) == 2


def test_what_joins_do_wrong_is_seen() -> None:
    """A segment that is missing, doubled, moved or taken for another is seen; noise is not."""
    drawn = np.random.default_rng(1)
    parts = [np.asarray(drawn.normal(size=4000), np.float32) for _ in range(3)]
    one, two, three = parts
    noise = np.asarray(drawn.normal(size=12_000), np.float32)

    assert misplaced(np.concatenate(parts) + noise / np.float32(20), parts) == 0
    assert misplaced(np.concatenate([one, three]), parts) == 3
    assert misplaced(np.concatenate([one, two, two, three]), parts) == 3
    assert misplaced(np.concatenate([one, three, two]), parts) == 2
    assert misplaced(np.concatenate([one, np.roll(two, 40), three]), parts) == 1


def test_chance_is_told_apart() -> None:
    """More errors in most texts are more than chance, as many more as less are not."""
    assert more_than_chance([1, 1, 0, 2, 1, 1])
    assert more_than_chance([1])
    assert not more_than_chance([1, -1, 0, 2, -2, 0])
    assert not more_than_chance([0, 0, 0])
    assert not more_than_chance([-1, -1, -1])


def test_bounds() -> None:
    """A rate on its bound holds, one beyond it does not."""
    assert at_most("errors", 0.05, 0.05).holds
    assert not at_most("errors", 0.051, 0.05).holds


def test_the_page_keeps_other_findings(tmp_path: Path) -> None:
    """Findings replace older ones of the same measurement between their marks, and nothing else; a broken promise
    is told. One without a place is an error.
    """
    written = tmp_path / "quality.md"
    written.write_text(
        "# By ear\n<!-- made: joins -->\nformer\n<!-- end: joins -->\n<!-- made: voices -->\nkept\n"
    )
    page.write([SECTION], "*today*", written)
    text = written.read_text()

    assert text.startswith("# By ear\n<!-- made: joins -->\n## Joins\n\n| where | words |")
    assert text.endswith("*today*\n<!-- end: joins -->\n<!-- made: voices -->\nkept\n")
    assert "| none is lost | 3 are | **no** |" in text
    assert "former" not in text
    with pytest.raises(ValueError, match="'voices'"):
        page.write([Section("voices", "", (), [])], "", written)


def test_every_measurement_has_its_place() -> None:
    """docs/quality.md has a place for each measurement that there is."""
    from bench.quality.__main__ import MEASUREMENTS

    text = page.PAGE.read_text("utf-8")

    assert all(f"<!-- made: {name} -->" in text and f"<!-- end: {name} -->" in text for name in MEASUREMENTS)


def test_loudness_is_the_standards() -> None:
    """A sine of 1 kHz at -20 dB of full scale is -23 LUFS in one channel, as EBU Tech 3341 has it for two."""
    sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(5 * EAR_RATE) / EAR_RATE)

    assert integrated_loudness(sine, EAR_RATE) == pytest.approx(-23, abs=0.2)


def test_silences_are_shortened() -> None:
    """Of a long silence between two sounds 0.2 s is left, and the sounds stay."""
    sound = np.asarray(np.random.default_rng(2).normal(size=EAR_RATE), np.float32)
    apart = np.concatenate([sound, np.zeros(3 * EAR_RATE, np.float32), sound])

    assert len(without_silences(apart)) == pytest.approx(2.2 * EAR_RATE, rel=0.01)
