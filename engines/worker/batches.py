"""Jobs that wait together go through the engine in one call.

The first job waits for others no longer than the engine's `Batches.wait`. While a call runs, later jobs
gather for the next. A job whose client left is out of the batch at its next audio; a call that goes on though
nobody wants any of it has hung.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

import msgspec

from engines.api import Batches, BatchItem, BatchSpeaker, Stop, Word
from engines.worker.device_memory import give_back, is_out_of_memory
from engines.worker.engine_calls import never_exiting
from engines.worker.speech_jobs import QueuedJob


class WatchedItem:
    """A job of a batch, and how far it has come."""

    def __init__(self, item: BatchItem) -> None:
        self.ended = False
        self.has_given = False
        """whether audio or words have left"""
        self._finish = item.finish
        self._out = item.out
        self.item = msgspec.structs.replace(item, out=self, finish=self._end)

    def audio(self, pcm: bytes) -> None:
        """Pass audio on."""
        self.has_given = self.has_given or bool(pcm)
        self._out.audio(pcm)

    def word(self, word: Word) -> None:
        """Pass a word on."""
        self.has_given = True
        self._out.word(word)

    def beat(self, progress: float | None = None) -> None:
        """Pass a sign on."""
        self._out.beat(progress)

    def _end(self, error: Exception | None) -> None:
        self.ended = True
        self._finish(error)


class Batcher:
    """Runs an engine's batches, one at a time.

    `on_hang` is called when a call outlives its last client by `grace` seconds; `is_broken` returns whether
    the engine can do nothing more, as what it raised has told (`QueuedJob.note`).
    """

    shared = True
    """a job that nobody wants is ended at once: the engine's call may go on for others"""

    def __init__(
        self,
        engine: BatchSpeaker,
        batches: Batches,
        executor: Executor,
        *,
        grace: float,
        on_hang: Callable[[], None],
        is_broken: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._is_broken = is_broken
        self._size = batches.size
        self._wait_seconds = batches.wait
        self._executor = executor
        self._grace = grace
        self._on_hang = on_hang
        self._queue: list[QueuedJob] = []
        self._full = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def submit(self, queued: QueuedJob) -> None:
        """Put a job into the next batch."""
        self._queue.append(queued)
        if len(self._queue) >= self._size:
            self._full.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Run batches until no job waits; once the engine is broken those are lost with the process."""
        while self._queue and not self._is_broken():
            if len(self._queue) < self._size and self._wait_seconds:
                self._full.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._wait_seconds)
            batch = self._queue[: self._size]
            self._queue = self._queue[self._size :]
            for queued in batch:
                if queued.unwanted:
                    queued.end(None)
            await self._call([queued for queued in batch if not queued.done.done()])

    async def _call(self, batch: list[QueuedJob]) -> None:
        """Have the engine speak a batch, in one call."""
        if not batch:
            return
        watchdog = asyncio.create_task(self._detect_hang(batch))
        error: Exception | None = None
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._speak, batch)
        except Exception as exc:  # an engine may raise anything; it is the error of this batch's jobs
            error = exc
        finally:
            watchdog.cancel()
        for queued in batch:
            queued.end(error)

    def _speak(self, batch: Sequence[QueuedJob]) -> None:
        """Speak a batch, in the engine's thread."""
        items = []
        for queued in batch:
            end = queued.ender()
            try:
                items.append(BatchItem(queued.prepare(), queued.out, end))
            except Stop:
                end(None)
            except Exception as exc:  # a prompt that is none of the engine's is the error of this job alone
                end(exc)
        if items:
            self._speak_together([WatchedItem(item) for item in items])

    def _speak_together(self, watched: Sequence[WatchedItem]) -> None:
        """Speak jobs in one call; where that is too much for the memory, those that are left in halves of it,
        and at last each alone. One that gave audio cannot begin again.
        """
        error: Exception | None = None
        try:
            never_exiting(self._engine.speak_batch)([one.item for one in watched])
        except Exception as exc:  # an engine may raise anything; it is the error of the jobs of this call
            error = exc
        again: list[WatchedItem] = []
        if is_out_of_memory(error):
            give_back(error)
            again = [one for one in watched if not one.ended and not one.has_given and len(watched) > 1]
        for one in watched:
            if one not in again:
                one.item.finish(error)
        half = (len(again) + 1) // 2
        for part in (again[:half], again[half:]):
            if part:
                self._speak_together(part)

    async def _detect_hang(self, batch: Sequence[QueuedJob]) -> None:
        """Call `on_hang` once nobody has wanted anything of the batch for a while."""
        await asyncio.wait([queued.done for queued in batch])
        await asyncio.sleep(self._grace)
        self._on_hang()
