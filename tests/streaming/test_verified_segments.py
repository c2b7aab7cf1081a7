"""Tests of verified segments: what is transcribed, when it may be read, and that it ends with its reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio
import pytest

from engines.api import Audio, SpeechEvent
from engines.errors import EngineFailed, RunawayAudio
from streaming.encode.encoders import ThreadEncoderFactory
from streaming.pipeline import PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy, SegmentAudio, Speak
from streaming.text.attempts import Result
from streaming.text.segments import Segment

RATE = 24_000
WORDS = "twelve words of text that take a while to say all in all"
LACKING = WORDS.replace("while ", "")


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def segment(index: int = 0, text: str = WORDS) -> Segment:
    return Segment(text, index * len(text), (index + 1) * len(text), index, True)


class Check:
    """A transcriber that says what it is told, take by take, and notes what came of the segments."""

    def __init__(self, *transcripts: str | None, takes: int = 3, wait: asyncio.Event | None = None) -> None:
        self.most_attempts = takes
        self.heard: list[bytes] = []
        self.results: list[tuple[Result, bool]] = []
        self.stopped = 0
        self._transcripts = list(transcripts)
        self._wait = wait
        self._begun = [asyncio.Event() for _ in range(10)]

    async def until_begun(self, count: int) -> None:
        """Wait until so many takes have come."""
        await self._begun[count - 1].wait()

    async def transcribe(self, pcm: bytes, rate: int) -> str | None:
        """Return the next transcript, the last one again and again."""
        self._begun[len(self.heard)].set()
        self.heard.append(pcm)
        if self._wait:
            try:
                await self._wait.wait()
            except asyncio.CancelledError:
                self.stopped += 1
                raise
        return self._transcripts.pop(0) if len(self._transcripts) > 1 else self._transcripts[0]

    def decided(self, result: Result, *, varies: bool) -> None:
        """Note a result."""
        self.results.append((result, varies))


def engine(*takes: int | Exception) -> tuple[Speak, list[tuple[int, int]]]:
    """Return an engine whose takes are so many samples of a level of their own, or raise; and its calls."""
    calls: list[tuple[int, int]] = []

    async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
        calls.append((segment.index, attempt))
        take = takes[min(attempt, len(takes) - 1)]
        if isinstance(take, Exception):
            raise take
        yield Audio(bytes([take % 256, 16]) * take)

    return speak, calls


def verified(speak: Speak, check: Check, text: str = WORDS) -> tuple[SegmentAudio, list[str]]:
    """Return a verified segment, and the reasons for its further takes."""
    reasons: list[str] = []
    policy = RetryPolicy(RATE, on_retry=reasons.append, check=check)
    return SegmentAudio(segment(text=text), speak, policy), reasons


async def read_all(audio: SegmentAudio) -> bytes:
    pcm = b""
    while more := await audio.read(1, 10**9):
        pcm += more
    return pcm


def test_the_take_with_all_words_is_read() -> None:
    """A take that lacks a word is transcribed, made again, and never read; the next is read as it is."""

    async def test() -> None:
        check = Check(LACKING, WORDS)
        speak, calls = engine(90_000, 100_000)
        audio, reasons = verified(speak, check)
        assert len(await read_all(audio)) == 200_000
        assert [len(pcm) for pcm in check.heard] == [180_000, 200_000]
        assert (calls, reasons, check.results) == ([(0, 0), (0, 1)], ["missing words"], [("mended", True)])

    run(test)


def test_nothing_is_read_before_it_was_transcribed() -> None:
    """A segment that is whole and not transcribed yet has nothing to read."""

    async def test() -> None:
        heard = asyncio.Event()
        check = Check(WORDS, wait=heard)
        audio, _ = verified(engine(90_000)[0], check)
        reading = asyncio.create_task(audio.read(1, 10**9))
        await check.until_begun(1)
        await asyncio.sleep(0.05)
        assert not reading.done()
        heard.set()
        assert len(await reading) == 180_000

    run(test)


def test_stopping_ends_the_transcription() -> None:
    """A segment that nobody wants any more stops the transcriber's job too."""

    async def test() -> None:
        check = Check(WORDS, wait=asyncio.Event())
        audio, _ = verified(engine(90_000)[0], check)
        await check.until_begun(1)
        await audio.stop()
        assert check.stopped == 1

    run(test)


