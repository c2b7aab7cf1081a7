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
from engines.worker.event_queue import EventQueue


class QueuedJob(msgspec.Struct, frozen=True, eq=False):
    """A job that waits for its batch, or is in it."""

    job: SpeechJob
    events: EventQueue[SpeechEvent]
    done: asyncio.Future[None]
    """done when the job is, with its error if it failed"""


class Batcher:
    """Runs an engine's batches, one at a time.

    `on_hang` is called when a call outlives its last client by `grace` seconds.
    """

    def __init__(
        self,
        engine: BatchSpeaker,
        info: EngineInfo,
        executor: Executor,
        *,
        grace: float,
        on_hang: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._size = info.batch
        self._wait_seconds = info.batch_wait
        self._executor = executor
        self._grace = grace
        self._on_hang = on_hang
        self._queue: list[QueuedJob] = []
        self._full = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def submit(self, job: SpeechJob, events: EventQueue[SpeechEvent]) -> asyncio.Future[None]:
        """Put a job into the next batch.

        Returns a future that is done when the job is, with its error if it failed.
        """
        queued = QueuedJob(job, events, asyncio.get_running_loop().create_future())
        self._queue.append(queued)
        if len(self._queue) >= self._size:
            self._full.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return queued.done

    async def _run(self) -> None:
        """Run batches until no job waits."""
        while self._queue:
            if len(self._queue) < self._size and self._wait_seconds:
                self._full.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._wait_seconds)
            batch = self._queue[: self._size]
            self._queue = self._queue[self._size :]
            await self._call([queued for queued in batch if not _end_if_cancelled(queued)])

    async def _call(self, batch: list[QueuedJob]) -> None:
        """Have the engine speak a batch, in one call."""
        if not batch:
            return
        loop = asyncio.get_running_loop()
        items = [_batch_item(queued, loop) for queued in batch]
        watchdog = asyncio.create_task(self._detect_hang(batch))
        try:
            await loop.run_in_executor(self._executor, self._engine.speak_batch, items)
            error = None
        except Exception as exc:  # an engine may raise anything; it is the error of this batch's jobs
            error = exc
        finally:
            watchdog.cancel()
        for queued in batch:
            _end(queued, error)

    async def _detect_hang(self, batch: Sequence[QueuedJob]) -> None:
        """Call `on_hang` once nobody has wanted anything of the batch for a while."""
        await asyncio.wait([queued.done for queued in batch])
        await asyncio.sleep(self._grace)
        self._on_hang()


def _batch_item(queued: QueuedJob, loop: asyncio.AbstractEventLoop) -> BatchItem:
    """Return the engine's side of a job; it ends once, by whichever thread comes first."""
    lock = threading.Lock()
    ended = False

    def finish(error: Exception | None) -> None:
        nonlocal ended
        with lock:
            ended_before = ended
            ended = True
        if not ended_before:
            loop.call_soon_threadsafe(_end, queued, error)

    def emit(event: SpeechEvent) -> bool:
        wanted = queued.events.emit_nowait(event)
        if not wanted:
            finish(None)
        return wanted

    return BatchItem(queued.job, emit, finish)


def _end_if_cancelled(queued: QueuedJob) -> bool:
    """End a job that nobody wants any more, and return whether it was one."""
    if queued.events.cancelled:
        _end(queued, None)
    return queued.events.cancelled


def _end(queued: QueuedJob, error: Exception | None) -> None:
    queued.events.finish()
    if queued.done.done():
        return
    if error is None:
        queued.done.set_result(None)
    else:
        queued.done.set_exception(error)
