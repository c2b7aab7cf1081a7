"""Tests of when a segment is made again and when not, and of how much of one is encoded at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from engines.api import Audio, SpeechEvent
from engines.errors import ChildLost, EngineFailed
from streaming.encode.encoders import InlineEncoder
from streaming.encode.transcoder import EncodedChunk, TranscodeRequest
from streaming.pacing import FIRST_CHUNK_SECONDS
from streaming.pipeline import PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy, SegmentAudio
from streaming.text.segments import Segment

RATE = 24_000
WORDS = "twelve words of text that take a while to say all in all"
SEGMENT = Segment(WORDS, 0, len(WORDS), 0, True)
TENTH = b"\x10\x20" * (RATE // 10)


def test_too_little_that_was_read_is_reported_only() -> None:
    """Once some of it was read, audio that is far too short is not made again, which would say its begin twice."""

    async def test() -> None:
        calls: list[int] = []
        truncations: list[bool] = []
        was_read = asyncio.Event()

        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            calls.append(attempt)
            yield Audio(TENTH)
            await was_read.wait()

        policy = RetryPolicy(RATE, on_truncation=lambda: truncations.append(True))
        audio = SegmentAudio(SEGMENT, speak, policy)
        assert await audio.read(1, 100) == TENTH[:100]
        was_read.set()
        assert await audio.read(10**9, 10**9) == TENTH[100:]
        assert await audio.read(1, 10**9) == b""
        assert (calls, truncations) == ([0], [True])

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_lost_worker_is_replaced_once() -> None:
    """A segment whose worker is lost is begun anew, with nothing left of the first; lost again, it is an error that
    says it was tried already.
    """

    async def test() -> None:
        calls: list[int] = []
        retries: list[str] = []
        losses = 1

        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            calls.append(attempt)
            yield Audio(TENTH)
            if len(calls) <= losses:
                raise ChildLost("gone")
            for _ in range(29):
                yield Audio(TENTH)

        policy = RetryPolicy(RATE, engine_streams=False, on_retry=retries.append)
        assert await SegmentAudio(SEGMENT, speak, policy).read(1, 10**9) == 30 * TENTH
        assert (calls, retries) == ([0, 0], ["lost"])

        calls.clear()
        losses = 2
        with pytest.raises(ChildLost) as caught:
            await SegmentAudio(SEGMENT, speak, policy).read(1, 10**9)
        assert caught.value.repeated
        assert len(calls) == 2

    asyncio.run(asyncio.wait_for(test(), 30))


class MeasuringEncoder(InlineEncoder):
    """An encoder that notes how much it gets at once, and may be opened once."""

    def __init__(self, request: TranscodeRequest) -> None:
        super().__init__(request)
        self.sizes: list[int] = []

    def open(self, request: TranscodeRequest) -> MeasuringEncoder:
        """Return itself."""
        return self

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Note the size, and encode."""
        self.sizes.append(len(pcm))
        return await super().push(pcm, ends_segment=ends_segment, slack=slack)


@pytest.mark.parametrize(
    ("samples", "told"), [(0, "no audio"), (1, "1 samples of audio"), (239, "239 samples")]
)
def test_hardly_any_audio_is_none(samples: int, told: str) -> None:
    """An engine that gives no audio for a text, or some samples of it, has failed: nobody hears a file of one sample."""

    async def test() -> None:
        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            yield Audio(bytes(2 * samples))

        with pytest.raises(EngineFailed, match=f"The engine gave {told}"):
            await SegmentAudio(SEGMENT, speak, RetryPolicy(RATE)).read(10**6, 10**9)

    asyncio.run(asyncio.wait_for(test(), 30))


@pytest.mark.parametrize("tempo", [0.5, 1.0, 2.0])
def test_chunks_are_as_long_as_they_are_played(tempo: float) -> None:
    """The first chunk is so much of the engine's audio as makes the shortest one of what is sent, at any tempo."""

    async def test() -> None:
        async def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            for _ in range(30):
                yield Audio(TENTH)

        encoder = MeasuringEncoder(TranscodeRequest("pcm", RATE, tempo))
        pipeline = SpeechPipeline(
            PipelineConfig("pcm", RetryPolicy(RATE), tempo), iter([SEGMENT]), speak, encoder
        )
        async with aclosing(pipeline.chunks()) as chunks:
            made = sum([len(chunk) async for chunk in chunks])
        assert encoder.sizes[0] == 2 * round(FIRST_CHUNK_SECONDS["pcm"] * RATE * tempo)
        assert made == pytest.approx(3 / tempo * 2 * RATE, rel=0.05)

    asyncio.run(asyncio.wait_for(test(), 30))
