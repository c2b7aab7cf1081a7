"""Tests of segments behind the first that run away: what is being heard is not broken off where another take helps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio
import pytest

from engines.api import Audio, SpeechEvent
from engines.errors import RunawayAudio
from streaming.encode.encoders import ThreadEncoderFactory
from streaming.pipeline import PipelineConfig, SpeechPipeline
from streaming.segment_audio import LATER_ATTEMPTS, RetryPolicy, SegmentAudio, Speak
from streaming.text.attempts import Result
from streaming.text.segments import Segment

RATE = 24_000
WORDS = "twelve words of text that take a while to say all in all"
TENTH = b"\x10\x20" * (RATE // 10)
WHOLE = 30 * TENTH


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def segment(index: int) -> Segment:
    return Segment(WORDS, index * len(WORDS), (index + 1) * len(WORDS), index, True)


def engine(bad_takes: int, *, bad_segment: int = 1) -> tuple[Speak, list[tuple[int, int]]]:
    """Return an engine that runs away in the first takes of one segment; and its calls, by segment and attempt."""
    calls: list[tuple[int, int]] = []

    async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
        calls.append((segment.index, attempt))
        if segment.index == bad_segment and attempt < bad_takes:
            yield Audio(TENTH)
            raise RunawayAudio("on and on")
        for _ in range(30):
            yield Audio(TENTH)

    return speak, calls


class Check:
    """A transcriber that hears all words, and may have one take of each segment."""

    most_attempts = 1

    def __init__(self) -> None:
        self.results: list[Result] = []

    async def transcribe(self, pcm: bytes, rate: int) -> str | None:
        """Return all words."""
        return WORDS

    def decided(self, result: Result, *, varies: bool) -> None:
        """Note a result."""
        self.results.append(result)


async def read_all(audio: SegmentAudio) -> bytes:
    pcm = b""
    await audio.wait_until_complete(30)
    while more := await audio.read(1, 10**9):
        pcm += more
    return pcm


@pytest.mark.parametrize("takes", [2, 1])
@pytest.mark.parametrize("check", [None, Check()])
def test_a_later_segment_has_more_takes(takes: int, check: Check | None) -> None:
    """A later segment of which nothing was read may run away more often than the first, verified or not, and also
    where the caller chose the seed, so that nothing else is made again; only the good take is read.
    """

    async def test() -> None:
        retries: list[str] = []
        policy = RetryPolicy(RATE, on_retry=retries.append, max_attempts=takes, check=check)
        speak, calls = engine(LATER_ATTEMPTS - 1)
        assert await read_all(SegmentAudio(segment(1), speak, policy)) == WHOLE
        assert [attempt for _, attempt in calls] == list(range(LATER_ATTEMPTS))
        assert retries == ["run away"] * (LATER_ATTEMPTS - 1)
        assert check is None or check.results.pop() == "mended"

    run(test)


def test_the_takes_of_a_later_segment_have_an_end() -> None:
    """A later segment that always runs away is an error after so many takes; the first one's stay as they were."""

    async def test() -> None:
        for index, most in ((1, LATER_ATTEMPTS), (0, 2)):
            speak, calls = engine(100, bad_segment=index)
            with pytest.raises(RunawayAudio):
                await read_all(SegmentAudio(segment(index), speak, RetryPolicy(RATE, engine_streams=False)))
            assert len(calls) == most

    run(test)


def test_a_short_take_of_a_chosen_seed_stays() -> None:
    """What a caller's seed gives is sent although it is far too short, in later segments too."""

    async def test() -> None:
        calls: list[int] = []

        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            calls.append(attempt)
            yield Audio(TENTH)

        policy = RetryPolicy(RATE, max_attempts=1)
        assert await read_all(SegmentAudio(segment(1), speak, policy)) == TENTH
        assert calls == [0]

    run(test)


def test_a_stream_goes_on_behind_a_segment_that_ran_away() -> None:
    """A stream whose second segment runs away three times comes whole."""

    async def test() -> None:
        speak, calls = engine(3)
        config = PipelineConfig("pcm", RetryPolicy(RATE))
        encoders = ThreadEncoderFactory(anyio.CapacityLimiter(2))
        pipeline = SpeechPipeline(config, iter([segment(index) for index in range(4)]), speak, encoders)
        async with aclosing(pipeline.chunks()) as chunks:
            size = sum([len(chunk) async for chunk in chunks])
        assert size == 4 * len(WHOLE)
        assert sorted(calls) == [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (3, 0)]

    run(test)
