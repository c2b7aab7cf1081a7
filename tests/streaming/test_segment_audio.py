"""Takes and the production they make: what is tried again, what is told, what is held back, and how far ahead
it goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio
import pytest

from engines.api import Audio, SpeechEvent
from engines.errors import EngineFailed, RunAway
from streaming.encode.encoders import InlineEncoder, ThreadEncoders
from streaming.encode.transcoder import TranscodeRequest
from streaming.pipeline import PATIENCE_SECONDS, PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy, SegmentAudio, Speak
from streaming.text.segments import Segment

RATE = 24_000
WORDS = "twelve words of text that take a while to say all in all"
SECOND = bytes(2 * RATE)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def segment(index: int = 0) -> Segment:
    return Segment(WORDS, index * len(WORDS), (index + 1) * len(WORDS), index, True)


def speaking(*attempts: float | Exception, pace: float = 0.0) -> tuple[Speak, list[tuple[int, int]]]:
    """Make an engine that gives so many seconds of audio at each attempt, or raises; and the list of what it
    was asked.
    """
    asked: list[tuple[int, int]] = []

    async def speak(one: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
        asked.append((one.index, attempt))
        made = attempts[min(attempt, len(attempts) - 1)]
        if isinstance(made, Exception):
            yield Audio(b"\x10\x20" * 100)
            raise made
        for _ in range(round(made * 10)):
            await asyncio.sleep(pace)
            yield Audio(b"\x10\x20" * (RATE // 10))

    return speak, asked


class Heard:
    """Keeps what a take tells."""

    def __init__(self) -> None:
        self.retries: list[str] = []
        self.truncations = 0

    def retry_policy(self, *, streams: bool = True) -> RetryPolicy:
        """Make what tells it."""
        return RetryPolicy(RATE, streams=streams, on_retry=self.retries.append, on_truncation=self.truncated)

    def truncated(self) -> None:
        """Count."""
        self.truncations += 1


async def read(take: SegmentAudio) -> bytes:
    pcm = b""
    while more := await take.read(1, 10**9):
        pcm += more
    return pcm


@pytest.mark.parametrize(
    ("first", "reason"), [(RunAway("on and on"), "run away"), (0.1, "truncated"), (1000.0, "run away")]
)
def test_what_has_not_left_is_made_again(first: float | Exception, reason: str) -> None:
    """A take that went wrong before any of it was taken is made once more, and only the second is heard."""

    async def test() -> None:
        heard = Heard()
        speak, asked = speaking(first, 3.0)
        take = SegmentAudio(segment(), speak, heard.retry_policy())
        await take.settle(10)
        assert len(await read(take)) == 3 * len(SECOND)
        assert asked == [(0, 0), (0, 1)]
        assert (heard.retries, heard.truncations) == ([reason], 0)

    run(test)


def test_it_is_made_again_once_only() -> None:
    """What goes wrong twice is an error, or told where it is only too short."""

    async def test() -> None:
        heard = Heard()
        speak, asked = speaking(RunAway("on and on"))
        take = SegmentAudio(segment(), speak, heard.retry_policy(streams=False))
        with pytest.raises(RunAway):
            await read(take)
        assert len(asked) == 2
        speak, asked = speaking(0.1)
        take = SegmentAudio(segment(), speak, heard.retry_policy(streams=False))
        assert len(await read(take)) == len(SECOND) // 10
        assert (len(asked), heard.truncations) == (2, 1)

    run(test)


def test_what_has_left_is_not_made_again() -> None:
    """Once some has been taken, running away is an error: half of one and half of another would be worse."""

    async def test() -> None:
        heard = Heard()
        speak, asked = speaking(1000.0, pace=0.001)
        take = SegmentAudio(segment(), speak, heard.retry_policy())
        assert await take.read(1, 100)
        with pytest.raises(RunAway):
            await read(take)
        assert (len(asked), heard.retries) == (1, [])

    run(test)


def test_other_errors_are_not_tried_again() -> None:
    """An engine that fails has said why; only running away may be chance."""

    async def test() -> None:
        speak, asked = speaking(EngineFailed("no"))
        with pytest.raises(EngineFailed):
            await read(SegmentAudio(segment(), speak, Heard().retry_policy()))
        assert len(asked) == 1

    run(test)


def test_an_engine_that_does_not_stream_is_heard_out_first() -> None:
    """Where all comes at the end anyhow, nothing is given before it has been found good."""

    async def test() -> None:
        speak, _ = speaking(1000.0, 3.0)
        take = SegmentAudio(segment(), speak, Heard().retry_policy(streams=False))
        assert len(await take.read(1, 10**9)) == 3 * len(SECOND)

    run(test)


def production(
    speak: Speak, count: int = 6, *, look_ahead: int = 2, buffered: float = 10.0
) -> SpeechPipeline:
    config = PipelineConfig("pcm", RetryPolicy(RATE), buffered_seconds=buffered, look_ahead=look_ahead)
    encoders = ThreadEncoders(anyio.CapacityLimiter(2))
    return SpeechPipeline(config, iter([segment(index) for index in range(count)]), speak, encoders)


def test_segments_come_in_order_though_made_together() -> None:
    """Later segments that are ready first wait for their turn; none is lost."""

    async def test() -> None:
        async def speak(one: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            await asyncio.sleep(0.02 * (6 - one.index))
            yield Audio(bytes([0, one.index + 1]) * RATE * 3)

        async with aclosing(production(speak).chunks()) as chunks:
            pcm = b"".join([chunk async for chunk in chunks])
        marks = pcm[1 :: 2 * RATE]
        assert [mark for index, mark in enumerate(marks) if index % 3 == 1] == [1, 2, 3, 4, 5, 6]

    run(test)


def test_a_reader_that_stops_stops_the_making() -> None:
    """With nobody reading, no more segments are begun than fill the buffer; reading on begins the rest."""

    async def test() -> None:
        speak, asked = speaking(4.0)
        made = production(speak, 50, buffered=10.0)
        async with aclosing(made.chunks()) as chunks:
            await anext(chunks)
            await asyncio.sleep(0.3)
            begun = len(asked)
            assert begun <= 7
            async for _ in chunks:
                pass
        assert len(asked) == 50

    run(test)


def test_leaving_stops_all_that_is_under_way() -> None:
    """Closing a production closes the segments that are being made, also those ahead."""
    closed: list[int] = []

    async def test() -> None:
        async def speak(one: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            try:
                while True:
                    yield Audio(b"\x10\x20" * 2400)
                    await asyncio.sleep(0.05)
            finally:
                closed.append(one.index)

        async with aclosing(production(speak).chunks()) as chunks:
            await anext(chunks)
            await asyncio.sleep(0.1)
        assert sorted(closed) == [0, 1, 2]

    run(test)


def test_a_segment_is_held_back_while_there_is_time() -> None:
    """A later segment that runs away is made again unheard, since the reader had enough in hand to wait for
    its end.
    """

    async def test() -> None:
        async def speak(one: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            yield Audio(b"\x10\x20" * RATE * 3)
            if one.index == 1 and attempt == 0:
                raise RunAway("on and on")

        async with aclosing(production(speak, 3).chunks()) as chunks:
            assert sum([len(chunk) async for chunk in chunks]) == 9 * len(SECOND)

    run(test)


class Turning(InlineEncoder):
    """Notes each turn that is asked for, and how long one would wait for it."""

    def __init__(self, order: TranscodeRequest) -> None:
        super().__init__(order)
        self.patience: list[float] = []

    async def turn(self, slack: float, patience: float) -> None:
        """Note it."""
        self.patience.append(patience)


class TurningCoders:
    """Opens the one coder that there is."""

    def __init__(self, encoder: Turning) -> None:
        self._coder = encoder

    def open(self, order: TranscodeRequest) -> Turning:
        """Give it."""
        return self._coder

    def capacity(self) -> float:
        """Tell nothing."""
        return 0.0


def test_turns_are_asked_for_segments_alone_and_never_waited_for_long() -> None:
    """A reader far ahead asks for a turn before each further segment, not before the file's end, and waits
    seconds at most.
    """

    async def test() -> None:
        speak, _ = speaking(8.0)
        encoder = Turning(TranscodeRequest("pcm", RATE))
        config = PipelineConfig("pcm", RetryPolicy(RATE), buffered_seconds=1000.0, look_ahead=0)
        made = SpeechPipeline(
            config, iter([segment(index) for index in range(3)]), speak, TurningCoders(encoder)
        )
        async with aclosing(made.chunks()) as chunks:
            assert sum([len(chunk) async for chunk in chunks]) == 24 * len(SECOND)
        assert len(encoder.patience) == 2
        assert max(encoder.patience) == PATIENCE_SECONDS

    run(test)
