"""Tests of engines whose workers start on demand: models that are loaded, unloaded, replaced and that fail
while requests wait for them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from outputs import QUIET
from servers import parent_of
from sleepy import Sleepy

from engines.api import Place, SpeechJob
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineFailed, EngineUnavailable, SpeechError
from engines.fleet.on_demand import OnDemand
from engines.fleet.pool import Pool
from engines.fleet.retry_pause import GIVEN_UP
from engines.fleet.runtime import Engines
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_launch import Log
from engines.memory.governor import GIB, Governor, MemoryNeed
from engines.settings import EngineSettings, WorkerSettings

RECORD = EngineRecord("sleepy", "sleepy:Sleepy", ("speech",), "Apache-2.0")
JOB = SpeechJob("one two", "low")
KNOWN = Sleepy().load(Place(), QUIET)


@pytest.fixture(autouse=True)
def sleepy_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the tests' support folder on the workers' import path, so that they find the engine `sleepy`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "support"))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


def quiet(*_args: object, **_fields: object) -> None:
    """Log nothing."""


@asynccontextmanager
async def run_on_demand(
    on_demand: OnDemand, bad: Path | None = None, log: Log = quiet, record: EngineRecord = RECORD
) -> AsyncIterator[tuple[WorkerGroup, Pool]]:
    """Run the engine `sleepy` with workers that start on demand; `bad`: a file that makes loading fail while
    it exists.
    """
    options = EngineSettings(options={"bad": str(bad)} if bad else {})
    group = WorkerGroup(record, options, WorkerSettings(), log, on_demand=on_demand)
    async with group.running():
        yield group, Pool(record.name, group, 1)


async def count_events(pool: Pool, job: SpeechJob = JOB) -> int:
    """Synthesise a job and return the number of its events."""
    async with aclosing(pool.speak(job)) as events:
        return len([event async for event in events])


def test_the_first_start_reserves_memory() -> None:
    """A model of which nothing is known is started without a request, but only where memory can be reserved,
    and one model at a time.
    """
    memory_is_free: list[bool] = [False]
    at_once: list[int] = []
    starting: set[int] = set()

    def reservation(number: int) -> Callable[[int, bool], Awaitable[None]]:
        async def reserve(_count: int, _evict: bool) -> None:
            if not memory_is_free[0]:
                raise EngineUnavailable("no memory")
            starting.add(number)
            at_once.append(len(starting))

        return reserve

    async def test() -> None:
        start_lock = asyncio.Lock()
        settings = [
            OnDemand(
                reserve=reservation(index), on_started=partial(starting.discard, index), start_lock=start_lock
            )
            for index in range(2)
        ]
        async with run_on_demand(settings[0]) as (first, _):
            await asyncio.sleep(0.3)
            assert not first.pids()
            assert first.info is None
            assert (first.status().known, first.status().workers[0].reason) == (False, "no memory")
        memory_is_free[0] = True
        async with run_on_demand(settings[0]) as (first, _), run_on_demand(settings[1]) as (second, _):
            while not (first.info and second.info):  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.02)
        assert at_once == [1, 1]

    run(test)


def test_two_loads_at_once_do_not_share_memory() -> None:
    """With memory for one of two models that are started together, the second is refused or the first is
    stopped; never are both loaded.
    """

    async def test() -> None:
        governor = Governor(
            free=lambda: 3 * GIB - 2 * GIB * sum(bool(group.pids()) for group in (first, second)),
            held=lambda _pid: 2 * GIB,
        )

        def on_demand(name: str) -> OnDemand:
            return OnDemand(
                info=KNOWN,
                reserve=lambda _, evict: governor.reserve(name, MemoryNeed(2 * GIB), evict=evict),
                on_started=lambda: governor.release(name),
            )

        async with (
            run_on_demand(on_demand("first")) as (first, first_pool),
            run_on_demand(on_demand("second")) as (second, second_pool),
        ):
            governor.add(first)
            governor.add(second)
            results = await asyncio.gather(
                count_events(first_pool), count_events(second_pool), return_exceptions=True
            )
            assert sorted(type(result).__name__ for result in results) == ["EngineUnavailable", "int"]
            assert bool(first.pids()) != bool(second.pids())

    run(test)


def test_a_cancelled_load_can_be_repeated_at_once() -> None:
    """A model that is loaded again before its previous process has ended becomes ready."""

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN)) as (group, _):
            for wait in (0.2, 2.0):
                await group.wake()
                await asyncio.sleep(wait)
                resting = asyncio.create_task(group.rest())
                await asyncio.sleep(0)
                await group.wake()
                assert await asyncio.wait_for(group.wait_ready(), 30)
                resting.cancel()

    run(test)


def test_a_pinned_model_is_restarted() -> None:
    """A pinned model is loaded again after a crash, without a request for it."""

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN, pinned=True)) as (group, _):
            while not group.ready:  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.02)
            (first,) = group.pids()
            os.kill(first, signal.SIGKILL)
            while not (group.ready and group.pids() != [first]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    run(test)


def test_a_worker_that_cannot_start_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no worker can be started at all, a request is refused after one attempt."""
    reservations = 0

    async def test() -> None:
        nonlocal reservations

        async def reserve(_count: int, _evict: bool) -> None:
            nonlocal reservations
            reservations += 1

        async with run_on_demand(OnDemand(info=KNOWN, reserve=reserve)) as (_, pool):
            monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
            with pytest.raises(EngineUnavailable, match="no folder for it could be made"):
                await asyncio.wait_for(count_events(pool), 20)

    run(test)
    assert reservations == 1


