"""From segments to encoded audio: joins the engine and the encoder of one response.

A producer task has the segments synthesised, encodes their audio in order, and the response reads encoded
chunks at its own speed. While a segment is encoded, the next ones are synthesised already. Between producer
and response lies a buffer measured in seconds of audio: a new segment is begun only while the buffer has
space, and one that has begun is made to its end, so a slow reader never occupies a worker. Memory is bounded
by that buffer and the segments under way, whatever the length of the text.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress

import anyio
import msgspec

from engines.api import BYTES_PER_SAMPLE
from streaming.encode.encoders import EncoderFactory
from streaming.encode.transcoder import EncodedChunk, TranscodeRequest
from streaming.formats import OutputFormat
from streaming.pacing import Pacing
from streaming.segment_audio import NOTHING_TO_SAY_SECONDS, RetryPolicy, SegmentAudio, Speak, silence
from streaming.text.segments import Segment

LOOK_AHEAD_SECONDS = 4.0
"""with more audio than this waiting for the encoder no further segment is begun..."""
LOOK_AHEAD_BUSY_SECONDS = 1.0
"""...and with more than this where other streams wait for the encoder too"""
MAX_CHUNK_BYTES = 65_536
"""a chunk lies in the connection's buffer, beyond our own bound"""
UNREAD_SECONDS_ENOUGH = 2.0
"""a reader that has left more than this unread needs no further segments yet"""
SLACK_TO_PREFETCH_SECONDS = 2.0
"""a stream with more slack than this waits until it may prefetch a segment: PCM that waits is most of the
memory of streams
"""
PREFETCH_WAIT_MAX_SECONDS = 10.0
"""the longest it waits: a client that reads faster than it plays has a time limit on its reads too"""
SLACK_WITHIN_SEGMENT_SECONDS = 0.75
"""a segment under way is encoded to its end before others are begun, but never before streams with less slack
than this
"""
SLACK_WHILE_WAITING_SECONDS = 0.5
"""the slack that must remain while a segment is kept back until it is complete"""


class PipelineConfig(msgspec.Struct, frozen=True):
    """How the engine's audio becomes the response's."""

    format: OutputFormat
    retry_policy: RetryPolicy
    tempo: float = 1.0
    """what is left of the requested speed after the engine's own"""
    bitrate: int | None = None
    """bits per second"""
    buffered_seconds: float = 10.0
    """audio that is encoded and not read at most before a further segment is begun"""
    look_ahead: int = 1
    """segments that are synthesised while another is encoded"""
    in_turn: bool = False
    """a segment is synthesised only once the one before it is whole: the engine goes on from its end"""


