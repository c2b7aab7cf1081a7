"""Segments in, encoded audio out: what joins the engine, the shaping and the encoder of one response.

A producer has the segments made, encodes their audio in order, and the response takes encoded chunks at its
own pace. While a segment is encoded, the next ones are made already. Between producer and response lies a
buffer measured in seconds of audio: a new segment is begun only while there is room in it, and one that has
begun is made to its end, so a slow reader never holds a worker. Memory is bounded by that buffer and the
segments under way, whatever the length of the text.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress

import anyio
import msgspec

from streaming.encode.encoders import EncoderFactory
from streaming.encode.transcoder import EncodedChunk, TranscodeRequest
from streaming.formats import OutputFormat
from streaming.pacing import Pacing
from streaming.segment_audio import RetryPolicy, SegmentAudio, Speak
from streaming.text.segments import Segment

SAMPLE_BYTES = 2
LOOK_AHEAD_SECONDS, LOOK_AHEAD_BUSY_SECONDS = 4.0, 1.0
"""audio that may wait for the encoder before no further segment is begun; the less where others wait for the
encoder too
"""
LARGEST_CHUNK = 65_536
"""bytes; what is handed on lies in the connection's buffer, beyond our own bound"""
HUNGRY_SECONDS = 2.0
"""a reader that has left more than this untaken is in no hurry for further segments"""
PLENTY_SECONDS = 2.0
"""a reader with more than this in hand begins further segments by turns: PCM that waits is most of what
streams hold
"""
PATIENCE_SECONDS = 10.0
"""what the best-off reader waits for its turn at most: who fetches faster than it plays has a time limit on
its reads too
"""
NEEDY_SECONDS = 0.75
"""a segment that has begun is encoded to its end before what is not, though never before a reader with less
than this in hand
"""
HOLD_SECONDS = 0.5
"""what a reader must have in hand for a segment to be held back until it is whole"""


class PipelineConfig(msgspec.Struct, frozen=True):
    """How the engine's audio becomes the response's."""

    format: OutputFormat
    retry_policy: RetryPolicy
    tempo: float = 1.0
    """what is left of the asked speed after the engine's own"""
    bitrate: int | None = None
    buffered_seconds: float = 10.0
    look_ahead: int = 1
    """segments that are made while another is encoded"""


