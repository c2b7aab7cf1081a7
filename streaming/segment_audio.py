"""One segment's audio, synthesised in the background, checked, and synthesised again if need be.

Until the first of it has been read, audio that runs away, comes out far too short or loses its worker is made
once more. After that, running away and a lost worker are errors, and too short is only reported: the words
are lost, but their moment has passed. A later segment that runs away would break off what is being heard, so
it is made again more often, and also where the caller chose the seed.

No audio at all for the first segment is an error where it has letters or digits. Where it has none, and in
later segments, which must not break what is being heard, it becomes a short silence, reported as too short
where words are lost. So no answer is an empty file.

Where a segment is verified, nothing is read before it is whole and was transcribed; a doubtful take is made
again, and the best one is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Protocol

import msgspec

from engines.api import BYTES_PER_SAMPLE, Audio, SpeechEvent
from engines.errors import ChildLost, EngineFailed, RunawayAudio, SpeechError
from streaming.audio.likeness import Reading, is_same_reading, reading_of
from streaming.audio.runaway import RunawayDetector, limits_for
from streaming.text.attempts import Attempts, Result
from streaming.text.segments import Segment
from streaming.text.transcript_words import comparable_words

Speak = Callable[[Segment, int], AsyncGenerator[SpeechEvent, None]]
"""yields a segment's events; the number is how many attempts there were before"""
MAX_ATTEMPTS = 2
LATER_ATTEMPTS = 4
"""at a segment behind the first, where all before ran away"""
LEAST_SECONDS = 0.01
"""of audio for a text that says something: less is none"""
NOTHING_TO_SAY_SECONDS = 0.2
"""of silence, for a text that has nothing to say"""


class TakeCheck(Protocol):
    """How takes are transcribed before they are sent, and who wants to know what came of it."""

    @property
    def most_attempts(self) -> int:
        """How many takes of one segment there may be."""
        ...

    async def transcribe(self, pcm: bytes, rate: int) -> str | None:
        """Return the transcript of a take, None where there can be none now. Raises nothing of its own."""
        ...

    def decided(self, result: Result, *, varies: bool) -> None:
        """Note what came of a segment, and whether the engine's takes differ as far as is known."""
        ...


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
    later_attempts: int = LATER_ATTEMPTS
    """those at a segment behind the first that runs away, if that is more"""
    said: Callable[[str], str] = lambda text: text
    """what is heard of a segment's text, where that is not what the engine reads"""
    check: TakeCheck | None = None
    """by what takes are verified; None sends them as they come"""


