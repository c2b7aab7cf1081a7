"""The engines that are enabled, each with its worker group and its pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from engines.api import EngineInfo
from engines.catalogue.engines import CATALOGUE, EngineRecord, Kind, does_rest
from engines.errors import EngineUnavailable
from engines.fleet.events import Observer
from engines.fleet.launched_workers import LaunchedWorkers
from engines.fleet.on_demand import OnDemand
from engines.fleet.pool import Pool
from engines.fleet.resting_engines import RestingEngines
from engines.fleet.status import EngineStatus
from engines.fleet.temporary_folders import remove_stale_folders
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_launch import Log
from engines.settings import EngineSettings, WorkerSettings

IDLE_POLL_SECONDS = 0.2


class UnknownEngine(ValueError):
    """The settings name an engine that does not exist."""


class EngineSet(Protocol):
    """The engines that are enabled, wherever they run."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run all engines, without waiting until they are ready."""
        ...

    def infos(self) -> dict[str, EngineInfo]:
        """Return what the engines that can work say of themselves, the best first."""
        ...

    def pool(self, name: str) -> Pool:
        """Return an engine's pool. Raises EngineUnavailable."""
        ...

    def statuses(self) -> dict[str, EngineStatus]:
        """Return each engine's status."""
        ...

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the enabled engines of a kind, the best first."""
        ...


async def _run_group(group: WorkerGroup, before: asyncio.Task[None] | None = None) -> None:
    """Run an engine's workers until cancelled, once those that ran before have been stopped."""
    if before:
        await asyncio.wait([before])
    async with group.running():
        await asyncio.get_running_loop().create_future()


async def _end_when_idle(group: WorkerGroup, task: asyncio.Task[None]) -> None:
    """Stop an engine, which `task` runs, once it is not in use, or when this is cancelled."""
    try:
        while group.in_use:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(IDLE_POLL_SECONDS)
    finally:
        task.cancel()
        await asyncio.wait([task])


class Engines:
    """The engines of the catalogue that the settings enable, run by this process. Raises UnknownEngine.

    Without `resting` all of them are always ready. Workers that were `launched` before are taken.
    """

    def __init__(
        self,
        settings: Mapping[str, EngineSettings],
        workers: WorkerSettings,
        *,
        log: Log,
        observer: Observer | None = None,
        encoding: Callable[[], float] = lambda: 0.0,
        catalogue: tuple[EngineRecord, ...] = CATALOGUE,
        resting: RestingEngines | None = None,
        launched: LaunchedWorkers | None = None,
    ) -> None:
        self._workers = workers
        self._log = log
        self._observer = observer
        self._encoding = encoding
        self._take_launched = launched.take if launched else None
        self._tasks: dict[str, asyncio.Task[None]] | None = None
        self._replaced: set[asyncio.Task[None]] = set()
        """tasks of engines that others have replaced, while their workers stop"""
        self._retired: set[asyncio.Task[None]] = set()
        """tasks of engines that are removed once what they have begun is finished"""
        names = {record.name for record in catalogue}
        if unknown := sorted(set(settings) - names):
            raise UnknownEngine(
                f"engines.{unknown[0]}: there is no such engine; there are: {', '.join(sorted(names))}"
            )
        self._groups: dict[str, WorkerGroup] = {}
        self._pools: dict[str, Pool] = {}
        enabled = [record for record in catalogue if record.is_enabled(settings)]
        for record in sorted(enabled, key=lambda one: -one.rank):
            chosen = settings.get(record.name, EngineSettings())
            rests = resting is not None and does_rest(record, enabled)
            self.add(record, chosen, resting.on_demand(record, chosen) if resting and rests else None)

    def add(
        self, record: EngineRecord, settings: EngineSettings, on_demand: OnDemand | None = None
    ) -> WorkerGroup:
        """Add an engine, also while they run, and return its worker group. The best engine stays first.

        One of that name which runs is replaced: its workers are stopped before the new ones start.
        """
        if replaced := self._groups.get(record.name):
            replaced.stop_reason = f"`{record.name}` has been removed or replaced."
        group = WorkerGroup(
            record,
            settings,
            self._workers,
            self._log,
            encoding=self._encoding,
            on_demand=on_demand,
            take_launched=self._take_launched,
        )
        self._groups[record.name] = group
        self._pools[record.name] = Pool(
            record.name, group, settings.workers or record.workers, self._observer
        )
        ranked = sorted(self._groups.items(), key=lambda one: -one[1].record.rank)
        self._groups = dict(ranked)
        self._pools = {name: self._pools[name] for name in self._groups}
        if self._tasks is not None:
            before = self._tasks.get(record.name)
            if before:
                before.cancel()
                self._replaced.add(before)
                before.add_done_callback(self._replaced.discard)
            self._tasks[record.name] = asyncio.create_task(_run_group(group, before))
        return group

    def retire(self, name: str) -> None:
        """Remove an engine: what it has begun is finished, and it gets nothing new."""
        self._pools.pop(name, None)
        group = self._groups.pop(name, None)
        if group and self._tasks and (task := self._tasks.pop(name, None)):
            ending = asyncio.create_task(_end_when_idle(group, task))
            self._retired.add(ending)
            ending.add_done_callback(self._retired.discard)

    async def remove(self, name: str) -> None:
        """Stop and remove an engine."""
        self._pools.pop(name, None)
        if group := self._groups.pop(name, None):
            group.stop_reason = f"`{name}` has been removed or replaced."
        if self._tasks and (task := self._tasks.pop(name, None)):
            task.cancel()
            await asyncio.wait([task, *self._replaced])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all engines, without waiting until they are ready."""
        await asyncio.to_thread(remove_stale_folders)
        self._tasks = {name: asyncio.create_task(_run_group(group)) for name, group in self._groups.items()}
        try:
            yield
        finally:
            tasks, self._tasks = self._tasks, None
            for task in tasks.values():
                task.cancel()
            for task in self._retired:
                task.cancel()
            await asyncio.gather(*tasks.values(), *self._replaced, *self._retired, return_exceptions=True)

    async def ready(self, timeout: float) -> bool:
        """Wait until every engine has a worker that is ready; return False when one has none in time, or
        never will.
        """
        try:
            async with asyncio.timeout(timeout):
                return all(await asyncio.gather(*(group.wait_ready() for group in self._groups.values())))
        except TimeoutError:
            return False

    def groups(self) -> dict[str, WorkerGroup]:
        """Return each engine's worker group."""
        return self._groups

    def group(self, name: str) -> WorkerGroup:
        """Return an engine's worker group. Raises EngineUnavailable."""
        if name not in self._groups:
            raise EngineUnavailable(f"The engine `{name}` is not enabled.")
        return self._groups[name]

    def infos(self) -> dict[str, EngineInfo]:
        """Return what the engines that can work say of themselves, the best first; models that do not load
        come last.
        """
        found = {name: pool.info for name, pool in self._pools.items() if pool.info is not None}
        return dict(sorted(found.items(), key=lambda one: not self._groups[one[0]].usable))

    def pool(self, name: str) -> Pool:
        """Return an engine's pool. Raises EngineUnavailable."""
        pool = self._pools.get(name)
        if pool is None:
            raise EngineUnavailable(f"The engine `{name}` is not enabled.")
        return pool

    def statuses(self) -> dict[str, EngineStatus]:
        """Return each engine's status."""
        return {name: pool.status() for name, pool in self._pools.items()}

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the enabled engines of a kind, the best first."""
        return [name for name, group in self._groups.items() if kind in group.record.kinds]
