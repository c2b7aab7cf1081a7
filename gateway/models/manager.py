"""The manager of models: pulling, deleting, loading and unloading them, in the process that runs the engines.

Models that are complete and can run on this machine become engines by themselves, within seconds of their
pull, by whomever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from engines.catalogue.records import ModelRecord, SourceName
from engines.errors import BadInput, EngineUnavailable, SpeechError
from engines.fleet.resting_engines import RestingEngines
from engines.fleet.runtime import Engines
from engines.fleet.worker_group import WorkerGroup
from engines.hub.snapshots import has_same_files
from gateway.config.paths import data_folder
from gateway.config.settings import Settings
from gateway.models.file_threads import FileThreads
from gateway.models.kept_model import LAST_USED_FILE, KeptModel, LastUsedFile, last_pulled
from gateway.models.look_again import LookAgain
from gateway.models.pulls import Pull, Pulls, PullStatus
from gateway.models.registry import ModelRegistry, RunnableModel, disabled_reason, make_registry
from gateway.models.substitutes import pull_or_substitute

SCAN_SECONDS = 5.0
NOT_LOOKED_FOR = "models could not be looked for"
PULLS_AT_ONCE = 64
"""of different models; further ones wait"""


class ModelManager(Protocol):
    """What can be done to models, in this process or by way of another."""

    models: ModelRegistry

    def running(self, settled: Callable[[], Awaitable[None]]) -> AbstractAsyncContextManager[None]:
        """Keep what is known of models as the files are, for the block; `settled` returns once the first
        start of the engines has settled, which no model is to delay.
        """

    async def pull(self, record: ModelRecord, sources: Sequence[SourceName] = ()) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way; return its status.

        `sources` are those to try; none means those of the settings.
        """

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """Return the status of a model's pull by its number, or of the last. Raises NotFound."""

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """Cancel the pull of a model, wait until it has ended, and return its status. Raises NotFound."""

    async def pulls(self) -> dict[str, PullStatus]:
        """Return the status of the last pull of every model."""

    async def delete(self, record: ModelRecord) -> int:
        """Take a model out of memory and delete its files; return the bytes that this frees.

        Raises ModelBusy, or BadInput while it is in use.
        """

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it is ready. Raises EngineUnavailable with the reason."""

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""

    async def look_again(self) -> None:
        """Return once models that have come a moment ago are known, and those that have gone are not."""

    def break_off(self) -> None:
        """Break off pulls and checks: the server is going away."""


class LocalModelManager:
    """A ModelManager in the process that runs the engines.

    `last_used` tells which model was used last; `load_last` has that one loaded without being asked.
    """

    def __init__(
        self,
        models: ModelRegistry,
        engines: Engines,
        log: FilteringBoundLogger,
        last_used: LastUsedFile,
        *,
        load_last: bool = True,
    ) -> None:
        self.models = models
        self._engines = engines
        self._log = log
        self._running: dict[str, object] = {}
        """models that are engines, by name, with the files and the interpreter of each"""
        self._left_out: dict[str, str] = {}
        """models that cannot be made engines, by name, with the reason"""
        self._scan_lock = asyncio.Lock()
        self._scan_soon = asyncio.Event()
        """set when a request found that files have been replaced"""
        self._look_again = LookAgain(self.scan)
        self._found: tuple[RunnableModel, ...] = ()
        """the models that can be run, as of the last scan"""
        self._last_used = last_used
        self._load_last = load_last
        self._kept = KeptModel(engines, last_used)
        self._settled = False
        self._pulls = Pulls(self._pull)
        self._pull_threads = FileThreads("pull", PULLS_AT_ONCE)

    @asynccontextmanager
    async def running(self, settled: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Keep engines as the files are for the block, and load the model that was used or pulled last once
        `settled` returns; cancel pulls at its end.
        """
        scanner = asyncio.create_task(run_periodically(self.scan, self._pause, self._log))
        keeper = asyncio.create_task(self._keep_last(settled))
        try:
            yield
        finally:
            scanner.cancel()
            keeper.cancel()
            await asyncio.gather(scanner, keeper, self._pulls.close(), return_exceptions=True)
            await asyncio.to_thread(self._last_used.save)

    async def _keep_last(self, settled: Callable[[], Awaitable[None]]) -> None:
        await settled()
        self._settled = True
        if self._load_last:
            await self._kept.keep_last(self._found)

    def break_off(self) -> None:
        """Break off pulls and checks: the server is going away."""
        self._pulls.break_off()
        self.models.break_off()

    # Files...

    async def pull(self, record: ModelRecord, sources: Sequence[SourceName] = ()) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way; return its status.

        `sources` are those to try; none means those of the settings.
        """
        return self._pulls.begin(record, sources)

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """Return the status of a model's pull by its number, or of the last. Raises NotFound."""
        return self._pulls.status(record.name, number)

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """Cancel the pull of a model, wait until it has ended, and return its status. Raises NotFound."""
        return await self._pulls.cancel(record.name)

    async def pulls(self) -> dict[str, PullStatus]:
        """Return the status of the last pull of every model."""
        return self._pulls.all()

    async def _pull(self, record: ModelRecord, pull: Pull) -> None:
        began = time.monotonic()
        try:
            pulled, _ = await self._pull_threads.run(
                lambda: pull_or_substitute(
                    record,
                    self.models.records,
                    self.models.model_engines.obstacle,
                    lambda one: self.models.files.pull(one, pull.update, pull.cancel, pull.sources),
                    lambda one, why: self._log.warning(
                        "another model is pulled in its place", model=record.name, pulled=one.name, reason=why
                    ),
                    pull.sources,
                )
            )
        except SpeechError as exc:
            self._log.warning("model not pulled", model=record.name, reason=exc.message)
            raise
        self._log.info("model pulled", model=pulled.name, seconds=round(time.monotonic() - began, 1))
        await self.scan()
        self._last_used.note(pulled.name)
        await self._kept.keep(pulled.name)

    async def delete(self, record: ModelRecord) -> int:
        """Take a model out of memory, by whichever engine it is there, and delete its files; return the bytes
        that this frees. Raises ModelBusy or ModelInstalled, or BadInput while it is in use.
        """
        models = self.models
        await models.threads.run(lambda: models.files.check_deletable(record))
        same = [one for one in models.records if has_same_files(one, record)]
        for one in same:
            await self.unload(one)
        async with self._scan_lock:
            for one in same:
                if one.name in self._running:
                    await self._remove_engine(one.name)
            freed = await models.threads.run(lambda: models.files.delete(record, models.records))
            # or requests would be refused as if it were about to be loaded
            await models.threads.run(models.scan_runnable)
            return freed

    # Memory...

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it is ready. Raises EngineUnavailable with the reason."""
        if reason := await self.models.threads.run(lambda: self.models.model_engines.obstacle(record)):
            raise EngineUnavailable(f"`{record.name}` cannot run here: {reason}.")
        await self.scan()
        if not self.models.is_enabled(record.name):
            raise EngineUnavailable(f"`{record.name}` is not to be used: {disabled_reason(record.name)}.")
        if why := self._left_out.get(record.name):
            raise EngineUnavailable(f"`{record.name}` cannot be served: {why}.")
        if record.name not in self._running:
            raise EngineUnavailable(f"`{record.name}` is not here: voicebox models pull {record.name}")
        group = self._engines.group(record.name)
        await group.wake()
        if not await group.wait_ready():
            reason = group.status().workers[0].reason or "it was taken out of memory meanwhile"
            raise EngineUnavailable(f"`{record.name}` could not be loaded: {reason}")

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""
        if record.name not in self._running:
            return
        group = self._engines.group(record.name)
        if group.in_use:
            raise BadInput(f"`{record.name}` is in use; try again when it is not.", code="model_in_use")
        await group.rest()

    # Engines...

    async def look_again(self) -> None:
        """Return once models that have come a moment ago are known, and those that have gone are not."""
        try:
            await self._look_again()
        except Exception as exc:  # as in `run_periodically`: who asks is refused as if nothing had come
            self._log.warning(NOT_LOOKED_FOR, reason=repr(exc))

    async def scan(self) -> None:
        """Make engines of models that are new, and remove those of models that are gone."""
        async with self._scan_lock:
            found = await self.models.threads.run(self.models.scan_runnable)
            for name in [name for name in self._running if name not in found]:
                if self._in_use(name):
                    self._retire_engine(name)
                else:
                    await self._remove_engine(name)
            self._found = tuple(found.values())
            untried: list[RunnableModel] = []
            for name, model in found.items():
                if self._running.get(name) != model.location:
                    added = await self._try_engine(name, model)
                    if added and added.status().presumed:
                        untried.append(model)
            await self.models.threads.run(self._last_used.save)
            _, newest = await self.models.threads.run(lambda: last_pulled(untried))
            if newest and self._settled and self._load_last:
                await self._kept.keep(newest)

    async def _pause(self) -> None:
        """Wait until it is time to look at the files again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SCAN_SECONDS):
                await self._scan_soon.wait()
        self._scan_soon.clear()

    async def _try_engine(self, name: str, model: RunnableModel) -> WorkerGroup | None:
        """Make the engine of a model, and return its group; None where that fails, until the next look."""
        try:
            added = await self._make_engine(name, model)
        except Exception as exc:  # an adapter tells its voices, and may raise anything; the others are served
            reason = f"{type(exc).__name__}: {exc}"
            if self._left_out.get(name) != reason:
                self._log.error("model left out", model=name, reason=reason, exc_info=exc)
            self._left_out[name] = reason
            return None
        self._left_out.pop(name, None)
        return added

    async def _make_engine(self, name: str, model: RunnableModel) -> WorkerGroup:
        """Make the engine of a model that is new, or whose files or packages are others now, and return its
        group.
        """
        used = partial(self._last_used.note, name) if model.was_pulled else _nothing
        engine = await self.models.threads.run(
            partial(self.models.make_engine, model, self._scan_soon.set, used)
        )
        # nothing is awaited from here on: a request between the two would be served by a lesser engine
        if self._in_use(name):
            self._retire_engine(name)
        elif before := self._engines.groups().get(name):
            self.models.model_engines.governor.remove(before)
        added = self._engines.add(engine.record, engine.settings, engine.on_demand)
        self.models.model_engines.governor.add(added, name)
        self._running[name] = model.location
        return added

    def _retire_engine(self, name: str) -> None:
        """Have an engine finish what it has begun; others of the same name get what comes."""
        if group := self._engines.groups().get(name):
            self.models.model_engines.governor.remove(group)
        self._running.pop(name, None)
        self._engines.retire(name)

    async def _remove_engine(self, name: str) -> None:
        if group := self._engines.groups().get(name):
            self.models.model_engines.governor.remove(group)
        # first: whatever becomes of the rest, the next scan makes an engine of it again
        self._running.pop(name, None)
        await self._engines.remove(name)

    def _in_use(self, name: str) -> bool:
        group = self._engines.groups().get(name)
        return group is not None and group.in_use


def _nothing() -> None:
    """Note nothing of the use of what was never pulled."""


async def run_periodically(
    work: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[None]], log: FilteringBoundLogger
) -> None:
    """Do some work and pause, again and again, until cancelled; a failure is logged."""
    while True:
        try:
            await work()
        except Exception as exc:  # a folder that cannot be read now may be readable later
            log.warning(NOT_LOOKED_FOR, reason=repr(exc))
        await pause()


def make_manager(settings: Settings, engines: Engines, log: FilteringBoundLogger) -> LocalModelManager:
    """Return the manager of the models that the settings name."""
    last_used = LastUsedFile(data_folder(settings) / LAST_USED_FILE)
    return LocalModelManager(
        make_registry(settings, engines, log.info),
        engines,
        log,
        last_used,
        load_last=settings.models.load_last,
    )


def make_resting(settings: Settings) -> RestingEngines:
    """Return how those of the catalogue's engines are run that rest."""
    return RestingEngines(data_folder(settings) / "engines", settings.models.rest_after)
