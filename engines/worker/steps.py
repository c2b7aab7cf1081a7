"""Jobs that go on together step by step: the loop owns the set of members, and changes it between two steps.

Between two steps those who left are dropped, those who are done are ended, and some of those who wait begin:
few, as the others wait for what each beginning costs. Other work of the engine's thread, a voice prompt to be
made, comes between two steps as well.

Who finds too little memory to begin waits until another one has ended, and fails only where there is none. A
step that finds too little is taken again with half of the members each, if the engine can do that.
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
from engines.worker.device_memory import give_back, is_out_of_memory
from engines.worker.engine_calls import never_exiting
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
    """Runs an engine's members. `on_hang` is called when a step outlives its clients by `grace` seconds;
    `is_broken` returns whether the engine can do nothing more, as what it raised has told (`QueuedJob.note`).
    """

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
        is_broken: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._steps = steps
        self._is_broken = is_broken
        self._threads = threads
        self._grace = grace
        self._on_hang = on_hang
        self._waiting: deque[QueuedJob] = deque()
        self._members: list[Member] = []
        """only the engine's thread changes it"""
        self._most = steps.members
        """members that there may be: fewer than the engine takes while memory is too little for more"""
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
            while self._has_work():
                await asyncio.get_running_loop().run_in_executor(self._threads, self._run_steps)
        finally:
            watchdog.cancel()

    def _run_steps(self) -> None:
        """Run steps until there are no more jobs, or other work waits for the thread."""
        while self._has_work():
            self._drop_unwanted()
            self._admit()
            if self._members and not self._is_broken():
                self._step()
            if self._threads.others_wait:
                return

    def _has_work(self) -> bool:
        """Return whether there are jobs; once the engine is broken they are lost with the process."""
        return bool(self._waiting or self._members) and not self._is_broken()

    def _drop_unwanted(self) -> None:
        for member in [member for member in self._members if member.queued.unwanted]:
            self._drop(member, None)

    def _admit(self) -> None:
        """Have some of those who wait begin, as far as there is room."""
        begun = 0
        while (
            not self._is_broken()
            and self._waiting
            and begun < self._steps.admitted
            and len(self._members) < self._most
        ):
            queued = self._waiting.popleft()
            end = queued.ender()
            if queued.unwanted:
                end(None)
                continue
            begun += 1
            self._enter([queued])
            self._begin(queued, end)
            self._leave()

    def _begin(self, queued: QueuedJob, end: Callable[[Exception | None], None]) -> None:
        """Have a job begin; one that finds too little memory beside others waits until one of them ends."""
        try:
            self._members.append(
                Member(queued, never_exiting(self._engine.begin)(queued.prepare(), queued.out), end)
            )
        except Stop:
            end(None)
        except Exception as exc:  # an engine may raise anything; it is the error of this job alone
            if not is_out_of_memory(exc):
                end(exc)
                return
            give_back(exc)
            if not self._members or queued.out.has_given:
                end(exc)
                return
            self._most = len(self._members)
            queued.out.begin_again()
            self._waiting.appendleft(queued)
        else:
            self._most = self._steps.members

    def _step(self) -> None:
        """Have all members take one step, and end those that are done or have failed."""
        members = list(self._members)
        ended = [
            (member, _error_of(result))
            for member, result in zip(members, self._step_together(members), strict=True)
            if result is not True
        ]
        for member, error in ended:
            if error:
                member.queued.note(
                    error
                )  # of all, before any is dropped: one of them may tell of a broken engine
        for member, error in ended:
            self._drop(member, error)

    def _step_together(self, members: Sequence[Member]) -> list[StepResult]:
        """Have members take one step, in one call, or in two of half as many each where memory is too little
        for all; return what became of each.
        """
        self._enter([member.queued for member in members])
        try:
            results = list(never_exiting(self._engine.step)([member.state for member in members]))
            if len(results) != len(members):
                raise EngineFailed(f"The engine told of {len(results)} members, and had {len(members)}.")
        except Exception as exc:  # an engine may raise anything; it is the error of all that were in the step
            results = [exc] * len(members)
        self._leave()
        short = next((one for one in map(_error_of, results) if is_out_of_memory(one)), None)
        if short is None:
            return results
        give_back(short)
        if len(members) == 1 or not self._steps.repeatable or any(one is not short for one in results):
            return results
        half = len(members) // 2
        return [*self._step_together(members[:half]), *self._step_together(members[half:])]

    def _drop(self, member: Member, error: Exception | None) -> None:
        self._members.remove(member)
        self._enter([member.queued])
        try:
            if not self._is_broken():
                never_exiting(self._engine.drop)(member.state)
        except Exception as exc:  # an engine may raise anything; its job has ended all the same
            print(f"a job was not dropped cleanly: {type(exc).__name__}: {exc}", file=sys.stderr)
            member.queued.note(exc)
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
