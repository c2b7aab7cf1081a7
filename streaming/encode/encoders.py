"""Where files are encoded: in threads of this process, or in processes of their own
(`streaming.encode.pool`).
"""

from __future__ import annotations

from typing import Protocol

import anyio
import anyio.to_thread

from streaming.audio.joiner import SAME_TEMPO
from streaming.encode.transcoder import EncodedChunk, Transcoder, TranscodeRequest


class Encoder(Protocol):
    """Makes one response's file. One call at a time; `slack` is how many seconds of audio its reader has in
    hand.
    """

    async def push(self, pcm: bytes, *, ends: bool, slack: float) -> EncodedChunk:
        """Take some PCM of a segment; `ends` ends the segment. Raises EngineFailed."""
        ...

    @property
    def busy(self) -> bool:
        """Tell whether others wait."""
        ...

    async def turn(self, slack: float, patience: float) -> None:
        """Wait for this file's turn to have a further segment made, for so many seconds at most."""
        ...

    async def finish(self) -> EncodedChunk:
        """End the file. Raises EngineFailed."""
        ...

    def close(self) -> None:
        """Drop everything; nothing is under way any more."""
        ...


class EncoderFactory(Protocol):
    """Opens coders."""

    def open(self, order: TranscodeRequest) -> Encoder:
        """Open a coder for one file."""
        ...


class InlineEncoder:
    """Works where it is called: for what takes less time than the way to another thread or process and back."""

    busy = False

    def __init__(self, order: TranscodeRequest) -> None:
        self._chain = Transcoder(order)

    async def push(self, pcm: bytes, *, ends: bool, slack: float) -> EncodedChunk:
        """Take some PCM of a segment; `ends` ends the segment. Raises EngineFailed."""
        return self._chain.push(pcm, ends=ends)

    async def turn(self, slack: float, patience: float) -> None:
        """Wait for nothing."""

    async def finish(self) -> EncodedChunk:
        """End the file. Raises EngineFailed."""
        return self._chain.finish()

    def close(self) -> None:
        """Drop everything."""
        self._chain.close()


def is_plain(order: TranscodeRequest) -> bool:
    """Tell whether a file is PCM but for its rate: a second of it takes a tenth of a millisecond."""
    return order.format in ("pcm", "wav") and abs(order.tempo - 1) < SAME_TEMPO


class ThreadEncoders:
    """Coders in threads, as many at once as `limiter` has room for."""

    def __init__(self, limiter: anyio.CapacityLimiter) -> None:
        self._limiter = limiter

    def open(self, order: TranscodeRequest) -> Encoder:
        """Open a coder for one file."""
        return _ThreadEncoder(order, self._limiter)


class _ThreadEncoder:
    """Cancellation waits for the thread, which is short: FFmpeg must not be closed under it."""

    def __init__(self, order: TranscodeRequest, limiter: anyio.CapacityLimiter) -> None:
        self._order = order
        self._limiter = limiter
        self._chain: Transcoder | None = None

    async def push(self, pcm: bytes, *, ends: bool, slack: float) -> EncodedChunk:
        return await anyio.to_thread.run_sync(self._push, pcm, ends, limiter=self._limiter)

    @property
    def busy(self) -> bool:
        return self._limiter.statistics().tasks_waiting > 0

    async def turn(self, slack: float, patience: float) -> None:
        with anyio.move_on_after(patience):
            async with self._limiter:
                return

    async def finish(self) -> EncodedChunk:
        return await anyio.to_thread.run_sync(lambda: self._opened().finish(), limiter=self._limiter)

    def close(self) -> None:
        if self._chain:
            self._chain.close()

    def _push(self, pcm: bytes, ends: bool) -> EncodedChunk:
        return self._opened().push(pcm, ends=ends)

    def _opened(self) -> Transcoder:
        """Open the chain in the thread: FLAC's takes 15 ms."""
        if self._chain is None:
            self._chain = Transcoder(self._order)
        return self._chain
