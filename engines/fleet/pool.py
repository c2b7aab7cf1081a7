"""A pool is an engine as the gateway uses it: streams are admitted, and their jobs run on workers.

A job whose worker dies before it gave anything is tried again on another; a segment may lose as many workers
as there are, a recording one, whose audio is read again from its begin. So is a job that a worker sends
elsewhere, once on each other worker. One that hung its worker is not (`engines.fleet.silent_workers`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from engines.api import (
    Audio,
    EngineInfo,
    Progress,
    Prompt,
    PromptJob,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
)
from engines.errors import (
    DeadlineExceeded,
    EngineBroken,
    EngineHung,
    EngineUnavailable,
    Overloaded,
    SpeechError,
)
from engines.fleet.events import Observer
from engines.fleet.playback_gate import LATE_MESSAGE
from engines.fleet.slots import UNTRIED, JobOutcome, Slot, TriedWorkers, Workers, WorkerSource
from engines.fleet.status import EngineStatus
from engines.fleet.streams import NEVER, RequestTerms, StreamNeed
from engines.fleet.tries import Tries
from engines.wire.client import WorkerLost, WorkerUnreachable

DEFAULT_TERMS = RequestTerms()
LOADING_MESSAGE = "`{name}` is still being loaded. Please try again later."
LOADING_RETRY = 5.0
"""seconds after which a client may ask again for what is being loaded"""
RECORDING_LOSSES = 1
"""workers that a recording may lose: to be read again may take as long as all before"""
ELSEWHERE_WAIT = 30.0
"""seconds that a job waits for another worker than those that sent it elsewhere, before it fails"""


class Stream:
    """A stream that was admitted.

    Its first job begins within its deadline; later ones wait as long as it takes.
    """

    def __init__(self, pool: Pool, source: WorkerSource, need: StreamNeed, opened_at: float) -> None:
        self._pool = pool
        self._source = source
        self._need = need
        self._opened_at = opened_at
        self._has_begun = False
        self._lost: dict[int, Workers] = {}
        """workers that were lost with its segments, by their numbers: one may be asked for again"""
        self.waited: float | None = None
        """seconds until its first job began"""

    def report(self, made: float, ahead: float, dry_at: float | None) -> None:
        """Note how far the response is, as `StreamNeed.report` says."""
        self._need.report(made, ahead, dry_at)

    async def wait_ready(self) -> None:
        """Wait until a worker can take a job. Raises DeadlineExceeded or EngineUnavailable."""
        slot = await self._acquire("")
        self._source.release(self._need, slot, JobOutcome(0.0))

    async def speak(self, job: SpeechJob) -> AsyncGenerator[SpeechEvent, None]:
        """Synthesise one segment, and yield its events.

        Raises what the engine raises, DeadlineExceeded, EngineUnavailable, EngineHung or WorkerLost.
        """
        given = False
        tries = Tries(self._pool.worker_count, self._lost.get(job.index, ()))
        prompt = job.prompt.id if job.prompt else ""
        while True:
            try:
                async with (
                    self._slot(prompt, tries) as (slot, made),
                    aclosing(slot.client.speak(job)) as events,
                ):
                    async for event in events:
                        given = True
                        if isinstance(event, Audio):
                            made.samples += len(event.pcm) // 2
                        yield event
                return
            except WorkerLost as exc:
                exc.repeated = not tries.count_loss(exc, self._pool.worker_count)
                self._lost[job.index] = tries.lost
                if given or exc.repeated:
                    raise
            except SpeechError as exc:
                if given or not tries.may_go_elsewhere(exc):
                    raise

    async def create_prompt(self, job: PromptJob, rate: int) -> Prompt:
        """Return a voice prompt made of samples at `rate` Hertz. Raises as `speak` does."""
        tries = Tries(self._pool.worker_count)
        while True:
            try:
                async with self._slot("", tries) as (slot, _):
                    return await slot.client.create_prompt(job, rate)
            except WorkerLost as exc:
                if not tries.count_loss(exc, self._pool.worker_count):
                    raise
            except SpeechError as exc:
                if not tries.may_go_elsewhere(exc):
                    raise

    async def transcribe(
        self, job: TranscriptionJob, audio: AsyncIterable[bytes], *, whole: bool = False
    ) -> AsyncGenerator[TranscriptionEvent, None]:
        """Transcribe one recording, and yield its events. Raises as `speak` does.

        The first is a Progress, once a worker has it. Its events but Progress come all at its end if `whole`.
        Audio that is no iterator itself can be read again, and is where its worker was lost before any words
        were yielded.
        """
        tries = Tries(self._pool.worker_count)
        begun = False
        while True:
            given = False
            kept: list[TranscriptionEvent] = []
            try:
                async with (
                    self._slot("", tries) as (slot, _),
                    aclosing(slot.client.transcribe(job, aiter(audio))) as events,
                ):
                    if not begun:
                        begun = True
                        yield Progress(0.0)
                    async for event in events:
                        if isinstance(event, Progress):
                            yield event
                        elif whole:
                            kept.append(event)
                        else:
                            given = True
                            yield event
                break
            except WorkerLost as exc:
                may_go_on = tries.count_loss(exc, RECORDING_LOSSES)
                # one that could not be reached read none of the audio
                if not isinstance(exc, WorkerUnreachable) and (
                    given or not may_go_on or isinstance(audio, AsyncIterator)
                ):
                    if exc.silent:  # who asks for it again would hang the next one
                        raise EngineHung(exc.message) from exc
                    raise
            except SpeechError as exc:
                if given or isinstance(audio, AsyncIterator) or not tries.may_go_elsewhere(exc):
                    raise
        for event in kept:
            yield event

    @asynccontextmanager
    async def _slot(self, prompt: str, tries: Tries) -> AsyncIterator[tuple[Slot, _SampleCount]]:
        """Hold a slot for a job, of a worker that holds the voice prompt of this id, where one is free, and
        that has not sent the job elsewhere. Raises the error of those that did where there is no other.
        """
        slot = await self._acquire_again(prompt, tries)
        tries.worker = slot.client.address
        if tries.reason:
            self._pool.count_retry(tries.reason)
        made = _SampleCount()
        began = time.monotonic()
        lost = False
        silent = 0.0
        try:
            yield slot, made
        except (WorkerLost, EngineBroken) as exc:
            lost = True
            silent = exc.silent if isinstance(exc, WorkerLost) else 0.0
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._pool.cancelled += 1
            self._pool.observer.cancelled(self._pool.name)
            raise
        finally:
            seconds = made.samples / self._pool.sample_rate()
            outcome = JobOutcome(time.monotonic() - began, seconds, lost, silent)
            self._source.release(self._need, slot, outcome)

    async def _acquire_again(self, prompt: str, tries: Tries) -> Slot:
        if tries.error is None:
            return await self._acquire(prompt, tries.workers)
        try:
            async with asyncio.timeout(ELSEWHERE_WAIT):
                return await self._source.acquire(self._need, prompt, tries.workers)
        except (TimeoutError, EngineUnavailable) as exc:
            tries.ended = True
            raise tries.error or exc from None

    async def _acquire(self, prompt: str, tried: TriedWorkers = UNTRIED) -> Slot:
        if self._has_begun:
            return await self._source.acquire(self._need, prompt, tried)
        deadline = self._need.terms.last_moment(ready=self._source.ready)
        try:
            async with asyncio.timeout(None if deadline >= NEVER else deadline - time.monotonic()):
                slot = await self._source.acquire(self._need, prompt, tried)
        except TimeoutError as exc:
            self._pool.observer.refused(self._pool.name, "deadline")
            raise _too_late(self._pool.name, self._source.status()) from exc
        self._has_begun = True
        self.waited = time.monotonic() - self._opened_at
        self._pool.observer.waited(self._pool.name, self.waited, batch=self._need.terms.batch)
        return slot


def _too_late(name: str, status: EngineStatus) -> DeadlineExceeded:
    """Return the error of a request whose first job did not begin in time, by what it waited for."""
    if status.ready:
        return DeadlineExceeded(LATE_MESSAGE, retry_after=status.wait)
    return DeadlineExceeded(LOADING_MESSAGE.format(name=name), retry_after=max(status.wait, LOADING_RETRY))


class _SampleCount:
    """The number of samples that a job gave."""

    samples = 0


class Pool:
    """One engine, which has so many workers."""

    def __init__(
        self, name: str, source: WorkerSource, worker_count: int, observer: Observer | None = None
    ) -> None:
        self.name = name
        self.worker_count = worker_count
        self.observer = observer or Observer()
        self.cancelled = 0
        self.retried = 0
        self._source = source

    def count_retry(self, reason: str) -> None:
        """Count a job that is tried again, for a reason in a word."""
        self.retried += 1
        self.observer.retried(self.name, reason)

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be again."""
        return self._source.info

    def status(self) -> EngineStatus:
        """Return the engine's status."""
        return msgspec.structs.replace(self._source.status(), cancelled=self.cancelled, retried=self.retried)

    def sample_rate(self) -> int:
        """Return the sample rate of what it speaks, in Hertz."""
        info = self._source.info
        return info.speech.sample_rate if info and info.speech else 24_000

    @asynccontextmanager
    async def open(self, terms: RequestTerms = DEFAULT_TERMS) -> AsyncIterator[Stream]:
        """Open a stream once it is admitted. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        opened_at = time.monotonic()
        try:
            need = await self._source.open_stream(terms)
        except (Overloaded, DeadlineExceeded) as exc:
            self.observer.refused(
                self.name, "deadline" if isinstance(exc, DeadlineExceeded) else "overloaded"
            )
            if not self._source.ready and time.monotonic() >= terms.last_moment(ready=False):
                raise _too_late(self.name, self._source.status()) from exc
            raise
        try:
            yield Stream(self, self._source, need, opened_at)
        finally:
            self._source.close_stream(need)

    async def speak(
        self, job: SpeechJob, terms: RequestTerms = DEFAULT_TERMS
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Synthesise one segment that is a stream of its own."""
        async with self.open(terms) as stream, aclosing(stream.speak(job)) as events:
            async for event in events:
                yield event

    async def transcribe(
        self,
        job: TranscriptionJob,
        audio: AsyncIterable[bytes],
        terms: RequestTerms = DEFAULT_TERMS,
        *,
        whole: bool = False,
    ) -> AsyncGenerator[TranscriptionEvent, None]:
        """Transcribe one recording that is a stream of its own."""
        async with self.open(terms) as stream, aclosing(stream.transcribe(job, audio, whole=whole)) as events:
            async for event in events:
                yield event
