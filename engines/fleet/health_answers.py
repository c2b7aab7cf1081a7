"""The health checks of a worker as answers that it owes."""

from __future__ import annotations

import asyncio

from engines.wire.client import WorkerClient

RETRY_SECONDS = 0.2
"""between two questions, where the first was refused rather than not answered"""


class HealthAnswers:
    """Asks one worker for its health, one question at a time; an answer may take `timeout` seconds."""

    def __init__(self, client: WorkerClient, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._answered = 0
        self._asking: asyncio.Task[None] | None = None

    def owed(self) -> object:
        """Return the number of answers before the one that is owed; None while none is owed."""
        return self._answered if self._asking and not self._asking.done() else None

    def ask(self) -> None:
        """Ask for its health, until it says that it is well."""
        self._asking = asyncio.create_task(self._ask())

    async def close(self) -> None:
        """Ask no more: its client is about to be closed."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        while not await self._client.health(self._timeout):  # noqa: ASYNC110 - nothing says when it is well
            await asyncio.sleep(RETRY_SECONDS)
        self._answered += 1
