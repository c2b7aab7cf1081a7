"""Who may be in memory: models are stopped, the longest unused first, to make room for one that is wanted.

What is in use is never stopped; where there is no room without that, the request is refused with the figures.
How much a model takes, of the machine's memory and of a GPU's, is what it took the last time, or, before
that, what its files make likely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from engines.errors import EngineUnavailable
from engines.memory import measure

RESERVE = 512 * 1024 * 1024
"""bytes that are left to the rest of the machine"""
GPU_RESERVE = 256 * 1024 * 1024
"""bytes that are left to a GPU's other work"""
GIB = 1024**3
GPUS = ("cuda", "rocm")
"""devices with memory of their own that is told"""


class MemoryNeed(msgspec.Struct, frozen=True):
    """What a model takes, in bytes."""

    memory: int
    gpu: int = 0
    """of a GPU's own memory; 0 where it does not run on one, or that has none of its own"""
    card: int = 0
    """which GPU"""


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

    @property
    def kept(self) -> bool:
        """Tell whether it is to stay."""
        ...

    @property
    def card(self) -> int:
        """Which GPU it runs on, if it runs on one."""
        ...

    @property
    def device(self) -> str:
        """What it runs on, as torch names it; empty while that is not known."""
        ...

    def pids(self) -> list[int]:
        """Name its processes."""
        ...

    async def rest(self) -> None:
        """Stop it, and wait until it is gone."""
        ...


class Governor:
    """Makes room. `limit` bounds the memory of all models together, in bytes; 0 leaves it to what the machine
    has.

    `free` gives the bytes that the machine has left, `gpus` those of each GPU, `held` those that a process
    holds.
    """

    def __init__(
        self,
        limit: int = 0,
        free: Callable[[], int] = measure.available,
        gpus: Callable[[], list[int]] = measure.gpus,
        held: Callable[[int], int] = measure.resident,
    ) -> None:
        self._limit = limit
        self._free = free
        self._gpus = gpus
        self._held_by = held
        self._tenants: list[Tenant] = []
        self._promised: dict[str, MemoryNeed] = {}
        """what is starting takes memory that cannot be seen yet"""
        self._turn = asyncio.Lock()

    def add(self, tenant: Tenant) -> None:
        """Know of one that may be stopped."""
        self._tenants.append(tenant)

    def remove(self, tenant: Tenant) -> None:
        """Forget one that is no more."""
        if tenant in self._tenants:
            self._tenants.remove(tenant)

    async def admit(self, name: str, need: MemoryNeed, *, evict: bool = True) -> None:
        """Make room, and hold it until `settle`. Raises EngineUnavailable with the figures.

        Others are stopped only if `evict`, and if what they hold can be enough.
        """
        async with self._turn:
            while need.memory > (room := await asyncio.to_thread(self._room, name)):
                what = f"`{name}`: it takes about {_shown(need.memory)}, {_shown(room)}"
                await self._stop(self._running(), what, need.memory - room, evict)
            while (
                need.gpu
                and (left := await asyncio.to_thread(self._gpu_room, name, need.card)) is not None
                and need.gpu > left
            ):
                there = [
                    one for one in self._running() if one.device.startswith(GPUS) and one.card == need.card
                ]
                what = f"`{name}` on GPU {need.card}: it takes about {_shown(need.gpu)}, {_shown(left)}"
                await self._stop(there, what, 0, evict)  # who holds how much of a GPU is not told everywhere
            self._promised[name] = need

    def settle(self, name: str) -> None:
        """Hold no more room for it: it has started, and what it takes can be seen, or it has not."""
        self._promised.pop(name, None)

    async def _stop(self, there: list[Tenant], what: str, wanted: int, evict: bool) -> None:
        """Stop the one that has been unused for longest. Raises EngineUnavailable where it is not to be, or
        cannot be enough.

        `wanted` are the bytes of memory that all who may be stopped must hold together.
        """
        idle = [one for one in there if not one.in_use and not one.kept]
        why = "is in use or to be kept"
        if idle and not evict:
            why = "stays unless `voicebox models load` asks for its room"
        elif idle and await asyncio.to_thread(self._held, idle) < wanted:
            why = "does not hold enough that could be given up"
        elif idle:
            return await min(idle, key=lambda one: one.idle_since).rest()
        raise EngineUnavailable(
            f"There is no room for {what} can be had, and what else is loaded ({len(there)}) {why}."
        )

    def _room(self, name: str) -> int:
        promised = sum(need.memory for other, need in list(self._promised.items()) if other != name)
        room = self._free() - RESERVE - promised
        return min(room, self._limit - self._held(self._running()) - promised) if self._limit else room

    def _gpu_room(self, name: str, card: int) -> int | None:
        """Give the bytes that can be had of a GPU; None where its driver tells nothing."""
        free = self._gpus()
        promised = sum(
            need.gpu for other, need in list(self._promised.items()) if other != name and need.card == card
        )
        return free[card] - GPU_RESERVE - promised if card < len(free) else None

    def _held(self, tenants: list[Tenant]) -> int:
        return sum(self._held_by(pid) for one in tenants for pid in one.pids())

    def _running(self) -> list[Tenant]:
        return [one for one in self._tenants if one.pids()]


def _shown(size: int) -> str:
    return f"{max(0, size) / GIB:.1f} GiB"
