"""A take: one segment's audio on its way from the engine, kept until the encoder wants it, watched, and made
again if need be.

Until the first of it has been taken, a take that runs away or comes out far too short is made once more.
After that what ran away is an error, and what is too short is only told: the words are gone, but so is the
moment to say them.
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
"""gives a segment's events; the number counts how often it was tried before"""
ATTEMPTS = 2


class RetryPolicy(msgspec.Struct, frozen=True):
    """How takes are watched: the engine's sample rate in Hertz, its speed, whether it streams, and who hears
    of retries.

    `attempts` is how often a take is made at most.
    """

    rate: int
    speed: float = 1.0
    streams: bool = True
    on_retry: Callable[[str], None] = lambda _: None
    on_truncation: Callable[[], None] = lambda: None
    attempts: int = ATTEMPTS


class SegmentAudio:
    """Makes a segment's audio from the moment it is made itself. End it with `stop`."""

    def __init__(self, segment: Segment, speak: Speak, policy: RetryPolicy) -> None:
        self.segment = segment
        self._speak = speak
        self._policy = policy
        self._limits = limits_for(segment.text, speed=policy.speed)
        self._pcm = bytearray()
        self._taken = False
        self._approved = policy.streams
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._make())
        self._task.add_done_callback(lambda _: self._changed.set())

    @property
    def waiting(self) -> int:
        """How many bytes are made and not taken."""
        return len(self._pcm)

    @property
    def spent(self) -> bool:
        """Tell whether all that will come has been read."""
        return self._task.done() and not self._pcm and self._task.exception() is None

    async def settle(self, timeout: float) -> None:
        """Wait until it is made, and found to be good or bad, for so many seconds at most."""
        await asyncio.wait([self._task], timeout=timeout)

    async def read(self, least: int, most: int) -> bytes:
        """Take up to `most` bytes once there are `least`, or the end; nothing is the end. Raises what the
        engine raises.
        """
        while not self._task.done() and (len(self._pcm) < least or not self._approved):
            self._changed.clear()
            await self._changed.wait()
        if not self._pcm or not self._approved:
            await self._task
            return b""
        self._taken = True
        pcm = bytes(memoryview(self._pcm)[:most])
        del self._pcm[:most]
        return pcm

    async def stop(self) -> None:
        """Have no more of it made."""
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._task

    async def _make(self) -> None:
        for attempt in range(self._policy.attempts):
            last = attempt == self._policy.attempts - 1
            try:
                whole = await self._try(attempt)
                if whole or last or self._taken:
                    break
                self._policy.on_retry("truncated")
            except RunawayAudio:
                if last or self._taken:
                    raise
                self._policy.on_retry("run away")
            self._pcm.clear()
        self._approved = True
        self._changed.set()
        if not whole:
            self._policy.on_truncation()

    async def _try(self, attempt: int) -> bool:
        """Make it, and tell whether it is as long as can be expected."""
        detector = RunawayDetector(self._limits, self._policy.rate)
        async with aclosing(self._speak(self.segment, attempt)) as events:
            async for event in events:
                if isinstance(event, Audio):
                    detector.push(event.pcm)
                    self._pcm += event.pcm
                    self._changed.set()
        return not detector.is_truncated()