class SpeechPipeline:
    """Makes one response's audio, once.

    `report` is called with the pacing's `made`, `ahead` and `dry_at` whenever they change.
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
        self._under_way: deque[SegmentAudio] = deque()
        """the segment that is encoded, and those that are synthesised after it"""
        self._unread: deque[EncodedChunk] = deque()
        self._changed = asyncio.Event()
        self._finished = False
        self._dry_without_segment = 0.0
        """when the player would have run dry without the segment that is encoded"""
        self._seconds_in_encoder = 0.0
        """seconds that went into the encoder, of which no bytes have come out"""
        self.pacing = Pacing(config.format)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the encoded bytes as they are made. Raises what the engine raises, after what was made before
        it.
        """
        producer = asyncio.create_task(self._produce())
        producer.add_done_callback(lambda _: self._changed.set())
        try:
            while not (self._finished or producer.done()) or self._unread:
                if self._unread:
                    yield self._next_chunk()
                else:
                    await self._wait_for_change()
            await producer
        finally:
            producer.cancel()
            with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError, Exception):
                await producer  # its thread may still be at work in the encoder
            self._encoder.close()

    def _next_chunk(self) -> bytes:
        """Return what is made, up to a bound: the more a reader lags, the fewer and larger its chunks."""
        chunks = []
        size = 0
        seconds = 0.0
        while self._unread and size < MAX_CHUNK_BYTES:
            chunk = self._unread.popleft()
            chunks.append(chunk.data)
            size += len(chunk.data)
            seconds += chunk.seconds
        self.pacing.record_read(seconds)
        self._send_report()
        self._changed.set()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _produce(self) -> None:
        """Synthesise and encode all segments, and end the file. A text of none becomes a short silence."""
        try:
            has_text = await self._ensure_segment()
            self._encoder.prepare()
            if not has_text:
                pcm = silence(NOTHING_TO_SAY_SECONDS, self._config.retry_policy.rate)
                await self._encode(pcm, ends_segment=True)
            while await self._ensure_segment():
                await self._encode_segment(self._under_way[0])
                self._under_way.popleft()
            self._add_encoded(await self._encoder.finish())
            self._finished = True
        finally:
            for audio in self._under_way:
                await audio.stop()

    async def _ensure_segment(self) -> bool:
        """Begin a segment unless one is under way, once the buffer has space; return False after the last."""
        if not self._under_way:
            while self.pacing.ahead >= self._config.buffered_seconds:
                await self._wait_for_change()
            if (segment := next(self._segments, None)) is not None:
                await self._wait_to_prefetch()
                self._begin(segment)
        return bool(self._under_way)

    async def _wait_to_prefetch(self) -> None:
        """Wait until a stream with much slack may have a further segment synthesised, but never for long."""
        slack = self.pacing.slack(time.monotonic())
        if slack > SLACK_TO_PREFETCH_SECONDS:
            timeout = min(slack - SLACK_TO_PREFETCH_SECONDS, PREFETCH_WAIT_MAX_SECONDS)
            await self._encoder.wait_to_prefetch(slack, timeout)

    def _begin(self, segment: Segment) -> None:
        self._under_way.append(SegmentAudio(segment, self._speak, self._config.retry_policy))

    async def _encode_segment(self, audio: SegmentAudio) -> None:
        if self._config.retry_policy.check is not None:
            self._look_ahead()  # while this one is transcribed the engine has nothing else to do
        await self._wait_until_complete(audio)
        now = time.monotonic()
        self._dry_without_segment = now + self.pacing.slack(now)
        ends_segment = False
        while not ends_segment:
            pcm = await audio.read(*self._next_read())
            ends_segment = not pcm or audio.exhausted
            self._look_ahead()
            await self._encode(pcm, ends_segment=ends_segment)

    async def _wait_until_complete(self, audio: SegmentAudio) -> None:
        """Wait for the end of a segment while the slack allows it: what is bad can then be made again."""
        spare = self.pacing.slack(time.monotonic()) - SLACK_WHILE_WAITING_SECONDS
        if spare > 0:
            await audio.wait_until_complete(spare)

    def _next_read(self) -> tuple[int, int]:
        """Return the least and the most bytes of PCM to read from the segment next."""
        least, most = self.pacing.next_chunk(time.monotonic())
        samples_per_second = self._config.retry_policy.rate * self._config.tempo
        return (
            BYTES_PER_SAMPLE * round(least * samples_per_second),
            BYTES_PER_SAMPLE * round(most * samples_per_second),
        )

    def _look_ahead(self) -> None:
        """Begin further segments, unless there is enough to encode already, or enough for the reader."""
        busy = self._encoder.busy
        seconds = LOOK_AHEAD_BUSY_SECONDS if busy else LOOK_AHEAD_SECONDS
        enough = seconds * BYTES_PER_SAMPLE * self._config.retry_policy.rate
        if sum(audio.buffered_bytes for audio in self._under_way) > enough:
            return
        if self.pacing.ahead > UNREAD_SECONDS_ENOUGH:
            return
        if busy and self.pacing.slack(time.monotonic()) > SLACK_TO_PREFETCH_SECONDS:
            return
        if self._config.in_turn and not all(audio.complete for audio in self._under_way):
            return
        most = min(1, self._config.look_ahead) if self._config.in_turn else self._config.look_ahead
        while len(self._under_way) <= most and (segment := next(self._segments, None)) is not None:
            self._begin(segment)

    async def _encode(self, pcm: bytes, *, ends_segment: bool) -> None:
        now = time.monotonic()
        without_segment = max(SLACK_WITHIN_SEGMENT_SECONDS, self._dry_without_segment - now)
        slack = min(self.pacing.slack(now), without_segment)
        self._add_encoded(await self._encoder.push(pcm, ends_segment=ends_segment, slack=slack))

    def _add_encoded(self, chunk: EncodedChunk) -> None:
        if chunk.seconds:
            self.pacing.record_made(chunk.seconds, time.monotonic())
            self._send_report()
        self._seconds_in_encoder += chunk.seconds
        if chunk.data:
            self._unread.append(EncodedChunk(chunk.data, self._seconds_in_encoder))
            self._seconds_in_encoder = 0.0
            self._changed.set()

    def _send_report(self) -> None:
        self._report(self.pacing.made, self.pacing.ahead, self.pacing.dry_at)

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
