"""Segments in, encoded audio out: what joins the engine, the shaping and the encoder of one response.

A producer makes the segments' audio, in order, and encodes it as it comes; the response takes encoded chunks at its own
pace. Between them lies a buffer measured in seconds of audio. It bounds how far the producer gets ahead: a new segment is
begun only while there is room, and one that has begun is made to its end, so a slow reader never holds a worker. Memory is
bounded by that buffer and one segment, whatever the length of the text.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress

import anyio
import anyio.to_thread
import msgspec

from engines.api import Audio, AudioFormat, SpeechEvent
from streaming.encode import Encoder, open_encoder
from streaming.shape import Joiner, Shaper
from streaming.text import Segment

RATE = 24_000
"""Hertz, of everything that is sent"""
SAMPLE_BYTES = 2


class Recipe(msgspec.Struct, frozen=True):
    """How the engine's audio becomes the response's."""

    format: AudioFormat
    source_rate: int
    tempo: float = 1.0
    """what is left of the asked speed after the engine's own"""
    bitrate: int | None = None
    buffered_seconds: float = 10.0


class Production:
    """One response's audio, made once.

    `speak` gives the events of one segment and is closed when nobody wants the rest. `seconds` counts the audio made so far.
    """

    def __init__(
        self,
        recipe: Recipe,
        segments: Iterable[Segment],
        speak: Callable[[Segment], AsyncGenerator[SpeechEvent, None]],
        codecs: anyio.CapacityLimiter,
    ) -> None:
        self._recipe = recipe
        self._segments = segments
        self._speak = speak
        self._codecs = codecs
        self._encoder: Encoder = open_encoder(recipe.format, bitrate=recipe.bitrate, rate=RATE)
        self._joiner = Joiner(recipe.source_rate)
        self._shaper = Shaper(recipe.source_rate, tempo=recipe.tempo, target_rate=RATE)
        self._made: deque[tuple[bytes, float]] = deque()
        self._ahead = 0.0
        self._changed = asyncio.Event()
        self._finished = False
        self.media_type = self._encoder.media_type
        self.seconds = 0.0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the encoded bytes as they are made; raises what the engine raises, after what was made before it."""
        producer = asyncio.create_task(self._produce())
        producer.add_done_callback(self._wake)
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
        """Take all that is made: the more a reader lags, the fewer and larger its chunks."""
        chunks = [chunk for chunk, _ in self._made]
        self._made.clear()
        self._ahead = 0.0
        self._changed.set()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _produce(self) -> None:
        for segment in self._segments:
            while self._ahead >= self._recipe.buffered_seconds:
                await self._wait()
            await self._make(segment)
        await self._encode(None)
        self._finished = True

    async def _make(self, segment: Segment) -> None:
        self._joiner.begin()
        async with aclosing(self._speak(segment)) as events:
            async for event in events:
                if isinstance(event, Audio):
                    await self._encode(event.pcm)
        await self._encode(b"", ends=True)

    async def _encode(self, pcm: bytes | None, *, ends: bool = False) -> None:
        """Shape and encode in a thread; None ends the file. Cancellation waits for the thread, which is short."""
        encoded, seconds = await anyio.to_thread.run_sync(self._shape, pcm, ends, limiter=self._codecs)
        self.seconds += seconds
        if encoded:
            self._made.append((encoded, seconds))
            self._ahead += seconds
            self._changed.set()

    def _shape(self, pcm: bytes | None, ends: bool) -> tuple[bytes, float]:
        if pcm is None:
            tail = self._shaper.finish()
            return self._encoder.push(tail) + self._encoder.finish(), _seconds(tail)
        shaped = self._shaper.push(self._joiner.push(pcm) + (self._joiner.end() if ends else b""))
        return (self._encoder.push(shaped), _seconds(shaped)) if shaped else (b"", 0.0)

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _wake(self, _task: object) -> None:
        self._changed.set()


def _seconds(pcm: bytes) -> float:
    return len(pcm) / (SAMPLE_BYTES * RATE)
