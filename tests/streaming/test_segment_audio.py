"""Tests of segment audio and the pipeline: what is retried, reported and held back, and how far ahead
segments are synthesised.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio
import pytest

from engines.api import Audio, SpeechEvent
from engines.errors import EngineFailed, RunawayAudio
from streaming.encode.encoders import InlineEncoder, ThreadEncoderFactory
from streaming.encode.transcoder import TranscodeRequest
from streaming.pipeline import PREFETCH_WAIT_MAX_SECONDS, PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy, SegmentAudio, Speak
from streaming.text.segments import Segment

RATE = 24_000
WORDS = "twelve words of text that take a while to say all in all"
SECOND = bytes(2 * RATE)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def segment(index: int = 0) -> Segment:
    return Segment(WORDS, index * len(WORDS), (index + 1) * len(WORDS), index, True)


def engine(*attempts: float | Exception, pace: float = 0.0) -> tuple[Speak, list[tuple[int, int]]]:
    """Return an engine that yields so many seconds of audio at each attempt, or raises; and its calls, by
    segment and attempt.
    """
    calls: list[tuple[int, int]] = []

    async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
        calls.append((segment.index, attempt))
        outcome = attempts[min(attempt, len(attempts) - 1)]
        if isinstance(outcome, Exception):
            yield Audio(b"\x10\x20" * 100)
            raise outcome
        for _ in range(round(outcome * 10)):
            await asyncio.sleep(pace)
            yield Audio(b"\x10\x20" * (RATE // 10))

    return speak, calls


class Reports:
    """A retry policy's reports of one segment, recorded."""

    def __init__(self) -> None:
        self.retries: list[str] = []
        self.truncations = 0

    def retry_policy(self, *, engine_streams: bool = True) -> RetryPolicy:
        """Return a policy that reports here."""
        return RetryPolicy(
            RATE, engine_streams=engine_streams, on_retry=self.retries.append, on_truncation=self.truncated
        )

    def truncated(self) -> None:
        """Count a truncation."""
        self.truncations += 1


async def read_all(audio: SegmentAudio) -> bytes:
    pcm = b""
    while more := await audio.read(1, 10**9):
        pcm += more
    return pcm


@pytest.mark.parametrize(
    ("first", "reason"), [(RunawayAudio("on and on"), "run away"), (0.1, "truncated"), (1000.0, "run away")]
)
def test_faulty_audio_is_retried_before_it_is_read(first: float | Exception, reason: str) -> None:
    """Audio that is found faulty before any of it was read is synthesised once more, and only the second is
    read.
    """

    async def test() -> None:
        reports = Reports()
        speak, calls = engine(first, 3.0)
        audio = SegmentAudio(segment(), speak, reports.retry_policy())
        await audio.wait_until_complete(10)
        assert len(await read_all(audio)) == 3 * len(SECOND)
        assert calls == [(0, 0), (0, 1)]
        assert (reports.retries, reports.truncations) == ([reason], 0)

    run(test)


def test_there_is_one_retry() -> None:
    """Audio that is faulty twice is an error, or reported where it is only too short."""

    async def test() -> None:
        reports = Reports()
        speak, calls = engine(RunawayAudio("on and on"))
        audio = SegmentAudio(segment(), speak, reports.retry_policy(engine_streams=False))
        with pytest.raises(RunawayAudio):
            await read_all(audio)
        assert len(calls) == 2
        speak, calls = engine(0.1)
        audio = SegmentAudio(segment(), speak, reports.retry_policy(engine_streams=False))
        assert len(await read_all(audio)) == len(SECOND) // 10
        assert (len(calls), reports.truncations) == (2, 1)

    run(test)


def test_audio_that_was_read_is_not_retried() -> None:
    """Once some audio has been read, running away is an error: half of one and half of another would be
    worse.
    """

    async def test() -> None:
        reports = Reports()
        speak, calls = engine(1000.0, pace=0.001)
        audio = SegmentAudio(segment(), speak, reports.retry_policy())
        assert await audio.read(1, 100)
        with pytest.raises(RunawayAudio):
            await read_all(audio)
        assert (len(calls), reports.retries) == (1, [])

    run(test)


def test_other_errors_are_not_tried_again() -> None:
    """An engine's own error is not retried; only running away may be chance."""

    async def test() -> None:
        speak, calls = engine(EngineFailed("no"))
        with pytest.raises(EngineFailed):
            await read_all(SegmentAudio(segment(), speak, Reports().retry_policy()))
        assert len(calls) == 1

    run(test)


def test_no_audio_is_an_error_where_a_text_says_something() -> None:
    """An engine that twice gives nothing for letters has failed; once is mended by the second attempt."""

    async def test() -> None:
        for streams in (True, False):
            reports = Reports()
            speak, calls = engine(0.0)
            with pytest.raises(EngineFailed, match="no audio"):
                await read_all(SegmentAudio(segment(), speak, reports.retry_policy(engine_streams=streams)))
            assert (len(calls), reports.truncations) == (2, 0), streams
        speak, _ = engine(0.0, 3.0)
        audio = SegmentAudio(segment(), speak, Reports().retry_policy())
        assert len(await read_all(audio)) == 3 * len(SECOND)

    run(test)


