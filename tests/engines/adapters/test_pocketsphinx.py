"""Tests of the PocketSphinx adapter: its transcripts, when they come, and how it stops."""

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
from outputs import QUIET, run_transcription

from engines.adapters.pocketsphinx.engine import PocketSphinx
from engines.api import (
    EngineInfo,
    Finished,
    Place,
    Progress,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
)
from engines.errors import Unsupported

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
SPOKEN = [
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
"""measured: 0.27, 6 of 22 words"""


@lru_cache(1)
def loaded() -> tuple[PocketSphinx, EngineInfo]:
    """Load the engine; return it and its info."""
    engine = PocketSphinx()
    return engine, engine.load(Place(), QUIET)


@lru_cache(1)
def recording() -> bytes:
    """Return the speech, as s16le mono PCM at 16 kHz."""
    with av.open(str(JFK), mode="r") as container:
        resampler = av.AudioResampler("s16", "mono", 16000)
        frames = [*container.decode(audio=0), None]
        return b"".join(part.to_ndarray().tobytes() for frame in frames for part in resampler.resample(frame))


def transcribe(
    pcm: bytes, job: TranscriptionJob | None = None, size: int = SECOND // 10
) -> list[TranscriptionEvent]:
    """Transcribe PCM that comes in chunks of `size` bytes."""
    events: list[TranscriptionEvent] = []
    chunks = (pcm[start : start + size] for start in range(0, len(pcm), size))

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return True

    run_transcription(loaded()[0], job or TranscriptionJob(), chunks, emit)
    return events


def segments_of(events: list[TranscriptionEvent]) -> list[TranscriptSegment]:
    """Return the segments among events."""
    return [event for event in events if isinstance(event, TranscriptSegment)]


@lru_cache(1)
def speech() -> tuple[TranscriptionEvent, ...]:
    """Return the events of the recording's transcription, made once for all tests."""
    return tuple(transcribe(recording()))


@lru_cache(1)
def beginning() -> tuple[TranscriptSegment, ...]:
    """Return the segments of the recording's first two seconds, made once for all tests."""
    return tuple(segments_of(transcribe(recording()[: 2 * SECOND])))


def error_rate(spoken: list[str], words: list[str]) -> float:
    """Return the edits between two texts, per word of the first."""
    row = np.arange(len(words) + 1)
    for number, word in enumerate(spoken, 1):
        previous, row = row, np.full(len(words) + 1, number)
        for column, other in enumerate(words, 1):
            row[column] = min(
                previous[column] + 1, row[column - 1] + 1, previous[column - 1] + (word != other)
            )
    return float(row[-1] / len(spoken))


def test_info() -> None:
    """Its info says that it knows English only, gives word times, and uses no prompt nor temperature."""
    info = loaded()[1]

    assert (info.name, info.licence, info.models, info.speech) == (
        "pocketsphinx",
        "BSD-2-Clause",
        ("pocketsphinx",),
        None,
    )
    capabilities = info.transcription
    assert capabilities is not None
    assert (capabilities.languages, capabilities.sample_rate, capabilities.words, capabilities.translate) == (
        ("en",),
        16000,
        True,
        True,
    )
    assert (capabilities.prompt, capabilities.temperature, capabilities.logprobs, capabilities.diarize) == (
        False,
        False,
        False,
        False,
    )


def test_transcribes_a_real_recording() -> None:
    """In the transcript of a recording from 1961 most words are right, and none are fillers or pronunciation
    marks.
    """
    segments = segments_of(list(speech()))

    words = " ".join(segment.text for segment in segments).split()
    assert error_rate(SPOKEN, words) <= WORST_ERROR_RATE
    assert all(re.fullmatch(r"[a-z'.-]+", word) for word in words)
    assert speech()[-1] == Finished(len(recording()) / SECOND, "en")


def test_words_make_up_segments() -> None:
    """A segment's text is its words; their times increase, within it and within the recording."""
    for segment in segments_of(list(speech())):
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
    """A correct word begins within 0.3 s of where forced alignment of the true text finds it."""
    true = [(word, start) for word, start, _ in align(recording(), " ".join(SPOKEN))]
    words = [word for segment in segments_of(list(speech())) for word in segment.words]

    found = [
        word
        for word in words
        if any(word.word == spoken and abs(word.start - start) < 0.3 for spoken, start in true)
    ]
    assert len(found) >= 12


def test_progress_runs_on() -> None:
    """Progress never decreases, comes often, and ends at the recording's end."""
    seconds = [event.seconds for event in speech() if isinstance(event, Progress)]

    assert seconds == sorted(seconds)
    assert len(seconds) > 50
    assert 9 < seconds[-1] <= 11


@pytest.mark.parametrize("size", [SECOND * 60, 333])
def test_chunks_do_not_matter(size: int) -> None:
    """The transcript is the same in whatever chunks the audio came, even with cuts within a sample."""
    pcm = recording()[: 2 * SECOND]

    assert segments_of(transcribe(pcm, size=size)) == list(beginning())


def test_jobs_do_not_affect_each_other() -> None:
    """A previous job, complete or stopped in the middle, changes nothing."""
    pcm = recording()[: 2 * SECOND]
    before = list(beginning())
    run_transcription(
        loaded()[0],
        TranscriptionJob(),
        iter([recording()]),
        lambda event: not isinstance(event, Progress) or event.seconds < 3,
    )
    noise = np.random.default_rng(0).integers(-3000, 3000, 16000).astype("<i2").tobytes()
    transcribe(noise)

    assert segments_of(transcribe(pcm)) == before


@pytest.mark.parametrize(
    "pcm", [b"", bytes(2), bytes(3 * SECOND)], ids=["nothing", "one sample", "three seconds"]
)
def test_silence(pcm: bytes) -> None:
    """Silence gives no words, and its length."""
    events = transcribe(pcm)

    assert segments_of(events) == []
    assert events[-1] == Finished(len(pcm) / SECOND, "en")


def test_silence_between_utterances_cuts() -> None:
    """Speech, silence, speech yield segments whose times count from the start of the recording."""
    pcm = recording()[: 2 * SECOND]
    events = transcribe(pcm + bytes(3 * SECOND) + pcm)

    segments = segments_of(events)
    assert len(segments) == 2
    assert segments[0].end < 2.5
    assert segments[1].start == pytest.approx(segments[0].start + 5, abs=0.15)


@pytest.mark.parametrize("language", ["de", "zh"])
def test_refuses_other_languages(language: str) -> None:
    """An unknown language is refused by name, before any audio is read."""

    def never() -> Iterator[bytes]:
        raise AssertionError("audio was read")
        yield b""

    with pytest.raises(Unsupported, match=f"'{language}'") as caught:
        run_transcription(loaded()[0], TranscriptionJob(language=language), never(), lambda _: True)
    assert caught.value.param == "language"


def test_english_is_its_own_translation() -> None:
    """English, named or not, translated or not, yields the same."""
    pcm = recording()[: 2 * SECOND]

    assert segments_of(transcribe(pcm, TranscriptionJob(language="en", translate=True))) == list(beginning())


def test_transcribes_audio_as_it_comes() -> None:
    """An utterance is transcribed as soon as it is over, while the recording goes on."""
    read = 0.0
    read_before: list[float] = []

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(3):
            for part in (recording()[: 2 * SECOND], bytes(2 * SECOND)):
                read += len(part) / SECOND
                yield part

    def emit(event: TranscriptionEvent) -> bool:
        if isinstance(event, TranscriptSegment):
            read_before.append(read)
        return True

    run_transcription(loaded()[0], TranscriptionJob(), chunks(), emit)

    assert read_before == [4.0, 8.0, 12.0]


@pytest.mark.parametrize("after", [0.0, 4.0])
def test_stops_when_emit_returns_false(after: float) -> None:
    """Once `emit` returns False nothing more is emitted and no more audio is read, however long the utterance
    is already.
    """
    calls_after, stopped, read = 0, False, 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield recording()

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal calls_after, stopped
        calls_after += stopped
        stopped = stopped or (isinstance(event, Progress) and event.seconds >= after)
        return not stopped

    run_transcription(loaded()[0], TranscriptionJob(), chunks(), emit)

    assert stopped
    assert calls_after == 0
    assert read <= 2


def test_stopping_takes_less_than_the_work() -> None:
    """To stop in the middle of an utterance is quick: the decoder's last pass is left out."""
    last_emit = 0.0

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal last_emit
        last_emit = time.process_time()
        return not (isinstance(event, Progress) and event.seconds >= 6)

    started = time.process_time()
    run_transcription(loaded()[0], TranscriptionJob(), iter([recording()]), emit)
    finished = time.process_time()

    assert finished - last_emit < 0.1 * (last_emit - started)


def test_quiet_on_both_streams() -> None:
    """The library writes nothing to standard output or error, which the worker uses."""
    program = (
        "from engines.api import Place, TranscriptionJob\n"
        "from engines.adapters.pocketsphinx.engine import PocketSphinx\n"
        "engine = PocketSphinx(); engine.load(Place(), None)\n"
        "out = type('Out', (), {'__getattr__': lambda self, name: lambda *_: None})()\n"
        "noise = (b'\\x00\\x10' * 40 + b'\\x00\\xf0' * 40) * 400\n"
        "engine.transcribe(TranscriptionJob(), iter([noise, b'']), out)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")
