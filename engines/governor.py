"""Who may be in memory: models are stopped, the longest unused first, to make room for one that is wanted.

What is in use is never stopped; where there is no room without that, the request is refused with the figures. How much a model
takes is what it took the last time, or, before that, what its files make likely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from engines.api import EngineUnavailable

RESERVE = 512 * 1024 * 1024
"""bytes that are left to the rest of the machine"""
GIB = 1024**3


class Tenant(Protocol):
    """What may be stopped."""

    @property
    def in_use(self) -> bool:
        """Tell whether anybody works with it."""
        ...

    @property
    def idle_since(self) -> float:
        """When it was last used, by the monotonic clock."""
        ...

    def pids(self) -> list[int]:
        """Name its processes."""
        ...

    async def rest(self) -> None:
        """Stop it, and wait until it is gone."""
        ...


def available() -> int:
    """Give the bytes of memory that a new process could take without others being swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


def resident(pid: int) -> int:
    """Give the bytes that a process holds, with those it started; 0 when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0


class Governor:
    """Makes room. `limit` bounds all models together, in bytes; 0 leaves it to the machine's memory."""

    def __init__(self, limit: int = 0, free: Callable[[], int] = available) -> None:
        self._limit = limit
        self._free = free
        self._tenants: list[Tenant] = []
        self._turn = asyncio.Lock()

    def add(self, tenant: Tenant) -> None:
        """Know of one that may be stopped."""
        self._tenants.append(tenant)

    async def admit(self, name: str, needed: int) -> None:
        """Make room for `needed` bytes. Raises EngineUnavailable with the figures."""
        async with self._turn:
            while needed > self._room():
                idle = [one for one in self._running() if not one.in_use]
                if not idle:
                    raise EngineUnavailable(self._figures(name, needed))
                await min(idle, key=lambda one: one.idle_since).rest()

    def _room(self) -> int:
        room = self._free() - RESERVE
        return min(room, self._limit - self._held()) if self._limit else room

    def _held(self) -> int:
        return sum(resident(pid) for one in self._running() for pid in one.pids())

    def _running(self) -> Iterable[Tenant]:
        return [one for one in self._tenants if one.pids()]

    def _figures(self, name: str, needed: int) -> str:
        room, used = max(0, self._room()) / GIB, len([one for one in self._running() if one.in_use])
        return (
            f"There is no room for `{name}`: it takes about {needed / GIB:.1f} GiB, {room:.1f} GiB can be had, "
            f"and what else is loaded ({used}) is in use."
        )