@pytest.mark.parametrize("text", [" \n ", "😀", "...", None])
def test_a_text_that_says_nothing_is_a_short_silence(text: str | None) -> None:
    """Where an engine gives nothing for signs, or a text has no segments, the file is no empty one."""

    async def test() -> None:
        speak, calls = engine(0.0)
        segments = [] if text is None else [Segment(text, 0, len(text), 0, True)]
        config = PipelineConfig("pcm", RetryPolicy(RATE))
        encoders = ThreadEncoderFactory(anyio.CapacityLimiter(1))
        pipeline = SpeechPipeline(config, iter(segments), speak, encoders)
        async with aclosing(pipeline.chunks()) as chunks:
            pcm = b"".join([chunk async for chunk in chunks])
        assert pcm == bytes(len(pcm)) and 0 < len(pcm) < len(SECOND)
        assert len(calls) == len(segments)

    run(test)


def test_audio_of_an_engine_that_does_not_stream() -> None:
    """Of an engine that emits all at its end, nothing is read before it has been checked."""

    async def test() -> None:
        speak, _ = engine(1000.0, 3.0)
        audio = SegmentAudio(segment(), speak, Reports().retry_policy(engine_streams=False))
        assert len(await audio.read(1, 10**9)) == 3 * len(SECOND)

    run(test)


def make_pipeline(
    speak: Speak, count: int = 6, *, look_ahead: int = 2, buffered: float = 10.0
) -> SpeechPipeline:
    config = PipelineConfig("pcm", RetryPolicy(RATE), buffered_seconds=buffered, look_ahead=look_ahead)
    encoders = ThreadEncoderFactory(anyio.CapacityLimiter(2))
    return SpeechPipeline(config, iter([segment(index) for index in range(count)]), speak, encoders)


def test_segments_come_in_order() -> None:
    """Segments are synthesised at the same time; those that are ready early wait for the previous ones, and
    none is lost.
    """

    async def test() -> None:
        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            await asyncio.sleep(0.02 * (6 - segment.index))
            yield Audio(bytes([0, segment.index + 1]) * RATE * 3)

        async with aclosing(make_pipeline(speak).chunks()) as chunks:
            pcm = b"".join([chunk async for chunk in chunks])
        marks = pcm[1 :: 2 * RATE]
        assert [mark for index, mark in enumerate(marks) if index % 3 == 1] == [1, 2, 3, 4, 5, 6]

    run(test)


def test_a_reader_that_stops_stops_the_engine() -> None:
    """While nobody reads, no more segments are begun than fill the buffer; reading on begins the rest."""

    async def test() -> None:
        speak, calls = engine(4.0)
        pipeline = make_pipeline(speak, 50, buffered=10.0)
        async with aclosing(pipeline.chunks()) as chunks:
            await anext(chunks)
            await asyncio.sleep(0.3)
            begun = len(calls)
            assert begun <= 7
            async for _ in chunks:
                pass
        assert len(calls) == 50

    run(test)


def test_closing_a_pipeline_closes_its_segments() -> None:
    """Closing a pipeline closes the segments that are being synthesised, also those ahead."""
    closed: list[int] = []

    async def test() -> None:
        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            try:
                while True:
                    yield Audio(b"\x10\x20" * 2400)
                    await asyncio.sleep(0.05)
            finally:
                closed.append(segment.index)

        async with aclosing(make_pipeline(speak).chunks()) as chunks:
            await anext(chunks)
            await asyncio.sleep(0.1)
        assert sorted(closed) == [0, 1, 2]

    run(test)


def test_a_segment_is_held_back_while_there_is_time() -> None:
    """A later segment that runs away is retried before any of it is sent, since the slack sufficed to wait
    for its end.
    """

    async def test() -> None:
        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            yield Audio(b"\x10\x20" * RATE * 3)
            if segment.index == 1 and attempt == 0:
                raise RunawayAudio("on and on")

        async with aclosing(make_pipeline(speak, 3).chunks()) as chunks:
            assert sum([len(chunk) async for chunk in chunks]) == 9 * len(SECOND)

    run(test)


class RecordingEncoder(InlineEncoder):
    """An encoder that records how long each prefetch would wait."""

    def __init__(self, request: TranscodeRequest) -> None:
        super().__init__(request)
        self.timeouts: list[float] = []

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Record the timeout."""
        self.timeouts.append(timeout)


class OneEncoder:
    """An encoder pool with a single encoder."""

    def __init__(self, encoder: RecordingEncoder) -> None:
        self._encoder = encoder

    def open(self, request: TranscodeRequest) -> RecordingEncoder:
        """Return it."""
        return self._encoder


def test_only_segments_wait_to_be_prefetched_and_never_for_long() -> None:
    """A stream with much slack waits before each further segment, not before the file's end, and for seconds
    at most.
    """

    async def test() -> None:
        speak, _ = engine(8.0)
        encoder = RecordingEncoder(TranscodeRequest("pcm", RATE))
        config = PipelineConfig("pcm", RetryPolicy(RATE), buffered_seconds=1000.0, look_ahead=0)
        pipeline = SpeechPipeline(
            config, iter([segment(index) for index in range(3)]), speak, OneEncoder(encoder)
        )
        async with aclosing(pipeline.chunks()) as chunks:
            assert sum([len(chunk) async for chunk in chunks]) == 24 * len(SECOND)
        assert len(encoder.timeouts) == 2
        assert max(encoder.timeouts) == PREFETCH_WAIT_MAX_SECONDS

    run(test)
