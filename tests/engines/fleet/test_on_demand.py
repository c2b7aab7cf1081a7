"""Tests of engines that start when they are wanted, rest when they are idle, and free memory for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import msgspec
import pytest
from outputs import QUIET

from engines.api import EngineInfo, Place, SpeechJob
from engines.catalogue.engines import EngineRecord, find_engine
from engines.errors import EngineUnavailable
from engines.fakes.cloner import Cloner
from engines.fleet.on_demand import OnDemand
from engines.fleet.pool import Pool
from engines.fleet.streams import RequestTerms
from engines.fleet.worker_group import WorkerGroup
from engines.memory.governor import GIB, Governor, MemoryNeed
from engines.memory.measure import resident_bytes
from engines.settings import EngineSettings, WorkerSettings

KNOWN = Cloner().load(Place(), QUIET)
JOB = SpeechJob("one two three", "low")


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


def quiet(*_args: object, **_fields: object) -> None:
    """Log nothing."""


@asynccontextmanager
async def run_on_demand(
    on_demand: OnDemand, record: EngineRecord | None = None
) -> AsyncIterator[tuple[WorkerGroup, Pool]]:
    """Run the engine `mimic`, or another, with workers that start on demand."""
    record = record or find_engine("mimic")
    group = WorkerGroup(record, EngineSettings(), WorkerSettings(), quiet, on_demand=on_demand)
    async with group.running():
        yield group, Pool(record.name, group, 1)


async def count_events(pool: Pool, job: SpeechJob = JOB) -> int:
    """Synthesise a job and return the number of its events."""
    async with aclosing(pool.speak(job)) as events:
        return len([event async for event in events])


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that another process brings about."""
    while not condition():  # noqa: ASYNC110 - the state is another process's
        await asyncio.sleep(0.02)


def test_a_request_starts_and_idleness_stops() -> None:
    """An engine's info is known before it runs; the first request starts it, idleness stops it, and the next
    request starts it again.
    """

    async def test() -> None:
        async with run_on_demand(OnDemand(KNOWN, rest_after=0.2)) as (group, pool):
            assert pool.info == KNOWN
            assert group.pids() == []
            for _ in range(2):
                assert await count_events(pool) == 6
                assert len(group.pids()) == 1
                await until(lambda: not group.pids())
                assert group.status().workers[0].state == "resting"
                assert pool.info is not None

    run(test)


def test_simultaneous_requests_start_it_once() -> None:
    """Twenty simultaneous requests cause one load, and all are served."""
    reservations = 0

    async def reserve(_count: int, _evict: bool) -> None:
        nonlocal reservations
        reservations += 1

    learned: list[EngineInfo] = []

    async def test() -> None:
        on_demand = OnDemand(
            KNOWN, reserve=reserve, on_ready=lambda info, _pid, _seconds: learned.append(info)
        )
        async with run_on_demand(on_demand) as (group, pool):
            assert set(await asyncio.gather(*(count_events(pool) for _ in range(20)))) == {6}
            assert group.status().workers[0].restarts == 0

    run(test)
    assert reservations == 1
    assert learned == [KNOWN]


def test_an_engine_in_use_does_not_rest() -> None:
    """A stream that lasts longer than the idle time is not cut off."""

    async def test() -> None:
        async with (
            run_on_demand(OnDemand(KNOWN, rest_after=0.1)) as (group, pool),
            pool.open(RequestTerms()) as stream,
        ):
            before = None
            for _ in range(4):
                async with aclosing(stream.speak(JOB)) as events:
                    assert len([event async for event in events]) == 6
                before = before or group.pids()
                await asyncio.sleep(0.3)
                assert group.pids() == before

    run(test)


def test_a_load_that_fails_says_why() -> None:
    """The reason of a failed load reaches its request, and the next one at once, without another attempt."""

    async def test() -> None:
        record = EngineRecord("broken", "engines.nowhere:Nothing", ("speech",), "none")
        async with run_on_demand(OnDemand(KNOWN), record) as (group, pool):
            for _ in range(3):
                with pytest.raises(EngineUnavailable, match="nowhere"):
                    await count_events(pool)
            assert group.status().workers[0].state == "failed"

    run(test)