class SpeechPipeline:
    """One response's audio, made once. `report` hears how many seconds are made, and how many of them not yet
    taken.
    """

    def __init__(
        self,
        config: PipelineConfig,
        segments: Iterator[Segment],
        speak: Speak,
        encoders: EncoderFactory,
        report: Callable[[float, float, float | None], None] = lambda made, ahead, dry_at: None,
    ) -> None:
        self._config = config
        self._segments = segments
        self._speak = speak
        self._report = report
        self._encoder = encoders.open(
            TranscodeRequest(config.format, config.retry_policy.rate, config.tempo, config.bitrate)
        )
        self._audio: deque[SegmentAudio] = deque()
        self._made: deque[EncodedChunk] = deque()
        self._changed = asyncio.Event()
        self._finished = False
        self._due = 0.0
        """when the reader would have run dry without the segment in hand"""
        self._uncoded = 0.0
        """seconds that went into the encoder, of which nothing has come out"""
        self.pacing = Pacing(config.format)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the encoded bytes as they are made; raises what the engine raises, after what was made before
        it.
        """
        producer = asyncio.create_task(self._produce())
        producer.add_done_callback(lambda _: self._changed.set())
        try:
            while not (self._finished or producer.done()) or self._made:
                if self._made:
                    yield self._take()
                else:
                    await self._wait()
            await producer
        finally:
            producer.cancel()
            with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError, Exception):
                await producer  # its thread may still be at work in the encoder
            self._encoder.close()

    def _take(self) -> bytes:
        """Take what is made, up to a bound: the more a reader lags, the fewer and larger its chunks."""
        chunks, size, seconds = [], 0, 0.0
        while self._made and size < LARGEST_CHUNK:
            coded = self._made.popleft()
            chunks.append(coded.data)
            size, seconds = size + len(coded.data), seconds + coded.seconds
        self.pacing.taken(seconds)
        self._send_report()
        self._changed.set()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _produce(self) -> None:
        try:
            while await self._next():
                await self._play(self._audio[0])
                self._audio.popleft()
            self._add(await self._encoder.finish())
            self._finished = True
        finally:
            for audio in self._audio:
                await audio.stop()

    async def _next(self) -> bool:
        """See to it that a segment is being made; False when there is none left."""
        if not self._audio:
            while self.pacing.ahead >= self._config.buffered_seconds:
                await self._wait()
            if (segment := next(self._segments, None)) is not None:
                await self._turn()
                self._begin(segment)
        return bool(self._audio)

    async def _turn(self) -> None:
        """Wait until a reader who is well off may have a further segment made, though never for long."""
        slack = self.pacing.slack(time.monotonic())
        if slack > PLENTY_SECONDS:
            await self._encoder.wait_to_prefetch(slack, min(slack - PLENTY_SECONDS, PATIENCE_SECONDS))

    def _begin(self, segment: Segment) -> None:
        self._audio.append(SegmentAudio(segment, self._speak, self._config.retry_policy))

    async def _play(self, audio: SegmentAudio) -> None:
        await self._hold(audio)
        now = time.monotonic()
        self._due = now + self.pacing.slack(now)
        ends = False
        while not ends:
            pcm = await audio.read(*self._piece())
            ends = not pcm or audio.spent
            self._look_ahead()
            await self._encode(pcm, ends=ends)

    async def _hold(self, audio: SegmentAudio) -> None:
        """Let a segment be made whole while the reader has enough in hand: what turns out bad can then be
        made again.
        """
        spare = self.pacing.slack(time.monotonic()) - HOLD_SECONDS
        if spare > 0:
            await audio.settle(spare)

    def _piece(self) -> tuple[int, int]:
        least, most = self.pacing.piece(time.monotonic())
        scale = SAMPLE_BYTES * self._config.retry_policy.rate * self._config.tempo
        return SAMPLE_BYTES * round(least * scale / SAMPLE_BYTES), SAMPLE_BYTES * round(
            most * scale / SAMPLE_BYTES
        )

    def _look_ahead(self) -> None:
        """Have further segments made, unless there is enough to encode already, or for the reader."""
        busy = self._encoder.busy
        enough = (
            (LOOK_AHEAD_BUSY_SECONDS if busy else LOOK_AHEAD_SECONDS)
            * SAMPLE_BYTES
            * self._config.retry_policy.rate
        )
        if sum(audio.waiting for audio in self._audio) > enough or self.pacing.ahead > HUNGRY_SECONDS:
            return
        if busy and self.pacing.slack(time.monotonic()) > PLENTY_SECONDS:
            return
        while (
            len(self._audio) <= self._config.look_ahead
            and (segment := next(self._segments, None)) is not None
        ):
            self._begin(segment)

    async def _encode(self, pcm: bytes, *, ends: bool) -> None:
        now = time.monotonic()
        slack = min(self.pacing.slack(now), max(NEEDY_SECONDS, self._due - now))
        self._add(await self._encoder.push(pcm, ends_segment=ends, slack=slack))

    def _add(self, coded: EncodedChunk) -> None:
        if coded.seconds:
            self.pacing.add(coded.seconds, time.monotonic())
            self._send_report()
        self._uncoded += coded.seconds
        if coded.data:
            self._made.append(EncodedChunk(coded.data, self._uncoded))
            self._uncoded = 0.0
            self._changed.set()

    def _send_report(self) -> None:
        self._report(self.pacing.made, self.pacing.ahead, self.pacing.dry_at)

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
