"""Models, as a gateway process sees them whose engines another one runs: that one does what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from structlog.typing import FilteringBoundLogger

from engines.catalogue.records import ModelRecord
from gateway.cluster import messages as words
from gateway.cluster.engine_client import EngineConnection
from gateway.models.manager import SCAN_SECONDS, again_and_again
from gateway.models.pulls import PullStatus
from gateway.models.registry import ModelRegistry


class RemoteModelManager:
    """Has everything done, and looks at the disk by itself. See `gateway.managing.Manager` for each."""

    def __init__(
        self, models: ModelRegistry, connection: EngineConnection, log: FilteringBoundLogger
    ) -> None:
        self.models = models
        self._connection = connection
        self._log = log

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep what is known of models as the files are."""
        looking = asyncio.create_task(again_and_again(self._look, self._rest, self._log))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look(self) -> None:
        self._connection.other.clear()
        await asyncio.to_thread(self.models.found)

    async def _rest(self) -> None:
        """Wait a while, or until engines come or go."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connection.other.wait(), SCAN_SECONDS)

    async def pull(self, record: ModelRecord) -> PullStatus:
        """Begin to pull a model, or join a pull that is under way."""
        return (await self._have("pull", record.name)).pulls[record.name]

    async def pull_status(self, record: ModelRecord, number: int = 0) -> PullStatus:
        """Tell how far a pull of a model is, or the last where that is long past. Raises NotFound."""
        return (await self._have("told", record.name, number)).pulls[record.name]

    async def cancel(self, record: ModelRecord) -> PullStatus:
        """Stop a pull, and wait until it has. Raises NotFound."""
        return (await self._have("cancel", record.name)).pulls[record.name]

    async def pulls(self) -> dict[str, PullStatus]:
        """Tell how far all pulls are, by model."""
        return (await self._have("pulls")).pulls

    async def delete(self, record: ModelRecord) -> int:
        """Stop a model and delete its files; give the bytes that this frees. Raises ModelBusy, or BadInput
        while it is in use.
        """
        return (await self._have("delete", record.name)).freed

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it can work. Raises EngineUnavailable with the reason."""
        await self._have("load", record.name)

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""
        await self._have("unload", record.name)

    async def _have(self, action: words.ModelAction, model: str = "", pull: int = 0) -> words.Managed:
        return await self._connection.ask(
            lambda number: words.Manage(number, action, model, pull), words.Managed
        )