def test_the_least_recently_used_engine_is_evicted() -> None:
    """With memory for one engine, the one used the longest time ago rests; with all in use the refusal has
    the figures.
    """

    async def test() -> None:
        governor = Governor(
            free=lambda: 3 * GIB - sum(2 * GIB for one in (first, second) if one.pids()),
            held=lambda _pid: 2 * GIB,
        )
        settings = [
            OnDemand(KNOWN, reserve=lambda _count, _evict: governor.reserve("mimic", MemoryNeed(2 * GIB)))
            for _ in range(2)
        ]
        async with run_on_demand(settings[0]) as (first, one), run_on_demand(settings[1]) as (second, other):
            governor.add(first)
            governor.add(second)
            await count_events(one)
            assert first.pids()
            await count_events(other)
            assert not first.pids()
            assert second.pids()
            async with other.open(RequestTerms()):
                with pytest.raises(EngineUnavailable, match=r"about 2\.0 GiB.*0\.5 GiB can be had"):
                    await count_events(one)
                assert second.pids()

    run(test)


def test_nothing_is_evicted_in_vain() -> None:
    """Nothing is stopped for an engine that would not fit even then, nor where eviction is not wished; the
    refusal has the figures.
    """

    async def test() -> None:
        governor = Governor(
            free=lambda: 3 * GIB - sum(GIB for one in (first, second) if one.pids()), held=lambda _pid: GIB
        )
        async with (
            run_on_demand(OnDemand(KNOWN)) as (first, one),
            run_on_demand(OnDemand(KNOWN)) as (second, other),
        ):
            governor.add(first)
            governor.add(second)
            await count_events(one)
            await count_events(other)
            with pytest.raises(
                EngineUnavailable, match=r"about 3\.0 GiB, 0\.5 GiB can be had.*does not hold enough"
            ):
                await governor.reserve("third", MemoryNeed(3 * GIB))
            with pytest.raises(EngineUnavailable, match=r"about 2\.0 GiB, 0\.5 GiB can be had.*stays unless"):
                await governor.reserve("third", MemoryNeed(2 * GIB), evict=False)
            assert first.pids()
            assert second.pids()
            await governor.reserve("third", MemoryNeed(2 * GIB))
            assert [bool(one.pids()) for one in (first, second)] == [False, False]

    run(test)


def test_gpus_are_evicted_separately() -> None:
    """Engines on a GPU rest to free its memory, those on the processor do not; another card has its own
    memory.
    """

    async def test() -> None:
        on_gpu = msgspec.structs.replace(KNOWN, device="cuda")
        governor = Governor(
            free=lambda: 100 * GIB, gpus=lambda: [3 * GIB - 2 * GIB * bool(first.pids()), GIB // 2]
        )
        async with (
            run_on_demand(OnDemand(on_gpu)) as (first, one),
            run_on_demand(OnDemand(KNOWN)) as (second, other),
        ):
            governor.add(first)
            governor.add(second)
            await count_events(one)
            await count_events(other)
            first._info = on_gpu
            await governor.reserve("third", MemoryNeed(GIB, 2 * GIB))
            assert not first.pids()
            assert second.pids()
            with pytest.raises(
                EngineUnavailable, match=r"on GPU 1: it takes about 2\.0 GiB, 0\.2 GiB can be had"
            ):
                await governor.reserve("third", MemoryNeed(GIB, 2 * GIB, gpu_index=1))
            await governor.reserve("third", MemoryNeed(GIB, 2 * GIB, gpu_index=7))

    run(test)


def test_memory_is_measured() -> None:
    """A running process holds memory, one that has ended holds none."""

    async def test() -> None:
        async with run_on_demand(OnDemand(KNOWN)) as (group, pool):
            await count_events(pool)
            (pid,) = group.pids()
            assert resident_bytes(pid) > 10_000_000
            await group.rest()
            assert resident_bytes(pid) == 0

    run(test)