def test_a_removed_model_holds_no_memory() -> None:
    """A model that is removed while memory is being reserved for it gives the reservation back."""
    held: list[str] = []

    async def reserve(_count: int, _evict: bool) -> None:
        await asyncio.sleep(0.5)
        held.append("memory")

    async def test() -> None:
        engines = Engines({}, WorkerSettings(), log=quiet, catalogue=())
        async with engines.running():
            engines.add(
                RECORD, EngineSettings(), OnDemand(info=KNOWN, reserve=reserve, on_started=held.clear)
            )
            speaking = asyncio.create_task(count_events(engines.pool("sleepy")))
            await asyncio.sleep(0.2)
            await engines.remove("sleepy")
            with pytest.raises(EngineUnavailable, match="removed or replaced"):
                await speaking

    run(test)
    assert held == []


def test_an_engine_that_is_added_twice_is_replaced() -> None:
    """An engine that is added under the name of one that runs replaces it: of the old one no process is left."""

    async def test() -> None:
        engines = Engines({}, WorkerSettings(), log=quiet, catalogue=())
        pids: list[int] = []
        async with engines.running():
            for _ in range(3):
                group = engines.add(RECORD, EngineSettings())
                assert await group.wait_ready()
                pids += group.pids()
                assert await count_events(engines.pool("sleepy"))
                assert [pid for pid in pids if parent_of(pid)] == pids[-1:]
            engines.add(RECORD, EngineSettings())  # and the end comes while it is being replaced
        assert not any(map(parent_of, pids))

    run(test)


def test_two_crashes_are_restarted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose worker died twice in a row serves the next request; after the third death requests get
    the reason.
    """
    monkeypatch.setattr("engines.fleet.supervised_worker.LIVED_LONG", 1e6)
    monkeypatch.setattr("engines.fleet.worker_group.RETRY_SECONDS", 1e6)

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN)) as (group, pool):
            for deaths in range(3):
                assert await count_events(pool) > 0
                assert group.status().workers[0].restarts == deaths
                os.kill(group.pids()[0], signal.SIGKILL)
                while group.ready or group.pids():  # noqa: ASYNC110 - the state is another process's
                    await asyncio.sleep(0.02)
            with pytest.raises(EngineUnavailable, match=r"killed \(SIGKILL\)"):
                await count_events(pool)

    run(test)


def test_a_model_that_was_given_up_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose worker died three times in a row is left alone for a while, which log and status tell; then it is
    usable again, without being asked for by name, and serves. After the next death the while is twice as long.
    """
    monkeypatch.setattr("engines.fleet.process_supervisor.LIVED_LONG", 1e6)
    monkeypatch.setattr("engines.fleet.supervised_worker.LIVED_LONG", 1e6)
    monkeypatch.setattr("engines.fleet.retry_pause.LIVED_LONG", 1e6)
    monkeypatch.setattr("engines.fleet.worker_group.RETRY_SECONDS", 2.0)
    given_up: list[dict[str, object]] = []

    def log(event: str, **fields: object) -> None:
        if event == GIVEN_UP:
            given_up.append(fields)

    async def die(group: WorkerGroup, pool: Pool) -> None:
        assert await count_events(pool) == 2
        os.kill(group.pids()[0], signal.SIGKILL)
        while group.ready or group.pids() or group.starting:  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN), log=log) as (group, pool):
            for pause in (2.0, 4.0):
                while not given_up:
                    await die(group, pool)
                worker = group.status().workers[0]
                assert (worker.state, group.usable) == ("failed", False)
                assert 0 < worker.retry_in <= pause
                reason = "the worker was killed (SIGKILL), as the system does where memory is short"
                assert given_up == [{"engine": "sleepy", "retry_in": pause, "reason": reason}]
                given_up.clear()
                while not group.usable:  # noqa: ASYNC110 - nothing says so
                    await asyncio.sleep(0.02)
                worker = group.status().workers[0]
                assert (worker.state, worker.retry_in, worker.reason) == ("resting", 0.0, reason)
            assert await count_events(pool) == 2

    run(test)


