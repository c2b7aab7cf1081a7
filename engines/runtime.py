"""All engines that are enabled, each with its pool: what the gateway holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from engines.api import EngineInfo, EngineUnavailable
from engines.catalogue import CATALOGUE, Kind, Record
from engines.dispatch import Dispatcher, PoolState
from engines.observer import Observer
from engines.pool import Pool
from engines.process import Log, sweep
from engines.settings import EngineSettings, WorkerSettings


class UnknownEngine(ValueError):
    """The settings name an engine that there is not."""


class EngineSet(Protocol):
    """The engines that are enabled, wherever they run."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run all engines; does not wait until they are ready."""
        ...

    def infos(self) -> dict[str, EngineInfo]:
        """Give what the engines that can work say of themselves, the best first."""
        ...

    def pool(self, name: str) -> Pool:
        """Give an engine's pool. Raises EngineUnavailable."""
        ...

    def states(self) -> dict[str, PoolState]:
        """Tell how each engine is."""
        ...

    def names(self, kind: Kind) -> list[str]:
        """Name the enabled engines of a kind, the best first."""
        ...


class Engines:
    """The engines of the catalogue, as the settings want them. Raises UnknownEngine."""

    def __init__(
        self,
        settings: Mapping[str, EngineSettings],
        workers: WorkerSettings,
        *,
        log: Log,
        observer: Observer | None = None,
        encoding: Callable[[], float] = lambda: 0.0,
        catalogue: tuple[Record, ...] = CATALOGUE,
    ) -> None:
        names = {record.name for record in catalogue}
        if unknown := sorted(set(settings) - names):
            raise UnknownEngine(f"engines.{unknown[0]}: there is no such engine; there are: {', '.join(sorted(names))}")
        self._dispatchers: dict[str, Dispatcher] = {}
        self._pools: dict[str, Pool] = {}
        for record in sorted(catalogue, key=lambda one: -one.rank):
            chosen = settings.get(record.name, EngineSettings(enabled=record.default))
            if chosen.enabled:
                dispatcher = Dispatcher(record, chosen, workers, log, encoding=encoding)
                self._dispatchers[record.name] = dispatcher
                self._pools[record.name] = Pool(record.name, dispatcher, chosen.workers or record.workers, observer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all engines; does not wait until they are ready."""
        await asyncio.to_thread(sweep)
        async with AsyncExitStack() as stack:
            for dispatcher in self._dispatchers.values():
                await stack.enter_async_context(dispatcher.running())
            yield

    async def ready(self, timeout: float) -> bool:
        """Wait until every engine has a worker that is ready; False when some has none in time, or never will."""
        try:
            async with asyncio.timeout(timeout):
                return all(await asyncio.gather(*(dispatcher.wait_ready() for dispatcher in self._dispatchers.values())))
        except TimeoutError:
            return False

    def dispatchers(self) -> dict[str, Dispatcher]:
        """Give what runs each engine's workers."""
        return self._dispatchers

    def dispatcher(self, name: str) -> Dispatcher:
        """Give what runs an engine's workers. Raises EngineUnavailable."""
        if name not in self._dispatchers:
            raise EngineUnavailable(f"The engine `{name}` is not enabled.")
        return self._dispatchers[name]

    def infos(self) -> dict[str, EngineInfo]:
        """Give what the engines that can work say of themselves, the best first."""
        return {name: pool.info for name, pool in self._pools.items() if pool.info is not None}

    def pool(self, name: str) -> Pool:
        """Give an engine's pool. Raises EngineUnavailable."""
        pool = self._pools.get(name)
        if pool is None:
            raise EngineUnavailable(f"The engine `{name}` is not enabled.")
        return pool

    def states(self) -> dict[str, PoolState]:
        """Tell how each engine is."""
        return {name: pool.state() for name, pool in self._pools.items()}

    def names(self, kind: Kind) -> list[str]:
        """Name the enabled engines of a kind, the best first."""
        return [name for name, dispatcher in self._dispatchers.items() if kind in dispatcher.record.kinds]
