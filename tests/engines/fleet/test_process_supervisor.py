"""Tests of the supervisor that starts one process over and over, with real processes and a clock that the
tests advance.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import pytest

from engines.fleet.child_process import stop_process, wait_for_end
from engines.fleet.process_supervisor import Backoff, ChildRun, Supervisor, supervise
from engines.worker.parent import STOP_SIGNAL

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal({STOP_SIGNAL:d}, signal.SIG_IGN); {SLEEPS}"


class Clock:
    """A clock that advances when somebody sleeps by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Advance the clock at once."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def start(program: str) -> asyncio.subprocess.Process:
    """Start a program and wait until it prints that it is up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    return process


def exists(pid: int) -> bool:
    """Return whether a process exists, if only as a zombie."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_delay_doubles_up_to_a_limit_and_begins_anew_after_a_long_life() -> None:
    """Deaths in a row are followed by longer and longer delays; a death after a long life begins a new row."""
    clock, lives = Clock(), [0.0, 1.0, 2.0, 0.0, 0.0, 30.5, 0.0]
    died: list[int] = []

    async def live(_run: ChildRun) -> None:
        if not lives:
            await asyncio.Event().wait()
        clock.now += lives.pop(0)

    async def test() -> None:
        supervisor = Supervisor(
            live, Backoff(1.0, 6.0, 30.0), died=died.append, clock=clock, sleep=clock.sleep
        )
        task = asyncio.create_task(supervisor.run())
        await until(lambda: len(clock.slept) == 7)
        await cancel(task)

    run(test)
    assert clock.slept == [1.0, 2.0, 4.0, 6.0, 6.0, 1.0, 2.0]
    assert died == [1, 2, 3, 4, 5, 1, 2]


def test_the_delay_stays_at_its_limit() -> None:
    """The delay stays at its limit, however often a child has died."""
    backoff = Backoff(0.2, 30.0)
    for _ in range(5000):
        backoff.record_death(0.0)

    assert backoff.delay == 30.0


def test_a_run_that_raises_is_a_death() -> None:
    """An exception of a run is reported, and the child is started again."""
    clock = Clock()
    failures: list[Exception] = []

    async def live(_run: ChildRun) -> None:
        if len(failures) == 3:
            await asyncio.Event().wait()
        raise (OSError("no"), RuntimeError("no"), TimeoutError("no"))[len(failures)]

    async def test() -> None:
        task = asyncio.create_task(
            Supervisor(live, failed=failures.append, clock=clock, sleep=clock.sleep).run()
        )
        await until(lambda: len(clock.slept) == 3)
        await cancel(task)

    run(test)
    assert [type(failure) for failure in failures] == [OSError, RuntimeError, TimeoutError]
    assert clock.slept == [0.2, 0.4, 0.8]


def test_a_start_that_takes_its_whole_limit_is_no_long_life() -> None:
    """Children that never get ready are started ever more seldom, however long each start was given."""
    clock = Clock()

    async def never_ready(_run: ChildRun) -> None:
        clock.now += 60.0
        await asyncio.sleep(60)

    async def test() -> None:
        died = asyncio.Semaphore(0)
        supervisor = Supervisor(
            never_ready, start_timeout=0.01, clock=clock, sleep=clock.sleep, died=lambda _: died.release()
        )
        task = asyncio.create_task(supervisor.run())
        for _ in range(5):
            await died.acquire()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert clock.slept[:4] == [0.2, 0.4, 0.8, 1.6]

    run(test)


def test_a_process_that_dies_is_started_again_and_the_last_is_stopped() -> None:
    """kill -9 brings another process; cancelling the supervisor stops that one and leaves nothing behind."""
    pids: list[int] = []

    async def live(run: ChildRun) -> None:
        process = await run.start_module("http.server", "0", stdout=asyncio.subprocess.PIPE)
        pids.append(process.pid)
        run.ready()
        await wait_for_end(process)

    async def test() -> None:
        task = asyncio.create_task(Supervisor(live, Backoff(0.01)).run())
        await until(lambda: len(pids) == 1)
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: len(pids) == 2)
        await cancel(task)
        assert not any(exists(pid) for pid in pids)

    run(test)


def test_a_child_that_is_not_ready_in_time_is_stopped() -> None:
    """A start that takes too long is a death with that reason; a child that was ready may live as long as it
    likes.
    """
    pids: list[int] = []
    failures: list[Exception] = []

    async def live(run: ChildRun) -> None:
        process = await run.start_module("http.server", "0", stdout=asyncio.subprocess.PIPE)
        pids.append(process.pid)
        if len(pids) == 2:
            run.ready()
        await wait_for_end(process)

    async def test() -> None:
        task = asyncio.create_task(supervise(live, failures.append, start_timeout=0.3))
        await until(lambda: len(pids) == 2)
        assert not exists(pids[0])
        await asyncio.sleep(0.6)
        assert exists(pids[1])
        await cancel(task)
        assert not exists(pids[1])

    run(test)
    assert [str(failure) for failure in failures] == ["not ready within 0.3 s"]