class SegmentAudio:
    """Has a segment's audio synthesised from now on, and buffers it until it is read; end it with `stop`."""

    def __init__(self, segment: Segment, speak: Speak, policy: RetryPolicy) -> None:
        self.segment = segment
        self._speak = speak
        self._policy = policy
        self._said = policy.said(segment.text)
        self._check = policy.check if comparable_words(self._said) else None
        self._limits = limits_for(self._said, speed=policy.speed)
        self._pcm = bytearray()
        self._was_read = False
        self._lost_before = False
        self._may_be_read = policy.engine_streams and self._check is None
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._synthesise())
        self._task.add_done_callback(lambda _: self._changed.set())

    @property
    def buffered_bytes(self) -> int:
        """Return how many bytes of PCM are made and not read."""
        return len(self._pcm)

    @property
    def complete(self) -> bool:
        """Return whether all of it is made."""
        return self._task.done()

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
        """Make the audio, in as many attempts as it needs and may have. Raises what the last one raises, and
        EngineFailed where there is none for a first segment that says something.
        """
        complete = await (self._best_take(self._check) if self._check else self._attempts())
        samples = len(self._pcm) // BYTES_PER_SAMPLE
        if samples < LEAST_SECONDS * self._policy.rate and not self._was_read:
            says_something = any(map(str.isalnum, self._said))
            if says_something and self.segment.index == 0:
                given = f"{samples} samples of" if samples else "no"
                self._pcm.clear()
                raise EngineFailed(f"The engine gave {given} audio for this text.")
            complete = not says_something
            self._pcm += silence(NOTHING_TO_SAY_SECONDS, self._policy.rate)
        self._may_be_read = True
        self._changed.set()
        if not complete:
            self._policy.on_truncation()

    async def _attempts(self) -> bool:
        """Make the audio until it is faultless, or some was read, and return whether it is long enough."""
        attempt = 0
        while True:
            attempt += 1
            try:
                complete = await self._attempt(attempt - 1)
                if complete or self._was_read or attempt >= self._policy.max_attempts:
                    return complete
                self._policy.on_retry("truncated")
            except RunawayAudio:
                if self._was_read or attempt >= self._most_attempts(self._policy.max_attempts):
                    raise
                self._policy.on_retry("run away")
            self._pcm.clear()

    def _most_attempts(self, usual: int) -> int:
        """Return how often the segment is made at most where it runs away each time."""
        return max(usual, self._policy.later_attempts) if self.segment.index else usual

    async def _best_take(self, check: TakeCheck) -> bool:
        """Make takes until one is good or no other is worth it, keep the best, and return whether that is
        long enough.

        Raises what the last one raises when none can be sent.
        """
        verified = _VerifiedAttempts(self._said, self._policy, check)
        attempts = verified.attempts
        reason: str | None = ""
        while reason is not None:
            try:
                complete = await self._attempt(attempts.count)
                pcm = bytes(self._pcm)
                self._pcm.clear()
                await verified.add(pcm, truncated=not complete)
            except SpeechError as exc:
                attempts.add_failure("run away" if isinstance(exc, RunawayAudio) else "failed")
                most = check.most_attempts
                reason = attempts.reason_for_another(
                    most if attempts.best_is_usable else self._most_attempts(most)
                )
                if reason is None and not attempts.best_is_usable:
                    raise
            else:
                reason = attempts.reason_for_another(check.most_attempts)
            self._pcm.clear()
            if reason is not None:
                self._policy.on_retry(reason)
        self._pcm += verified.best_pcm
        check.decided(attempts.result(), varies=verified.vary)
        return not attempts.best_is_truncated

    async def _attempt(self, attempt: int) -> bool:
        """Make the audio once, and return whether it is as long as can be expected. Raises RunawayAudio.

        The first time that a worker is lost in it, it is begun anew, unless some was read.
        """
        try:
            return await self._make(attempt)
        except ChildLost as exc:
            exc.repeated = exc.repeated or self._lost_before
            if self._was_read or exc.repeated:
                raise
        self._lost_before = True
        self._pcm.clear()
        self._policy.on_retry("lost")
        return await self._attempt(attempt)

    async def _make(self, attempt: int) -> bool:
        detector = RunawayDetector(self._limits, self._policy.rate)
        async with aclosing(self._speak(self.segment, attempt)) as events:
            async for event in events:
                if isinstance(event, Audio):
                    detector.push(event.pcm)
                    self._pcm += event.pcm
                    self._changed.set()
        return not detector.is_truncated()


def silence(seconds: float, rate: int) -> bytes:
    """Return PCM in which nothing is heard."""
    return bytes(BYTES_PER_SAMPLE * round(seconds * rate))


class _VerifiedAttempts:
    """The takes of a segment with what was heard in them, and the audio of the best one."""

    def __init__(self, text: str, policy: RetryPolicy, check: TakeCheck) -> None:
        self.attempts = Attempts(text, policy.speed)
        self.best_pcm = b""
        self.vary = True
        """whether no take was the same reading as another"""
        self._rate = policy.rate
        self._check = check
        self._readings: dict[int, Reading] = {}

    async def add(self, pcm: bytes, *, truncated: bool) -> None:
        """Have a take transcribed unless it is the same reading as another, and keep it if it is the best."""
        number = self.attempts.count
        if number and (earlier := self._repeated(pcm)) is not None:
            self.vary = False
            self.attempts.add_repetition(earlier)
            return
        transcript = await self._check.transcribe(pcm, self._rate) if pcm else ""
        seconds = len(pcm) / BYTES_PER_SAMPLE / self._rate
        self.attempts.add(seconds, transcript, truncated=truncated)
        if self.attempts.best == number:
            self.best_pcm = pcm
        if self.attempts.reason_for_another(self._check.most_attempts) is not None:
            self._readings[number] = reading_of(pcm, self._rate)

    def _repeated(self, pcm: bytes) -> int | None:
        """Return the number of an earlier take of which a take is the same reading."""
        reading = reading_of(pcm, self._rate)
        return next((number for number, one in self._readings.items() if is_same_reading(one, reading)), None)
