"""Encode one response without blocking the event loop: what the pipeline sees of encoding.

An Encoder turns one response's audio into the bytes of a file; an EncoderFactory opens encoders. They differ
in where their Transcoder runs: that of an InlineEncoder on the event loop, of a ThreadEncoder in a thread,
of an EncoderSession in an encoder process (`streaming.encode.pool`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio
import anyio.to_thread

from streaming.audio.joiner import TEMPO_TOLERANCE
from streaming.encode.transcoder import EncodedChunk, Transcoder, TranscodeRequest


class Encoder(Protocol):
    """Encodes one response, one call at a time.

    `slack` is how many seconds of audio the response's player has in hand: the least is encoded first.
    """

    def prepare(self) -> None:
        """Open what takes time before there is any PCM, where that can be done meanwhile; returns at once."""
        ...

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        ...

    @property
    def busy(self) -> bool:
        """Return whether other responses wait to be encoded."""
        ...

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Wait until a further segment may be synthesised ahead, for `timeout` seconds at most."""
        ...

    async def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        ...

    def close(self) -> None:
        """Free the codec, whether the file is finished or not; no call may be under way."""
        ...


class EncoderFactory(Protocol):
    """Opens encoders."""

    def open(self, request: TranscodeRequest) -> Encoder:
        """Return an encoder for one response."""
        ...


class InlineEncoder:
    """Encodes on the event loop: what costs less time than to hand it to a thread or process."""

    busy = False

    def __init__(self, request: TranscodeRequest) -> None:
        self._transcoder = Transcoder(request)
        self._filters_are_loaded = not self._transcoder.resamples

    def prepare(self) -> None:
        """Do nothing: there is no codec."""

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        if not self._filters_are_loaded:
            self._filters_are_loaded = True
            await anyio.to_thread.run_sync(self._transcoder.load_filters)
        return self._transcoder.push(pcm, ends_segment=ends_segment)

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Return at once."""

    async def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        return self._transcoder.finish()

    def close(self) -> None:
        """Free the codec."""
        self._transcoder.close()


def needs_no_codec(request: TranscodeRequest) -> bool:
    """Return whether a file is PCM but for its rate: a second of it takes a tenth of a millisecond."""
    return request.format in ("pcm", "wav") and abs(request.tempo - 1) < TEMPO_TOLERANCE


class AwaitedEncoder:
    """An encoder that `open` opens once what `ready` waits for is there; nothing is opened before there is
    PCM.
    """

    busy = False

    def __init__(
        self,
        request: TranscodeRequest,
        ready: Callable[[], Awaitable[None]],
        open: Callable[[TranscodeRequest], Encoder],
    ) -> None:
        self._request = request
        self._ready = ready
        self._open = open
        self._encoder: Encoder | None = None

    def prepare(self) -> None:
        """Do nothing: where it will be opened is not there yet."""

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        return await (await self._opened()).push(pcm, ends_segment=ends_segment, slack=slack)

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Wait until a further segment may be synthesised ahead, for `timeout` seconds at most."""
        await (await self._opened()).wait_to_prefetch(slack, timeout)

    async def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        return await (await self._opened()).finish()

    def close(self) -> None:
        """Free the codec."""
        if self._encoder:
            self._encoder.close()

    async def _opened(self) -> Encoder:
        if self._encoder is None:
            await self._ready()
            self._encoder = self._open(self._request)
        return self._encoder


class ThreadEncoderFactory:
    """Opens encoders that work in threads, as many at once as `limiter` allows."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter

    def open(self, request: TranscodeRequest) -> Encoder:
        """Return an encoder for one response."""
        return ThreadEncoder(request, self._limiter)


class ThreadEncoder:
    """Encodes in threads. Cancellation waits for the thread, which is short: FFmpeg must not be closed under
    it.
    """

    def __init__(self, request: TranscodeRequest, limiter: anyio.CapacityLimiter) -> None:
        self._request = request
        self._limiter = limiter
        self._transcoder: Transcoder | None = None

    def prepare(self) -> None:
        """Do nothing: a thread has the codec opened with the first PCM."""

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        return await anyio.to_thread.run_sync(self._push, pcm, ends_segment, limiter=self._limiter)

    @property
    def busy(self) -> bool:
        """Return whether others wait for a thread."""
        return self._limiter.statistics().tasks_waiting > 0

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Wait until a thread is free, for `timeout` seconds at most."""
        with anyio.move_on_after(timeout):
            async with self._limiter:
                return

    async def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        return await anyio.to_thread.run_sync(lambda: self._opened().finish(), limiter=self._limiter)

    def close(self) -> None:
        """Free the codec."""
        if self._transcoder:
            self._transcoder.close()

    def _push(self, pcm: bytes, ends_segment: bool) -> EncodedChunk:
        return self._opened().push(pcm, ends_segment=ends_segment)

    def _opened(self) -> Transcoder:
        """Return the transcoder, which is opened in the thread: FLAC's takes 15 ms."""
        if self._transcoder is None:
            self._transcoder = Transcoder(self._request)
        return self._transcoder
