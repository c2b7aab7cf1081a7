"""Jobs that wait together go through the engine in one call.

The first job waits for others no longer than the engine's `batch_wait`. While a call runs, later jobs gather
for the next. A job whose client left is out of the batch at its next audio; a call that goes on though nobody
wants any of it has hung.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

import msgspec

from engines.api import BatchItem, BatchSpeaker, EngineInfo, SpeechEvent, SpeechJob
from engines.errors import SpeechError
from engines.worker.event_queue import EventQueue


class Waiting(msgspec.Struct, frozen=True, eq=False):
    """A job, where its events go, and what tells that it is over."""

    job: SpeechJob
    handover: EventQueue[SpeechEvent]
    over: asyncio.Future[None]


class Batcher:
    """Runs an engine's batches, one at a time. `hung` is called when a call outlives its last client by
    `grace` seconds.
    """

    def __init__(
        self,
        engine: BatchSpeaker,
        info: EngineInfo,
        threads: Executor,
        *,
        grace: float,
        hung: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._size = info.batch
        self._wait = info.batch_wait
        self._threads = threads
        self._grace = grace
        self._hung = hung
        self._waiting: list[Waiting] = []
        self._full = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def submit(self, job: SpeechJob, handover: EventQueue[SpeechEvent]) -> asyncio.Future[None]:
        """Put a job into the next batch; what is given back is done when the job is, with its error if it
        failed.
        """
        waiting = Waiting(job, handover, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._waiting) >= self._size:
            self._full.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return waiting.over

    async def _run(self) -> None:
        while self._waiting:
            if len(self._waiting) < self._size and self._wait:
                self._full.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._wait)
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            await self._call([waiting for waiting in batch if not _left(waiting)])

    async def _call(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        turns = [_turn(waiting, loop) for waiting in batch]
        watch = asyncio.create_task(self._watch(batch))
        try:
            await loop.run_in_executor(self._threads, self._engine.speak_batch, turns)
            error = None
        except Exception as exc:  # an engine may raise anything; the clients of this batch are told
            error = exc
        finally:
            watch.cancel()
        for waiting in batch:
            _end(waiting, error)

    async def _watch(self, batch: Sequence[Waiting]) -> None:
        """Call `hung` once nobody has wanted anything of the batch for a while."""
        await asyncio.wait([waiting.over for waiting in batch])
        await asyncio.sleep(self._grace)
        self._hung()


def _turn(waiting: Waiting, loop: asyncio.AbstractEventLoop) -> BatchItem:
    """Make the engine's side of a job; it ends once, by whichever thread comes first."""
    lock = threading.Lock()
    ended = False

    def finish(error: Exception | None) -> None:
        nonlocal ended
        with lock:
            ended, before = True, ended
        if not before:
            loop.call_soon_threadsafe(_end, waiting, error)

    def emit(event: SpeechEvent) -> bool:
        wanted = waiting.handover.offer(event)
        if not wanted:
            finish(None)
        return wanted

    return BatchItem(waiting.job, emit, finish)


def _left(waiting: Waiting) -> bool:
    if waiting.handover.cancelled:
        _end(waiting, None)
    return waiting.handover.cancelled


def _end(waiting: Waiting, error: Exception | None) -> None:
    waiting.handover.finish()
    if waiting.over.done():
        return
    if error is None:
        waiting.over.set_result(None)
    else:
        waiting.over.set_exception(error)
