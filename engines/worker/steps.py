"""Jobs that go on together step by step: the loop owns the set of members, and changes it between two steps.

Between two steps those who left are dropped, those who are done are ended, and some of those who wait begin:
few, as the others wait for what each beginning costs. Other work of the engine's thread, a voice prompt to be
made, comes between two steps as well.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engines.api import StepResult, Steps, StepSpeaker, Stop
from engines.errors import EngineFailed
from engines.worker.engine_threads import EngineThreads
from engines.worker.speech_jobs import QueuedJob

LOOKS = 4
"""at a step that nobody wants any more, within the engine's grace"""


class Member(msgspec.Struct, frozen=True, eq=False):
    """A job that has begun."""

    queued: QueuedJob
    state: Any
    """what the engine's `begin` returned"""
    end: Callable[[Exception | None], None]


class StepLoop:
    """Runs an engine's members. `on_hang` is called when a step outlives its clients by `grace` seconds."""

    shared = True
    """a job that nobody wants is ended at once: the engine's call may go on for others"""

    def __init__(
        self,
        engine: StepSpeaker,
        steps: Steps,
        threads: EngineThreads,
        *,
        grace: float,
        on_hang: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._steps = steps
        self._threads = threads
        self._grace = grace
        self._on_hang = on_hang
        self._waiting: deque[QueuedJob] = deque()
        self._members: list[Member] = []
        """only the engine's thread changes it"""
        self._in_call: Sequence[QueuedJob] = ()
        """the jobs of the engine's present call"""
        self._calls = 0
        self._runner: asyncio.Task[None] | None = None

    def submit(self, queued: QueuedJob) -> None:
        """Have a job begin as soon as there is a place for it."""
        self._waiting.append(queued)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Run steps until there are no more jobs."""
        watchdog = asyncio.create_task(self._detect_hang())
        try:
            while self._waiting or self._members:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._run_steps)
        finally:
            watchdog.cancel()

    def _run_steps(self) -> None:
        """Run steps until there are no more jobs, or other work waits for the thread."""
        while self._waiting or self._members:
            self._drop_unwanted()
            self._admit()
            if self._members:
                self._step()
            if self._threads.others_wait:
                return

    def _drop_unwanted(self) -> None:
        for member in [member for member in self._members if member.queued.unwanted]:
            self._drop(member, None)

    def _admit(self) -> None:
        """Have some of those who wait begin, as far as there is room."""
        begun = 0
        while self._waiting and begun < self._steps.admitted and len(self._members) < self._steps.members:
            queued = self._waiting.popleft()
            end = queued.ender()
            if queued.unwanted:
                end(None)
                continue
            begun += 1
            self._enter([queued])
            try:
                self._members.append(Member(queued, self._engine.begin(queued.prepare(), queued.out), end))
            except Stop:
                end(None)
            except Exception as exc:  # an engine may raise anything; it is the error of this job alone
                end(exc)
            self._leave()

    def _step(self) -> None:
        """Have all members take one step, and end those that are done or have failed."""
        members = list(self._members)
        self._enter([member.queued for member in members])
        try:
            results = list(self._engine.step([member.state for member in members]))
            if len(results) != len(members):
                raise EngineFailed(f"The engine told of {len(results)} members, and had {len(members)}.")
        except Exception as exc:  # an engine may raise anything; it is the error of all that were in the step
            results = [exc] * len(members)
        self._leave()
        for member, result in zip(members, results, strict=True):
            if result is not True:
                self._drop(member, _error_of(result))

    def _drop(self, member: Member, error: Exception | None) -> None:
        self._members.remove(member)
        self._enter([member.queued])
        try:
            self._engine.drop(member.state)
        except Exception as exc:  # an engine may raise anything; its job has ended all the same
            print(f"a job was not dropped cleanly: {type(exc).__name__}: {exc}", file=sys.stderr)
            error = error or exc
        self._leave()
        member.end(error)

    def _enter(self, jobs: Sequence[QueuedJob]) -> None:
        self._calls += 1
        self._in_call = jobs

    def _leave(self) -> None:
        self._in_call = ()

    async def _detect_hang(self) -> None:
        """Call `on_hang` once nobody has wanted anything of one call for a while."""
        call = -1
        since = time.monotonic()
        while True:
            await asyncio.sleep(self._grace / LOOKS)
            jobs = self._in_call
            if self._calls != call or not jobs or not all(job.unwanted for job in jobs):
                call = self._calls
                since = time.monotonic()
            elif time.monotonic() - since >= self._grace:
                self._on_hang()


def _error_of(result: StepResult) -> Exception | None:
    """Return why a member ended, where that is an error."""
    return result if isinstance(result, Exception) and not isinstance(result, Stop) else None
