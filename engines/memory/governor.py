"""The governor of memory stops models, the longest unused first, to make room for one that is wanted.

A model in use is never stopped; where there is no room without that, the request is refused with the figures.
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
"""devices with memory of their own whose drivers report it"""


class MemoryNeed(msgspec.Struct, frozen=True):
    """What a model takes, in bytes."""

    memory: int
    gpu: int = 0
    """of a GPU's own memory; 0 where it does not run on one, or that has none of its own"""
    gpu_index: int = 0
    """which GPU"""


class Evictable(Protocol):
    """A model that may be stopped to make room."""

    @property
    def in_use(self) -> bool:
        """Whether anybody works with it, or waits for it."""
        ...

    @property
    def idle_since(self) -> float:
        """The moment of the monotonic clock when it was last used."""
        ...

    @property
    def pinned(self) -> bool:
        """Whether it is to stay in memory."""
        ...

    @property
    def gpu_index(self) -> int:
        """Which GPU it runs on, if it runs on one."""
        ...

    @property
    def device(self) -> str:
        """What it runs on, as torch names it; empty while that is not known."""
        ...

    def pids(self) -> list[int]:
        """Return the ids of its processes."""
        ...

    async def rest(self) -> None:
        """Stop it, and wait until its processes have ended."""
        ...


class Governor:
    """Reserves memory for models that start.

    `limit` bounds the memory of all models together, in bytes; 0 leaves it to what the machine has. `free`
    returns the bytes that the machine has left, `gpus` those of each GPU, `held` those that a process holds.
    """

    def __init__(
        self,
        limit: int = 0,
        free: Callable[[], int] = measure.available_bytes,
        gpus: Callable[[], list[int]] = measure.free_gpu_bytes,
        held: Callable[[int], int] = measure.resident_bytes,
    ) -> None:
        self._limit = limit
        self._free = free
        self._gpus = gpus
        self._held_by = held
        self._models: list[Evictable] = []
        self._reserved: dict[str, MemoryNeed] = {}
        """a model that is starting takes memory that cannot be measured yet"""
        self._lock = asyncio.Lock()

    def add(self, model: Evictable) -> None:
        """Add a model that may be stopped."""
        self._models.append(model)

    def remove(self, model: Evictable) -> None:
        """Remove a model."""
        if model in self._models:
            self._models.remove(model)

    async def reserve(self, name: str, need: MemoryNeed, *, evict: bool = True) -> None:
        """Reserve memory for a model until `release`. Raises EngineUnavailable with the figures.

        Other models are stopped only if `evict`, and if what they hold can be enough.
        """
        async with self._lock:
            while need.memory > (room := await asyncio.to_thread(self._room, name)):
                what = f"`{name}`: it takes about {_in_gib(need.memory)}, {_in_gib(room)}"
                await self._stop(self._running(), what, need.memory - room, evict)
            while (
                need.gpu
                and (left := await asyncio.to_thread(self._gpu_room, name, need.gpu_index)) is not None
                and need.gpu > left
            ):
                there = [
                    one
                    for one in self._running()
                    if one.device.startswith(GPUS) and one.gpu_index == need.gpu_index
                ]
                what = (
                    f"`{name}` on GPU {need.gpu_index}: it takes about {_in_gib(need.gpu)}, {_in_gib(left)}"
                )
                await self._stop(there, what, 0, evict)  # not every driver says which process holds how much
            self._reserved[name] = need

    def release(self, name: str) -> None:
        """End a reservation: the model has started, and what it takes can be measured, or it has not."""
        self._reserved.pop(name, None)

    async def _stop(self, there: list[Evictable], what: str, wanted: int, evict: bool) -> None:
        """Stop the model that has been unused for longest.

        Raises EngineUnavailable where none may be stopped, or where those that may hold less than `wanted`
        bytes of memory together.
        """
        idle = [one for one in there if not one.in_use and not one.pinned]
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
        promised = sum(need.memory for other, need in list(self._reserved.items()) if other != name)
        room = self._free() - RESERVE - promised
        return min(room, self._limit - self._held(self._running()) - promised) if self._limit else room

    def _gpu_room(self, name: str, gpu_index: int) -> int | None:
        """Return the bytes that can be had of a GPU; None where its driver does not report them."""
        free = self._gpus()
        promised = sum(
            need.gpu
            for other, need in list(self._reserved.items())
            if other != name and need.gpu_index == gpu_index
        )
        return free[gpu_index] - GPU_RESERVE - promised if gpu_index < len(free) else None

    def _held(self, models: list[Evictable]) -> int:
        return sum(self._held_by(pid) for one in models for pid in one.pids())

    def _running(self) -> list[Evictable]:
        return [one for one in self._models if one.pids()]


def _in_gib(size: int) -> str:
    return f"{max(0, size) / GIB:.1f} GiB"