def test_what_a_signal_to_the_group_ends_has_not_failed() -> None:
    """A child that Ctrl-C ended as it was being started is started again without a word; another's reason is told
    when the next begins.
    """
    failures: list[Exception] = []
    third = asyncio.Event()
    runs = 0

    async def fail(run: ChildRun) -> None:
        nonlocal runs
        runs += 1
        process = await asyncio.create_subprocess_exec("sleep", "60")  # not of ours yet: it heeds Ctrl-C
        run._processes.append(process)
        process.send_signal(signal.SIGINT if runs == 1 else signal.SIGKILL)
        if runs == 3:
            third.set()
        raise OSError(f"of run {runs}")

    async def test() -> None:
        task = asyncio.create_task(supervise(fail, failures.append))
        await third.wait()
        await cancel(task)

    run(test)
    assert [str(failure) for failure in failures] == ["of run 2"]


def test_a_stop_is_clean_and_bounded() -> None:
    """A process is stopped by its parent's signal, or by SIGKILL after the time limit where it ignores that."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        polite, stubborn = await start(SLEEPS), await start(STUBBORN)
        await stop_process(polite, 20)
        assert polite.returncode == -STOP_SIGNAL
        began = loop.time()
        await stop_process(stubborn, 0.3)
        assert stubborn.returncode == -signal.SIGKILL
        assert 0.3 <= loop.time() - began < 10
        await stop_process(stubborn, 0.3)  # stopping an ended process is no error

    run(test)


def test_a_stop_that_is_cancelled_leaves_no_process() -> None:
    """When the wait for a process's end is cancelled, the process is killed and reaped."""

    async def test() -> None:
        stubborn = await start(STUBBORN)
        task = asyncio.create_task(stop_process(stubborn, 60))
        await asyncio.sleep(0.05)
        await cancel(task)
        assert stubborn.returncode == -signal.SIGKILL
        assert not exists(stubborn.pid)

    run(test)


def test_a_cancellation_that_a_run_swallowed_ends_the_supervisor() -> None:
    """A run that was cancelled but returns normally is followed by no other."""
    runs: list[int] = []

    async def live(_run: ChildRun) -> None:
        runs.append(len(runs))
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def test() -> None:
        task = asyncio.create_task(Supervisor(live, Backoff(0.0)).run())
        await until(lambda: bool(runs))
        await cancel(task)

    run(test)
    assert runs == [0]


def test_a_child_on_demand_sleeps_until_it_is_woken_and_after_each_death() -> None:
    """A child on demand runs when it is woken, its deaths in a row are counted across runs, and `rest` is no
    death.
    """
    clock = Clock()
    died: list[int] = []
    runs: list[asyncio.Event] = []

    async def live(_run: ChildRun) -> None:
        runs.append(asyncio.Event())
        await runs[-1].wait()

    async def test() -> None:
        supervisor = Supervisor(
            live, Backoff(1.0, 6.0, 30.0), on_demand=True, died=died.append, clock=clock, sleep=clock.sleep
        )
        task = asyncio.create_task(supervisor.run())
        await asyncio.sleep(0.05)
        assert not runs
        for number, asleep in enumerate((0.0, 20.0, 31.0), 1):
            clock.now += asleep
            supervisor.wake()
            await until(lambda count=number: len(runs) == count)  # type: ignore[misc]
            runs[-1].set()
            await until(lambda count=number: len(died) == count)  # type: ignore[misc]
            assert not supervisor.wanted
        supervisor.wake()
        await until(lambda: len(runs) == 4)
        supervisor.rest()
        runs[-1].set()
        await asyncio.sleep(0.05)
        await cancel(task)

    run(test)
    assert died == [1, 2, 1]
    assert len(runs) == 4
    assert clock.slept == []


def test_a_run_that_goes_on_after_all_can_die() -> None:
    """A run that was told to end before it had begun anything, and goes on as it was woken again, is a death when
    it ends: who wants its child makes room for it again.
    """
    clock = Clock()
    started, dies = asyncio.Event(), asyncio.Event()
    died: list[int] = []

    async def test() -> None:
        async def live(_run: ChildRun) -> None:
            started.set()
            await held.wait()
            supervisor.keep_running()
            await dies.wait()

        held = asyncio.Event()
        supervisor = Supervisor(live, on_demand=True, died=died.append, clock=clock, sleep=clock.sleep)
        task = asyncio.create_task(supervisor.run())
        supervisor.wake()
        await started.wait()
        supervisor.rest()
        supervisor.wake()
        held.set()
        dies.set()
        await until(lambda: bool(died))
        assert not supervisor.wanted
        await cancel(task)

    run(test)
    assert died == [1]


def test_a_child_that_was_woken_again_while_it_ended_runs_at_once() -> None:
    """`wake` before the end that `rest` asked for brings the next run, without a delay and without a
    death.
    """
    runs: list[asyncio.Event] = []

    async def live(_run: ChildRun) -> None:
        runs.append(asyncio.Event())
        await runs[-1].wait()

    def never(_in_a_row: int) -> NoReturn:
        raise AssertionError("it has not died")

    async def test() -> None:
        supervisor = Supervisor(live, Backoff(60.0), died=never)
        task = asyncio.create_task(supervisor.run())
        await until(lambda: len(runs) == 1)
        supervisor.rest()
        supervisor.wake()
        runs[0].set()
        await until(lambda: len(runs) == 2)
        await cancel(task)

    run(test)
    assert len(runs) == 2
