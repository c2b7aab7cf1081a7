"""What is done to models: pulling, deleting, loading, unloading. The process that runs the engines does it,
for all others too.

Models that are complete and can run on this machine become engines by themselves, within seconds of their
pull, by whomever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from engines.catalogue.records import ModelRecord
from engines.errors import BadInput, EngineUnavailable, SpeechError
from engines.fleet.runtime import Engines
from gateway.config.settings import Settings
from gateway.models.pulls import Pull, Pulls, PullStatus
from gateway.models.registry import ModelRegistry, disabled, make_registry

SCAN_SECONDS = 5.0


class ModelManager(Protocol):
    """Does it, or has it done."""

    models: ModelRegistry

    def running(self) -> AbstractAsyncContextManager[None]:
        """Keep what is known of models as the files are."""

    async def pull(self, record: ModelRecord) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way."""

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """Tell how far a pull of a model is, or the last where that is long past. Raises NotFound."""

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """Stop a pull, and wait until it has. Raises NotFound."""

    async def pulls(self) -> dict[str, PullStatus]:
        """Tell how far all pulls are, by model."""

    async def delete(self, record: ModelRecord) -> int:
        """Stop a model and delete its files; give the bytes that this frees. Raises ModelBusy, or BadInput
        while it is in use.
        """

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it can work. Raises EngineUnavailable with the reason."""

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""


class LocalModelManager:
    """Does it, in the process that runs the engines."""

    def __init__(self, models: ModelRegistry, engines: Engines, log: FilteringBoundLogger) -> None:
        self.models = models
        self._engines = engines
        self._log = log
        self._running: dict[str, object] = {}
        self._scanning = asyncio.Lock()
        self._pulls = Pulls(self._pull)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep engines as the files are; stop pulls at the end."""
        scanner = asyncio.create_task(
            again_and_again(self.scan, partial(asyncio.sleep, SCAN_SECONDS), self._log)
        )
        try:
            yield
        finally:
            scanner.cancel()
            await asyncio.gather(scanner, self._pulls.close(), return_exceptions=True)

    # Files...

    async def pull(self, record: ModelRecord) -> PullStatus:
        """See Manager."""
        return self._pulls.begin(record)

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """See Manager."""
        return self._pulls.pull_status(record.name, number)

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """See Manager."""
        return await self._pulls.cancel(record.name)

    async def pulls(self) -> dict[str, PullStatus]:
        """See Manager."""
        return self._pulls.all()

    async def _pull(self, record: ModelRecord, pull: Pull) -> None:
        began = time.monotonic()
        try:
            await asyncio.to_thread(lambda: self.models.files.pull(record, pull.tell, pull.cancel))
        except SpeechError as exc:
            self._log.warning("model not pulled", model=record.name, reason=exc.message)
            raise
        self._log.info("model pulled", model=record.name, seconds=round(time.monotonic() - began, 1))
        await self.scan()

    async def delete(self, record: ModelRecord) -> int:
        """See Manager."""
        await self.unload(record)
        async with self._scanning:
            if record.name in self._running:
                await self._drop(record.name)
            freed = await asyncio.to_thread(lambda: self.models.files.delete(record, self.models.records))
            await asyncio.to_thread(self.models.found)  # or requests would hear that it is about to be loaded
            return freed

    # Memory...

    async def load(self, record: ModelRecord) -> None:
        """See Manager."""
        if reason := await asyncio.to_thread(self.models.instances.obstacle, record):
            raise EngineUnavailable(f"`{record.name}` cannot run here: {reason}.")
        await self.scan()
        if not self.models.wanted(record.name):
            raise EngineUnavailable(f"`{record.name}` is not to be used: {disabled(record.name)}.")
        if record.name not in self._running:
            raise EngineUnavailable(f"`{record.name}` is not here: voicebox models pull {record.name}")
        group = self._engines.group(record.name)
        await group.wake()
        if not await group.wait_ready():
            reason = group.status().workers[0].reason or "it was taken out of memory meanwhile"
            raise EngineUnavailable(f"`{record.name}` could not be loaded: {reason}")

    async def unload(self, record: ModelRecord) -> None:
        """See Manager."""
        if record.name not in self._running:
            return
        group = self._engines.group(record.name)
        if group.in_use:
            raise BadInput(f"`{record.name}` is in use; try again when it is not.", code="model_in_use")
        await group.rest()

    # Engines...

    async def scan(self) -> None:
        """Make engines of models that have come, and forget those that are gone."""
        async with self._scanning:
            found = await asyncio.to_thread(self.models.found)
            stale = [
                name
                for name, place in self._running.items()
                if name not in found or found[name].place != place
            ]
            for name in [name for name in stale if not self._in_use(name)]:  # those in use go at a later look
                await self._drop(name)
            for name, one in found.items():
                if name not in self._running:
                    instance = await asyncio.to_thread(self.models.make, one)
                    added = self._engines.add(instance.record, instance.settings, instance.on_demand)
                    self.models.instances.governor.add(added)
                    self._running[name] = one.place

    async def _drop(self, name: str) -> None:
        if group := self._engines.groups().get(name):
            self.models.instances.governor.remove(group)
        self._running.pop(
            name, None
        )  # first: whatever becomes of the rest, the next look makes an engine of it again
        await self._engines.remove(name)

    def _in_use(self, name: str) -> bool:
        group = self._engines.groups().get(name)
        return group is not None and group.in_use


async def again_and_again(
    look: Callable[[], Awaitable[object]], rest: Callable[[], Awaitable[None]], log: FilteringBoundLogger
) -> None:
    """Look and rest in turn, for ever."""
    while True:
        try:
            await look()
        except Exception as exc:  # a folder that cannot be read now may be readable later
            log.warning("models could not be looked for", reason=repr(exc))
        await rest()


def make_manager(settings: Settings, engines: Engines, log: FilteringBoundLogger) -> LocalModelManager:
    """Make what the settings say."""
    return LocalModelManager(make_registry(settings, engines), engines, log)
