"""The manager of models in a gateway process whose engines another process runs: it asks that one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from structlog.typing import FilteringBoundLogger

from engines.catalogue.records import ModelRecord, SourceName
from gateway.cluster import messages
from gateway.cluster.engine_client import EngineConnection
from gateway.models.manager import SCAN_SECONDS, run_periodically
from gateway.models.pulls import PullStatus
from gateway.models.registry import ModelRegistry


class RemoteModelManager:
    """A ModelManager that has the engine server do everything; the disk it reads by itself."""

    def __init__(
        self, models: ModelRegistry, connection: EngineConnection, log: FilteringBoundLogger
    ) -> None:
        self.models = models
        self._connection = connection
        self._log = log

    @asynccontextmanager
    async def running(self, settled: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Keep what is known of models as the files are, for the block; the engine server loads them."""
        scanner = asyncio.create_task(run_periodically(self._scan, self._pause, self._log))
        try:
            yield
        finally:
            scanner.cancel()
            await asyncio.gather(scanner, return_exceptions=True)

    async def _scan(self) -> None:
        self._connection.engines_changed.clear()
        await self.models.threads.run(self.models.scan_runnable)

    async def _pause(self) -> None:
        """Wait a while, or until there are other engines."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connection.engines_changed.wait(), SCAN_SECONDS)

    async def pull(self, record: ModelRecord, sources: Sequence[SourceName] = ()) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way; return its status.

        `sources` are those to try; none means those of the settings.
        """
        return (await self._request("pull", record.name, sources=tuple(sources))).pulls[record.name]

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """Return the status of a model's pull by its number, or of the last. Raises NotFound."""
        return (await self._request("pull_status", record.name, number)).pulls[record.name]

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """Cancel the pull of a model, wait until it has ended, and return its status. Raises NotFound."""
        return (await self._request("cancel", record.name)).pulls[record.name]

    async def pulls(self) -> dict[str, PullStatus]:
        """Return the status of the last pull of every model."""
        return (await self._request("pulls")).pulls

    async def delete(self, record: ModelRecord) -> int:
        """Take a model out of memory and delete its files; return the bytes that this frees.

        Raises ModelBusy, or BadInput while it is in use.
        """
        return (await self._request("delete", record.name)).freed

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it is ready. Raises EngineUnavailable with the reason."""
        await self._request("load", record.name)

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""
        await self._request("unload", record.name)

    async def look_again(self) -> None:
        """Return once models that have come a moment ago are known, and those that have gone are not."""
        await self._request("look_again")
        await self._scan()

    def break_off(self) -> None:
        """Break off checks of files, which are this process's own: the engine server does so with pulls."""
        self.models.break_off()

    async def _request(
        self,
        action: messages.ModelAction,
        model: str = "",
        pull: int = 0,
        sources: tuple[SourceName, ...] = (),
    ) -> messages.ModelManaged:
        return await self._connection.request(
            lambda number: messages.ManageModel(number, action, model, pull, sources), messages.ModelManaged
        )
