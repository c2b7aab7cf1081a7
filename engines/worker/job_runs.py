"""How a worker runs a job: its events are sent as they come, and it is stopped when its client leaves.

An engine that does not stop within its `cancel_grace` has hung, and one that says it is broken, or reports
what a lost GPU does, can do nothing more: then the whole process ends, to be started again. That is noted
where the engine raised it, in its thread: whether anybody waits for the answer or not, it is given nothing
more to do. Jobs that it has not begun are lost with the process, and are done by another.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable

from engines.api import EngineInfo, Stop
from engines.errors import EngineBroken
from engines.wire.exit_status import BROKEN, HUNG
from engines.worker import asgi
from engines.worker.device_memory import as_overloaded, give_back, is_out_of_memory, missing_bytes
from engines.worker.engine_threads import EngineThreads
from engines.worker.fatal_errors import diagnosed
from engines.worker.malloc_trim import HeapTrimmer
from engines.worker.memory_meter import MemoryMeter
from engines.worker.outputs import Activity, JobOutput
from engines.worker.responses import EventResponse

ANSWER_SECONDS = 0.2
"""for the answers of a broken engine to leave"""
UNANSWERED_SECONDS = 2.0
"""after which it ends where nobody waits for an answer"""
WAIT_SECONDS = 1.0
"""between two signs to the client of a job that waits for its turn"""


class JobRuns:
    """Runs the jobs of one engine; `memory` is told of those that find too little."""

    def __init__(self, info: EngineInfo, threads: EngineThreads, memory: MemoryMeter) -> None:
        self._grace = info.cancel_grace
        self._threads = threads
        self._memory = memory
        self._trimmer = HeapTrimmer(threads)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_broken = False
        """whether the engine can do nothing more"""
        self.activity = Activity()
        self.busy = 0
        """jobs that run, or wait to"""

    def call(self, work: Callable[[], None], out: JobOutput) -> asyncio.Future[None]:
        """Have work done in one of the engine's threads, unless nobody wants it by then."""
        return asyncio.get_running_loop().run_in_executor(self._threads, self._work, work, out)

    def note(self, error: BaseException) -> None:
        """Note what the engine raised, in its thread."""
        if self._loop and not self.is_broken and isinstance(diagnosed(error), EngineBroken):
            self.is_broken = True
            self._loop.call_soon_threadsafe(self._end_after, UNANSWERED_SECONDS)

    async def run(
        self,
        out: JobOutput,
        start: Callable[[], asyncio.Future[None]],
        response: EventResponse,
        reading: Awaitable[None],
        *,
        shared: bool = False,
    ) -> None:
        """Start one job, send its events, and stop it when the client leaves.

        `reading` reads what is left of the request, and ends when the client has left. A `shared` job is over
        for its client at once then: the engine's call may go on for others.
        """
        if self.is_broken:
            await asyncio.Event().wait()  # the process ends at once, and another worker is asked then
        self._loop = asyncio.get_running_loop()
        events = out.events
        reader = asyncio.ensure_future(reading)
        reader.add_done_callback(lambda _: events.cancel())
        self.busy += 1
        running = start()
        waiting = asyncio.create_task(self._beat_until_begun(out))
        try:
            if not reader.done():
                while batch := await events.get_all():
                    await response.send_events(batch)
            await self._wait_until_stopped(running, out, shared=shared)
            error = self._as_answered(_error_of(running))
            if not reader.done() or _reading_error(reader):
                await response.finish(error or _reading_error(reader))
            if isinstance(error, EngineBroken):
                self._end_after(ANSWER_SECONDS)
        finally:
            self.busy -= 1
            self._memory.look()
            self._trimmer.after_job()
            events.cancel()
            reader.cancel()
            waiting.cancel()

    def _as_answered(self, error: BaseException | None) -> BaseException | None:
        """Return the error of a job as its client is told it."""
        error = diagnosed(error)
        told = as_overloaded(error)
        if told is not error:
            self._memory.note_shortage(missing_bytes(error))
        return told

    async def _beat_until_begun(self, out: JobOutput) -> None:
        """Have a job that waits for its turn, or waits again, give signs, as long as the engine gives any for
        others.
        """
        signs = self.activity.signs
        while not out.events.cancelled:
            await asyncio.sleep(WAIT_SECONDS)
            if not out.begun and self.activity.signs != signs:
                signs = self.activity.signs
                out.wait()

    async def _wait_until_stopped(
        self, running: asyncio.Future[None], out: JobOutput, *, shared: bool
    ) -> None:
        """Wait for the engine; once the job is cancelled, only so long, and not at all where it has not
        begun.

        Who runs shared calls detects by itself when one hangs.
        """
        if out.events.cancelled and not running.done():
            if not out.begun:
                return
            if shared:
                running.set_result(None)
        timeout = self._grace if out.events.cancelled else None
        done, _ = await asyncio.wait([running], timeout=timeout)
        if not done:
            end_hung()

    def _end_after(self, seconds: float) -> None:
        """End the process, once the answers that were given have left."""
        self.is_broken = True
        asyncio.get_running_loop().call_later(seconds, os._exit, BROKEN)

    def _work(self, work: Callable[[], None], out: JobOutput) -> None:
        if self.is_broken:
            threading.Event().wait()  # the process ends at once, and another one does this job
        try:
            out.begin()
            work()
        except Stop:
            return
        except Exception as exc:  # whatever it is: what it holds of memory goes, where that was the trouble
            self.note(exc)
            if is_out_of_memory(exc):
                give_back(exc)
            raise
        finally:
            out.events.finish()


def end_hung() -> None:
    """End the process, as its engine does not stop."""
    os._exit(HUNG)


def _error_of(running: asyncio.Future[None]) -> BaseException | None:
    """Return why a job failed; asked for in any case, or asyncio complains."""
    if running.done():
        return running.exception()
    running.add_done_callback(lambda done: done.cancelled() or done.exception())
    return None


def _reading_error(reader: asyncio.Future[None]) -> BaseException | None:
    """Return what broke the reading of a body, unless it was the client's leaving."""
    if not reader.done() or reader.cancelled():
        return None
    exc = reader.exception()
    return None if isinstance(exc, asgi.ClientDisconnected) else exc
