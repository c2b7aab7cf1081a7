"""What the PocketSphinx adapter hears, when it says so, and how it stops."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import pytest
from alignment import align

from engines.adapters.pocketsphinx.engine import PocketSphinx
from engines.api import (
    EngineInfo,
    Finished,
    Progress,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
)
from engines.errors import Unsupported

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
SAID = [
    "and",
    "so",
    "my",
    "fellow",
    "americans",
    "ask",
    "not",
    "what",
    "your",
    "country",
    "can",
    "do",
    "for",
    "you",
    "ask",
    "what",
    "you",
    "can",
    "do",
    "for",
    "your",
    "country",
]
SECOND = 2 * 16000
WORST_ERROR_RATE = 0.4
"""0.27 was seen: 6 of 22 words"""


@lru_cache(1)
def loaded() -> tuple[PocketSphinx, EngineInfo]:
    """Load the engine; give it and its account of itself."""
    engine = PocketSphinx()
    return engine, engine.load()


@lru_cache(1)
def recording() -> bytes:
    """Read the speech, as s16le mono PCM at 16 kHz."""
    with av.open(str(JFK), mode="r") as container:
        resampler = av.AudioResampler("s16", "mono", 16000)
        frames = [*container.decode(audio=0), None]
        return b"".join(part.to_ndarray().tobytes() for frame in frames for part in resampler.resample(frame))


def hear(
    pcm: bytes, job: TranscriptionJob | None = None, size: int = SECOND // 10
) -> list[TranscriptionEvent]:
    """Transcribe PCM that comes in chunks of `size` bytes."""
    events: list[TranscriptionEvent] = []
    chunks = (pcm[start : start + size] for start in range(0, len(pcm), size))

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return True

    loaded()[0].transcribe(job or TranscriptionJob(), chunks, emit)
    return events


def heard(events: list[TranscriptionEvent]) -> list[TranscriptSegment]:
    """Give the segments among events."""
    return [event for event in events if isinstance(event, TranscriptSegment)]


@lru_cache(1)
def speech() -> tuple[TranscriptionEvent, ...]:
    """Transcribe the recording once for all tests that look at the result."""
    return tuple(hear(recording()))


def error_rate(said: list[str], words: list[str]) -> float:
    """Count the edits between two texts, per word said."""
    row = np.arange(len(words) + 1)
    for number, word in enumerate(said, 1):
        previous, row = row, np.full(len(words) + 1, number)
        for column, other in enumerate(words, 1):
            row[column] = min(
                previous[column] + 1, row[column - 1] + 1, previous[column - 1] + (word != other)
            )
    return float(row[-1] / len(said))


def test_account_of_itself() -> None:
    """It says that it knows English only, gives word times, and takes no prompt nor temperature."""
    info = loaded()[1]

    assert (info.name, info.licence, info.models, info.speech) == (
        "pocketsphinx",
        "BSD-2-Clause",
        ("pocketsphinx",),
        None,
    )
    can = info.transcription
    assert can is not None
    assert (can.languages, can.sample_rate, can.words, can.translate) == (("en",), 16000, True, True)
    assert (can.prompt, can.temperature, can.logprobs, can.diarize) == (False, False, False, False)


def test_hears_a_real_recording() -> None:
    """Of a recording from 1961 most words are heard, and none are fillers or pronunciation marks."""
    segments = heard(list(speech()))

    words = " ".join(segment.text for segment in segments).split()
    assert error_rate(SAID, words) <= WORST_ERROR_RATE
    assert all(re.fullmatch(r"[a-z'.-]+", word) for word in words)
    assert speech()[-1] == Finished(len(recording()) / SECOND, "en")


def test_words_make_up_segments() -> None:
    """A segment's text is its words; their times run on, lie within it and within the recording."""
    for segment in heard(list(speech())):
        assert segment.text == " ".join(word.word for word in segment.words)
        edges = [edge for word in segment.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert (segment.start, segment.end) == (edges[0], edges[-1])
        assert 0 <= segment.start < segment.end <= 11.0
        assert all(-20 < word.logprob <= 0 for word in segment.words)
        assert segment.avg_logprob == pytest.approx(
            sum(word.logprob for word in segment.words) / len(segment.words)
        )


def test_word_times_are_right() -> None:
    """A word heard right begins within 0.3 s of where forced alignment of the true text finds it."""
    true = [(word, start) for word, start, _ in align(recording(), " ".join(SAID))]
    words = [word for segment in heard(list(speech())) for word in segment.words]

    found = [
        word
        for word in words
        if any(word.word == said and abs(word.start - start) < 0.3 for said, start in true)
    ]
    assert len(found) >= 12


def test_progress_runs_on() -> None:
    """Progress never goes back, comes often, and ends at the recording's end."""
    told = [event.seconds for event in speech() if isinstance(event, Progress)]

    assert told == sorted(told)
    assert len(told) > 50
    assert 9 < told[-1] <= 11


@pytest.mark.parametrize("size", [SECOND * 60, 333])
def test_chunks_do_not_matter(size: int) -> None:
    """The same is heard however the audio was cut on its way, even within a sample."""
    pcm = recording()[: 2 * SECOND]

    assert heard(hear(pcm, size=size)) == heard(hear(pcm))


def test_jobs_do_not_touch_each_other() -> None:
    """What was heard before, or given up in the middle, changes nothing."""
    pcm = recording()[: 2 * SECOND]
    before = heard(hear(pcm))
    loaded()[0].transcribe(
        TranscriptionJob(),
        iter([recording()]),
        lambda event: not isinstance(event, Progress) or event.seconds < 3,
    )
    noise = np.random.default_rng(0).integers(-3000, 3000, 16000).astype("<i2").tobytes()
    hear(noise)

    assert heard(hear(pcm)) == before


@pytest.mark.parametrize(
    "pcm", [b"", bytes(2), bytes(3 * SECOND)], ids=["nothing", "one sample", "three seconds"]
)
def test_silence(pcm: bytes) -> None:
    """Silence gives no words, and its length."""
    events = hear(pcm)

    assert heard(events) == []
    assert events[-1] == Finished(len(pcm) / SECOND, "en")


def test_silence_between_utterances_cuts() -> None:
    """Speech, silence, speech give segments whose times count from the start of the recording."""
    pcm = recording()[: 2 * SECOND]
    events = hear(pcm + bytes(3 * SECOND) + pcm)

    segments = heard(events)
    assert len(segments) == 2
    assert segments[0].end < 2.5
    assert segments[1].start == pytest.approx(segments[0].start + 5, abs=0.15)


@pytest.mark.parametrize("language", ["de", "zh"])
def test_refuses_other_languages(language: str) -> None:
    """A language it does not know is refused by name, before any audio is read."""

    def never() -> Iterator[bytes]:
        raise AssertionError("audio was read")
        yield b""

    with pytest.raises(Unsupported, match=f"'{language}'") as caught:
        loaded()[0].transcribe(TranscriptionJob(language=language), never(), lambda _: True)
    assert caught.value.param == "language"


def test_english_is_its_own_translation() -> None:
    """English, said to be so or not, translated or not, gives the same."""
    pcm = recording()[: 2 * SECOND]

    assert heard(hear(pcm, TranscriptionJob(language="en", translate=True))) == heard(hear(pcm))


def test_takes_audio_as_it_comes() -> None:
    """An utterance is told as soon as it is over, while the recording goes on: audio is never gathered first."""
    taken = 0.0
    at: list[float] = []

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(3):
            for part in (recording()[: 2 * SECOND], bytes(2 * SECOND)):
                taken += len(part) / SECOND
                yield part

    def emit(event: TranscriptionEvent) -> bool:
        if isinstance(event, TranscriptSegment):
            at.append(taken)
        return True

    loaded()[0].transcribe(TranscriptionJob(), chunks(), emit)

    assert at == [4.0, 8.0, 12.0]


@pytest.mark.parametrize("after", [0.0, 4.0])
def test_stops_when_told(after: float) -> None:
    """Once `emit` says False nothing more is emitted and no more audio is read, however long the utterance
    already is.
    """
    calls_after, stopped, taken = 0, False, 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield recording()

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal calls_after, stopped
        calls_after += stopped
        stopped = stopped or (isinstance(event, Progress) and event.seconds >= after)
        return not stopped

    loaded()[0].transcribe(TranscriptionJob(), chunks(), emit)

    assert stopped
    assert calls_after == 0
    assert taken <= 2


def test_stopping_takes_less_than_the_work() -> None:
    """To stop in the middle of an utterance is quick: the decoder's last pass over what it has heard is not
    made.
    """
    told = 0.0

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal told
        told = time.perf_counter()
        return not (isinstance(event, Progress) and event.seconds >= 6)

    started = time.perf_counter()
    loaded()[0].transcribe(TranscriptionJob(), iter([recording()]), emit)
    finished = time.perf_counter()

    assert finished - told < 0.1 * (told - started)


def test_quiet_on_both_streams() -> None:
    """The library writes nothing to standard output or error, which belong to the worker."""
    program = (
        "from engines.api import ListenJob\n"
        "from engines.adapters.pocketsphinx.engine import PocketSphinx\n"
        "engine = PocketSphinx(); engine.load()\n"
        "noise = (b'\\x00\\x10' * 40 + b'\\x00\\xf0' * 40) * 400\n"
        "engine.transcribe(ListenJob(), iter([noise, b'']), lambda event: True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")