def test_a_model_that_cannot_be_started_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose library is not there stays unusable, so that others do what nobody asked of it by name; who names
    it has it tried again.
    """
    monkeypatch.setattr("engines.fleet.worker_group.RETRY_SECONDS", 0.1)
    record = EngineRecord("absent", "not_there:Absent", ("speech",), "Apache-2.0")
    failures: list[str] = []

    def log(event: str, **_fields: object) -> None:
        if event == "worker did not start":
            failures.append(event)

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN), log=log, record=record) as (group, pool):
            for starts in (1, 2):
                with pytest.raises(EngineUnavailable, match="not_there"):
                    await count_events(pool)
                assert len(failures) == starts
                await asyncio.sleep(0.5)
                assert not group.usable

    run(test)


def test_a_pinned_model_is_not_evicted() -> None:
    """A pinned model is not stopped to free memory for another."""

    async def test() -> None:
        governor = Governor(free=lambda: GIB)
        async with run_on_demand(OnDemand(info=KNOWN, pinned=True)) as (first, _):
            governor.add(first)
            while not first.ready:  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.02)
            with pytest.raises(EngineUnavailable, match="in use or to be kept"):
                await governor.reserve("other", MemoryNeed(2 * GIB))
            assert first.pids()

    run(test)


def test_a_stream_ends_when_its_engine_is_removed() -> None:
    """A stream whose engine is removed, while it plays or while the engine loads, ends with an error."""

    async def test() -> None:
        engines = Engines({}, WorkerSettings(), log=quiet, catalogue=())
        async with engines.running():
            for when in (2.0, 0.3):
                engines.add(RECORD, EngineSettings(), OnDemand(info=KNOWN))
                speaking = asyncio.create_task(
                    count_events(engines.pool("sleepy"), SpeechJob("word " * 40, "low"))
                )
                await asyncio.sleep(when)
                await engines.remove("sleepy")
                with pytest.raises(SpeechError):
                    await asyncio.wait_for(speaking, 20)

    run(test)


def test_unload_during_a_load() -> None:
    """Whoever waits for a load that is cancelled gets an error at once; the next request loads the model
    again.
    """

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN)) as (group, pool):
            await group.wake()
            waiting = asyncio.create_task(group.wait_ready())
            await asyncio.sleep(0.2)
            began = time.monotonic()
            await group.rest()
            assert await asyncio.wait_for(waiting, 20) is False
            assert time.monotonic() - began < 20
            assert group.status().workers[0].state == "resting"
            assert await count_events(pool) == 2

    run(test)


def test_a_rest_does_not_shorten_the_next_load() -> None:
    """A model has its whole start timeout to load, however long its worker rested before."""

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN, start_timeout=5.0)) as (group, pool):
            assert await count_events(pool) == 2
            await group.rest()
            await asyncio.sleep(4.5)
            assert await count_events(pool) == 2

    run(test)


def test_a_load_that_fails_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a model cannot be loaded each request is refused with the reason; once its files are repaired
    requests are served.
    """
    monkeypatch.setattr("engines.fleet.worker_group.RETRY_SECONDS", 0.3)
    (tmp_path / "bad").touch()

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN), tmp_path / "bad") as (group, pool):
            for _ in range(2):
                with pytest.raises(EngineUnavailable, match="the files are spoilt"):
                    await count_events(pool)
            assert group.info == KNOWN
            assert not group.usable
            (tmp_path / "bad").unlink()
            await asyncio.sleep(0.4)
            assert await count_events(pool) == 2

    run(test)


def test_a_worker_that_dies_reserves_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is reserved anew before a worker that died starts again.

    The stream that it died in gets an error, and the next one is served. A worker that dies again soon is
    restarted after some seconds only.
    """
    monkeypatch.setattr("engines.fleet.worker_group.RETRY_SECONDS", 0.3)
    reservations = 0

    async def reserve(_count: int, _evict: bool) -> None:
        nonlocal reservations
        reservations += 1

    async def test() -> None:
        async with run_on_demand(OnDemand(info=KNOWN, reserve=reserve)) as (group, pool):
            assert await count_events(pool) == 2
            os.kill(group.pids()[0], signal.SIGKILL)
            while group.ready:  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.02)
            assert await count_events(pool) == 2
            assert reservations == 2
            speaking = asyncio.create_task(count_events(pool, SpeechJob("word " * 10, "low")))
            await asyncio.sleep(1.2)
            os.kill(group.pids()[0], signal.SIGKILL)
            with pytest.raises((EngineFailed, EngineUnavailable)):
                await speaking
            await asyncio.sleep(0.5)
            assert await count_events(pool) == 2

    run(test)
