"""One segment's audio, synthesised in the background, checked, and synthesised again if need be.

Until the first of it has been read, audio that runs away or comes out far too short is made once more. After
that, running away is an error, and too short is only reported: the words are lost, but their moment has
passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import msgspec

from engines.api import Audio, SpeechEvent
from engines.errors import RunawayAudio
from streaming.audio.runaway import RunawayDetector, limits_for
from streaming.text.segments import Segment

Speak = Callable[[Segment, int], AsyncGenerator[SpeechEvent, None]]
"""yields a segment's events; the number is how many attempts there were before"""
MAX_ATTEMPTS = 2


class RetryPolicy(msgspec.Struct, frozen=True):
    """How a segment's audio is checked and made again."""

    rate: int
    """the engine's sample rate in Hertz"""
    speed: float = 1.0
    """the engine's speed"""
    engine_streams: bool = True
    """whether audio may be read before it is complete, since the engine yields it as it is made"""
    on_retry: Callable[[str], None] = lambda _: None
    """called with the reason before another attempt"""
    on_truncation: Callable[[], None] = lambda: None
    """called when the audio that is sent is far too short"""
    max_attempts: int = MAX_ATTEMPTS


class SegmentAudio:
    """Has a segment's audio synthesised from now on, and buffers it until it is read; end it with `stop`."""

    def __init__(self, segment: Segment, speak: Speak, policy: RetryPolicy) -> None:
        self.segment = segment
        self._speak = speak
        self._policy = policy
        self._limits = limits_for(segment.text, speed=policy.speed)
        self._pcm = bytearray()
        self._was_read = False
        self._may_be_read = policy.engine_streams
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._synthesise())
        self._task.add_done_callback(lambda _: self._changed.set())

    @property
    def buffered_bytes(self) -> int:
        """Return how many bytes of PCM are made and not read."""
        return len(self._pcm)

    @property
    def exhausted(self) -> bool:
        """Return whether all there will be has been read."""
        return self._task.done() and not self._pcm and self._task.exception() is None

    async def wait_until_complete(self, timeout: float) -> None:
        """Wait until it is complete and has been checked, for `timeout` seconds at most."""
        await asyncio.wait([self._task], timeout=timeout)

    async def read(self, least: int, most: int) -> bytes:
        """Return up to `most` bytes once there are `least`, or all that are left; none at the end.

        Raises what the engine raises, and RunawayAudio.
        """
        while not self._task.done() and (len(self._pcm) < least or not self._may_be_read):
            self._changed.clear()
            await self._changed.wait()
        if not self._pcm or not self._may_be_read:
            await self._task
            return b""
        self._was_read = True
        pcm = bytes(memoryview(self._pcm)[:most])
        del self._pcm[:most]
        return pcm

    async def stop(self) -> None:
        """End the synthesis."""
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._task

    async def _synthesise(self) -> None:
        """Make the audio, in as many attempts as it needs and may have. Raises what the last one raises."""
        for attempt in range(self._policy.max_attempts):
            last = attempt == self._policy.max_attempts - 1
            try:
                complete = await self._attempt(attempt)
                if complete or last or self._was_read:
                    break
                self._policy.on_retry("truncated")
            except RunawayAudio:
                if last or self._was_read:
                    raise
                self._policy.on_retry("run away")
            self._pcm.clear()
        self._may_be_read = True
        self._changed.set()
        if not complete:
            self._policy.on_truncation()

    async def _attempt(self, attempt: int) -> bool:
        """Make the audio once, and return whether it is as long as can be expected. Raises RunawayAudio."""
        detector = RunawayDetector(self._limits, self._policy.rate)
        async with aclosing(self._speak(self.segment, attempt)) as events:
            async for event in events:
                if isinstance(event, Audio):
                    detector.push(event.pcm)
                    self._pcm += event.pcm
                    self._changed.set()
        return not detector.is_truncated()
