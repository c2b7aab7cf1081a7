"""A supervisor runs one child process over and over: it starts it again after it died, with back-off.

What one run of the child is, the user says: start it, wait until it is ready, and return when it has ended.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping

from engines.fleet.answer_watch import Answers, AnswerTerms, wait_until_overdue
from engines.fleet.child_process import is_stopped, start_module, stop_process
from engines.memory.measure import processor_seconds

LIVED_LONG = 30.0
"""seconds after which a death no longer counts as one in a row"""
RESTART_DELAY = 0.2
RESTART_DELAY_MAX = 30.0
OWN_RESTART_DELAY_MAX = 5.0
"""of children that run no engine: to start them takes little, and the others have their work meanwhile"""
STOP_TIMEOUT = 5.0
EVERY_CHILD = AnswerTerms()
"""what a child has to keep to that has no terms of its own"""
GROUP_SIGNALS = (-signal.SIGINT, -signal.SIGTERM)
"""exit statuses of who was ended by Ctrl-C, `timeout` or systemd"""
MOST_DOUBLINGS = 62
"""of the first delay: enough for any longest one, and far from what a float cannot hold"""


class Backoff:
    """Counts deaths in a row, and says how long to wait before the next start.

    The delay doubles from `first` to `longest`, both in seconds, and begins anew after a child that lived for
    `lived_long`.
    """

    def __init__(
        self,
        first: float = RESTART_DELAY,
        longest: float = RESTART_DELAY_MAX,
        lived_long: float = LIVED_LONG,
    ) -> None:
        self._first = first
        self._longest = longest
        self._lived_long = lived_long
        self.in_a_row = 0

    def record_death(self, lived: float) -> None:
        """Count a death after so many seconds."""
        self.in_a_row = 1 if lived > self._lived_long else self.in_a_row + 1

    @property
    def delay(self) -> float:
        """The seconds to wait before the next start."""
        return min(self._longest, self._first * 2.0 ** min(max(0, self.in_a_row - 1), MOST_DOUBLINGS))


class ChildRun:
    """One run of a child: starts its process, which is stopped when the run ends, however it ends."""

    def __init__(self, start_limit: asyncio.Timeout) -> None:
        self._start_limit = start_limit
        self._processes: list[asyncio.subprocess.Process] = []
        self._watches: list[asyncio.Task[None]] = []

    async def start_module(
        self,
        module: str,
        *arguments: str,
        stdin: int | None = None,
        stdout: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> asyncio.subprocess.Process:
        """Start a module of ours with our interpreter; `environ` adds to its variables. Raises OSError."""
        process = await start_module(module, *arguments, stdin=stdin, stdout=stdout, environ=environ)
        self._processes.append(process)
        return process

    @property
    def ended_with_group(self) -> bool:
        """Whether a process ended by a signal that is sent to whole groups of processes: once one of ours
        runs, it is in none of them any more.
        """
        return any(process.returncode in GROUP_SIGNALS for process in self._processes)

    def ready(self) -> None:
        """Note that the child is ready: the limit on its start no longer counts."""
        self._start_limit.reschedule(None)

    def watch(
        self,
        pid: int,
        answers: Answers,
        kill: Callable[[float], None],
        terms: AnswerTerms = EVERY_CHILD,
    ) -> None:
        """Call `kill` once the process owes an answer for too long, with the seconds."""
        self._watches.append(asyncio.create_task(_watch(pid, answers, kill, terms)))

    async def stop(self, timeout: float) -> None:
        """Stop what was started and still runs: terminate it, and kill it after `timeout` seconds.

        It owes its answers to the end: one that is frozen is not waited for so long.
        """
        try:
            for process in self._processes:
                await stop_process(process, timeout)
        finally:
            for watch in self._watches:
                watch.cancel()


async def _watch(pid: int, answers: Answers, kill: Callable[[float], None], terms: AnswerTerms) -> None:
    kill(
        await wait_until_overdue(
            answers, terms, lambda: processor_seconds(pid), is_stopped=lambda: is_stopped(pid)
        )
    )


def _ignore_failure(_exc: Exception) -> None:
    """Do nothing about a run that raised."""


def _ignore_death(_in_a_row: int) -> None:
    """Do nothing about a death."""


class Supervisor:
    """Runs `run_once` over and over, until `run` is cancelled.

    A run that returns or raises without having been asked to end is a death; the next begins after the
    back-off's delay. `failed` is called with what a run raised, `died` with the number of deaths in a row.
    `start_timeout` bounds, in seconds, the time until `ChildRun.ready` is called; None does not.

    A child that is `on_demand` sleeps until it is woken, and again after each death: its deaths in a row are
    counted from one to the next, however long it slept between them.
    """

    def __init__(
        self,
        run_once: Callable[[ChildRun], Awaitable[None]],
        backoff: Backoff | None = None,
        *,
        on_demand: bool = False,
        start_timeout: float | None = None,
        stop_timeout: float = STOP_TIMEOUT,
        failed: Callable[[Exception], None] = _ignore_failure,
        died: Callable[[int], None] = _ignore_death,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._run_once = run_once
        self._backoff = backoff or Backoff()
        self._on_demand = on_demand
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._failed = failed
        self._died = died
        self._clock = clock
        self._sleep = sleep
        self._running = False
        self._wanted = asyncio.Event()
        if not on_demand:
            self._wanted.set()
        self._last_death: float | None = None
        self._start_timed_out = False
        self.ending = False
        """the run that is under way was asked to end, by `rest`"""

    @property
    def wanted(self) -> bool:
        """Whether the child is to run."""
        return self._wanted.is_set()

    def wake(self) -> None:
        """Have the child run."""
        self._wanted.set()

    def rest(self) -> None:
        """Begin no further run until `wake`. The run that is under way is not a death however it ends, and it
        is the caller who ends it, unless `keep_running` says that it goes on.
        """
        self._wanted.clear()
        self.ending = self._running

    def keep_running(self) -> None:
        """Note that the run that is under way, which `rest` was to end, goes on after `wake`: it had begun
        nothing yet. Its end is a death again.
        """
        self.ending = False

    async def run(self) -> None:
        """Run the child over and over, until cancelled: what `ChildRun` started is stopped then, and
        reaped.
        """
        while True:
            await self._wanted.wait()
            began = self._clock()
            await self._run_and_report()
            ended_as_asked = self.ending
            self.ending = False
            if ended_as_asked or not self.wanted:
                continue
            self._count_death(began)
            if self.wanted:
                await self._sleep(self._backoff.delay)

    async def _run_and_report(self) -> None:
        self._running = True
        try:
            await self._run()
        except Exception as exc:  # whatever it is: without its supervisor a child would never come back
            self._running = False
            self._failed(exc)
        finally:
            self._running = False
        if (task := asyncio.current_task()) and task.cancelling():
            # it came while a dead child was cleared away, and was swallowed there
            raise asyncio.CancelledError

    async def _run(self) -> None:
        """Run the child once, within its limits. Raises TimeoutError when it is not ready in time."""
        run: ChildRun | None = None
        limit = asyncio.timeout(self._start_timeout)
        try:
            async with limit:
                run = ChildRun(limit)
                await self._run_once(run)
        except TimeoutError as exc:
            if limit.expired():
                self._start_timed_out = True
                raise TimeoutError(f"not ready within {self._start_timeout:g} s") from exc
            raise
        finally:
            if run is not None:
                await run.stop(self._stop_timeout)

    def _count_death(self, began: float) -> None:
        now = self._clock()
        since = self._last_death if self._on_demand else began
        lived = float("inf") if since is None else now - since
        # A start that took its whole limit is no long life.
        self._backoff.record_death(0.0 if self._start_timed_out else lived)
        self._start_timed_out = False
        self._last_death = now
        if self._on_demand:
            self._wanted.clear()
        self._died(self._backoff.in_a_row)


async def supervise(
    run_once: Callable[[ChildRun], Awaitable[None]],
    failed: Callable[[Exception], None],
    *,
    start_timeout: float = 60.0,
) -> None:
    """Run a child that runs no engine over and over with the usual back-off, until cancelled.

    What a run raised is told to `failed` when the next begins, unless it was a signal to our whole group:
    Ctrl-C also ends a child that was forked and had not left the group yet, and nothing failed.
    """
    backoff = Backoff(longest=OWN_RESTART_DELAY_MAX)
    before: list[ChildRun] = []
    untold: list[Exception] = []

    async def tell_and_run(run: ChildRun) -> None:
        if untold and not before[-1].ended_with_group:
            failed(untold[-1])
        untold.clear()
        before[:] = [run]
        await run_once(run)

    await Supervisor(tell_and_run, backoff, start_timeout=start_timeout, failed=untold.append).run()