def test_the_same_reading_is_not_transcribed_again() -> None:
    """An engine that says the same again is not asked a third time, and is reported as one that does not vary."""

    async def test() -> None:
        check = Check(LACKING)
        speak, calls = engine(90_000, 90_000)
        audio, _ = verified(speak, check)
        assert len(await read_all(audio)) == 180_000
        assert (len(calls), len(check.heard), check.results) == (2, 1, [("doubtful", False)])

    run(test)


def test_the_best_of_all_takes_is_read() -> None:
    """Where each take lacks words, the one that lacks the fewest is read, whichever it was."""

    async def test() -> None:
        check = Check(WORDS.replace("text that take ", ""), LACKING, WORDS.replace(" in all", ""))
        speak, calls = engine(90_000, 100_000, 95_000)
        audio, _ = verified(speak, check)
        assert len(await read_all(audio)) == 200_000
        assert (len(calls), check.results) == (3, [("doubtful", True)])

    run(test)


def test_a_take_that_ran_away_is_made_again() -> None:
    """Running away costs a take, up to as many as there may be; then it is the error that it always was."""

    async def test() -> None:
        speak, calls = engine(RunawayAudio("on and on"), RunawayAudio("on and on"), 90_000)
        check = Check(WORDS)
        audio, reasons = verified(speak, check)
        assert len(await read_all(audio)) == 180_000
        assert (reasons, check.results) == (["run away", "run away"], [("mended", True)])
        speak, calls = engine(RunawayAudio("on and on"))
        with pytest.raises(RunawayAudio):
            await read_all(verified(speak, Check(WORDS))[0])
        assert len(calls) == 3

    run(test)


def test_an_engine_that_fails_the_second_time() -> None:
    """A take that was made is sent although a further one could not be; a first one that fails is an error."""

    async def test() -> None:
        speak, calls = engine(90_000, EngineFailed("no"))
        check = Check(LACKING)
        assert len(await read_all(verified(speak, check)[0])) == 180_000
        assert (len(calls), check.results) == (2, [("doubtful", True)])
        with pytest.raises(EngineFailed):
            await read_all(verified(engine(EngineFailed("no"))[0], check)[0])

    run(test)


def test_what_cannot_be_transcribed_is_read() -> None:
    """Without a transcript a segment is read as it is, and is reported as unheard."""

    async def test() -> None:
        check = Check(None)
        assert len(await read_all(verified(engine(90_000)[0], check)[0])) == 180_000
        assert check.results == [("unheard", True)]

    run(test)


def test_a_segment_without_words_is_not_transcribed() -> None:
    """There is nothing to miss in punctuation."""

    async def test() -> None:
        check = Check(WORDS)
        assert len(await read_all(verified(engine(9_000)[0], check, "... !")[0])) == 18_000
        assert (check.heard, check.results) == ([], [])

    run(test)


def test_the_next_segment_is_made_while_one_is_transcribed() -> None:
    """The engine does not wait for the transcriber: it is at the next segment meanwhile, and at no further one."""

    async def test() -> None:
        heard = asyncio.Event()
        check = Check(WORDS, wait=heard)
        speak, calls = engine(90_000)
        config = PipelineConfig("pcm", RetryPolicy(RATE, check=check), look_ahead=1)
        encoders = ThreadEncoderFactory(anyio.CapacityLimiter(2))
        pipeline = SpeechPipeline(config, iter([segment(index) for index in range(4)]), speak, encoders)
        async with aclosing(pipeline.chunks()) as chunks:
            first = asyncio.create_task(anext(chunks))
            await check.until_begun(2)
            await asyncio.sleep(0.05)
            assert calls == [(0, 0), (1, 0)]
            heard.set()
            size = len(await first) + sum([len(chunk) async for chunk in chunks])
        assert size == 4 * 180_000
        assert [result for result, _ in check.results] == 4 * ["clean"]

    run(test)
