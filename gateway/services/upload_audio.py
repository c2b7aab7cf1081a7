"""An uploaded recording on its way to an engine: decoded in threads, chunk by chunk, never held whole."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from typing import IO

from engines.api import BYTES_PER_SAMPLE
from engines.errors import SpeechError
from streaming.audio.decode import decode
from streaming.audio.decoding_threads import DecodingThreads, StoppableSource


class UploadAudio:
    """A recording as PCM at `rate` Hertz, s16le mono.

    `open` decodes the first chunk, so that what is no audio at all is refused before an engine is asked. What
    breaks later ends the audio, and `check` raises it: an engine that is being fed has no use for our errors.

    It can be read again from its begin, where the worker that got it was lost.
    """

    def __init__(self, source: IO[bytes], *, rate: int, max_seconds: float, threads: DecodingThreads) -> None:
        self._recording = source
        self._rate = rate
        self._max_seconds = max_seconds
        self._threads = threads
        self._lock = asyncio.Lock()
        """held while a thread decodes: who was cancelled may still wait for its end"""
        self._source, self._chunks = self._decoding()
        self._first = b""
        self._failure: SpeechError | None = None
        self.samples = 0

    @property
    def seconds(self) -> float:
        """How much has been decoded so far."""
        return self.samples / self._rate

    async def open(self, longest_wait: float) -> None:
        """Decode the first chunk. Raises BadAudio, and Overloaded where no thread came free for it in so many
        seconds.
        """
        self._first = await self._next_chunk(self._source, self._chunks, longest_wait)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the PCM as it is decoded, from the begin; nobody may read it at the same time."""
        if not self._first:
            async with self._lock:
                self._recording.seek(0)
                self._source, self._chunks = self._decoding()
        source, chunks = self._source, self._chunks
        self.samples, self._failure = 0, None
        chunk, self._first = self._first, b""
        try:
            chunk = chunk or await self._next_chunk(source, chunks)
            while chunk:
                self.samples += len(chunk) // BYTES_PER_SAMPLE
                yield chunk
                chunk = await self._next_chunk(source, chunks)
        except SpeechError as exc:
            self._failure = exc

    def check(self) -> None:
        """Raise what broke the recording on its way."""
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End the audio here, whoever reads it."""
        self._source.stop()

    def _decoding(self) -> tuple[StoppableSource, Iterator[bytes]]:
        source = StoppableSource(self._recording)
        return source, decode(source, rate=self._rate, max_seconds=self._max_seconds)

    async def _next_chunk(
        self, source: StoppableSource, chunks: Iterator[bytes], longest_wait: float = math.inf
    ) -> bytes:
        async with self._lock:
            return await self._threads.run(lambda: next(chunks, b""), source, longest_wait=longest_wait)
