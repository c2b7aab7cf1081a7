"""Tests of what an engine gives that cannot be sent: it is the engine's error, and no broken answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from fractions import Fraction
from typing import Any

import contract_engines
import numpy as np
import pytest
from one_worker import path_of_engines, started

from engines.api import (
    Audio,
    EngineInfo,
    Finished,
    Output,
    Place,
    Progress,
    SpeechJob,
    SpeechOutput,
    Stop,
    Threads,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    TranscriptToken,
    TranscriptWord,
    Word,
)
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineFailed
from engines.worker.event_queue import MAX_WAITING, EventQueue
from engines.worker.outputs import PIECE_BYTES, Activity, JobOutput, check_word

STRANGE = EngineRecord("strange", "test_unsendable_events:Strange", ("speech",), "MIT")
FRACTION: Any = Fraction(1, 2)
"""a number that is no float, as those of numpy's float32 are none"""
WORDS = {
    "time": Word(0, 1, math.nan),
    "until": Word(0, 1, 0.0, math.inf),
    "cannot be sent": Word(0, 1, FRACTION),
    "behind its end, of 21": Word(0, 22, 0.0),
    "before begin": Word(-1, 2, 0.0),
    "backwards": Word(3, 2, 0.0),
    "too early": Word(0, 1, -0.5),
    "ends before": Word(0, 1, 2.0, 1.0),
}
"""words by the text that asks for them"""
WRONG_WORDS = {
    "behind its end, of 21": r"a word at \[0, 22\) of a text of 21 code points",
    "before begin": r"a word at \[-1, 2\)",
    "backwards": r"a word at \[3, 2\)",
    "too early": "a word from -0.5 to -0.5 s",
    "ends before": "a word from 2 to 1 s",
}
"""what is told of some of them"""
AUDIO: dict[str, Any] = {
    "3 bytes of audio": b"123",
    "type str": "no bytes",
    "type ndarray": np.zeros(100, np.float32),
    "type list": [0.0, 0.5],
}
SEGMENTS = {
    "avg_logprob": TranscriptSegment("one", 0.0, 1.0, avg_logprob=-math.inf),
    "logprob": TranscriptSegment("one", 0.0, 1.0, words=(TranscriptWord("one", 0.0, 1.0, -math.inf),)),
    "TranscriptSegment": TranscriptSegment("e", 0.0, 1.0, logprobs=(TranscriptToken("e", math.nan, ()),)),
    "cannot be sent": TranscriptSegment("\ud800", 0.0, 1.0),
}
ENDS = {"duration": Finished(math.nan, "en")}


class Strange:
    """An engine that gives what its job names: a word, a segment or an end."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        return contract_engines.info("strange", Threads(1), hears=True)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give audio, and the word that the text names, if it does."""
        out.beat(math.nan)
        out.audio(contract_engines.CHUNK)
        if job.text in AUDIO:
            out.audio(AUDIO[job.text])
        if job.text in WORDS:
            out.word(WORDS[job.text])

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Give what the job's prompt names."""
        out.beat(math.inf)
        named = job.prompt or ""
        seconds = sum(map(len, audio)) / 32_000
        if named in SEGMENTS:
            out.segment(SEGMENTS[named])
        return ENDS.get(named, Finished(seconds, "en"))


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engine of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


async def recording() -> AsyncIterator[bytes]:
    yield bytes(32_000)


def test_words_that_cannot_be_sent() -> None:
    """A word whose times are no finite numbers of ours, or that lies outside the text or its audio, is the engine's
    error, which says what it gave; the worker goes on.
    """

    async def test() -> None:
        async with started(STRANGE) as (_, client):
            for what in WORDS:
                with pytest.raises(EngineFailed, match=WRONG_WORDS.get(what, what)) as caught:
                    _ = [event async for event in client.speak(SpeechJob(what, "low"))]
                assert type(caught.value) is EngineFailed
            events = [event async for event in client.speak(SpeechJob("good", "low"))]
            assert Audio(contract_engines.CHUNK) in events

    run(test)


def test_audio_that_is_none() -> None:
    """Audio that is no PCM in whole samples is the engine's error, which says what it is; the worker goes on."""

    async def test() -> None:
        async with started(STRANGE) as (_, client):
            for what in AUDIO:
                with pytest.raises(EngineFailed, match=what) as caught:
                    _ = [event async for event in client.speak(SpeechJob(what, "low"))]
                assert type(caught.value) is EngineFailed
            events = [event async for event in client.speak(SpeechJob("good", "low"))]
            assert Audio(contract_engines.CHUNK) in events

    run(test)


def test_transcripts_that_cannot_be_sent() -> None:
    """A stretch or an end of a transcript with a number that is none, or text that is none, is the engine's
    error; progress that is no number is none that is known.
    """

    async def test() -> None:
        async with started(STRANGE) as (_, client):
            for what in (*SEGMENTS, *ENDS):
                with pytest.raises(EngineFailed, match=what) as caught:
                    _ = [
                        event async for event in client.transcribe(TranscriptionJob(prompt=what), recording())
                    ]
                assert type(caught.value) is EngineFailed
            events = [event async for event in client.transcribe(TranscriptionJob(), recording())]
            assert events == [Progress(0.0), Finished(1.0, "en")]

    run(test)


def test_a_word_up_to_the_end_of_the_text() -> None:
    """Offsets count code points, however many bytes these have: a word may end where the text does."""
    text = "é🙂"
    check_word(Word(0, 2, 0.0, 0.0), text)
    with pytest.raises(EngineFailed, match="of a text of 2 code points"):
        check_word(Word(0, len(text.encode()), 0.0), text)


@pytest.mark.parametrize("blocking", [True, False], ids=["alone", "shared"])
def test_much_audio_in_one_call(blocking: bool) -> None:
    """However much audio an engine gives in one call, it leaves in parts that hold no loop for long, and whole."""
    size = 5 * MAX_WAITING + 2

    async def test() -> None:
        events: EventQueue[object] = EventQueue()
        out = JobOutput(events, Activity(), blocking=blocking)
        given = asyncio.create_task(asyncio.to_thread(out.audio, bytes(size)))
        given.add_done_callback(lambda _: events.finish())
        came = 0
        while batch := await events.get_all():
            parts = [event.pcm for event in batch if isinstance(event, Audio)]
            assert max(map(len, parts)) <= PIECE_BYTES
            assert sum(map(len, parts)) <= MAX_WAITING + PIECE_BYTES
            came += sum(map(len, parts))
        assert came == size
        await given

    run(test)


def test_who_leaves_amid_much_audio() -> None:
    """An engine that gives much audio in one call is stopped within it once nobody wants the rest."""

    async def test() -> None:
        events: EventQueue[object] = EventQueue()
        out = JobOutput(events, Activity())
        given = asyncio.create_task(asyncio.to_thread(out.audio, bytes(5 * MAX_WAITING)))
        await events.get_all()
        events.cancel()
        with pytest.raises(Stop):
            await given

    run(test)
