"""Clients of the workers that another process runs: each is kept while it is used, and some after that."""

from __future__ import annotations

import asyncio
from collections import Counter

from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerClient

MAX_UNUSED = 64
"""clients that are kept though no job uses them: those used last, as their workers may live"""


class WorkerClients:
    """Lends one client for each worker. `stall_timeout` is in seconds."""

    def __init__(self, stall_timeout: float) -> None:
        self._stall_timeout = stall_timeout
        self._clients: dict[WorkerAddress, WorkerClient] = {}
        """those used last come last"""
        self._jobs: Counter[WorkerAddress] = Counter()
        self._closing: set[asyncio.Task[None]] = set()

    def borrow(self, address: WorkerAddress) -> WorkerClient:
        """Return the client of a worker, which stays open until `give_back` has been called as often."""
        client = self._clients.pop(address, None) or WorkerClient(address, stall_timeout=self._stall_timeout)
        self._clients[address] = client
        self._jobs[address] += 1
        return client

    def give_back(self, client: WorkerClient) -> None:
        """End one use of a client; those unused for longest are closed where there are too many."""
        address = client.address
        self._jobs[address] -= 1
        if not self._jobs[address]:
            del self._jobs[address]
        unused = [one for one in self._clients if one not in self._jobs]
        for one in unused[: max(0, len(unused) - MAX_UNUSED)]:
            closing = asyncio.create_task(self._clients.pop(one).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def __len__(self) -> int:
        """Return how many clients are open."""
        return len(self._clients)

    async def close(self) -> None:
        """Close all clients."""
        await asyncio.gather(
            *self._closing, *(client.close() for client in self._clients.values()), return_exceptions=True
        )
