"""The governor of memory stops models, the longest unused first, to make room for one that is wanted.

A model in use is never stopped; where there is no room without that, the request is refused with the figures.
How much a model takes, of the machine's memory and of a GPU's, is what it took the last time, or, before
that, what its files make likely. None is stopped where that cannot be enough.
"""

from __future__ import annotations

import asyncio
import math
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
WAIT_SECONDS = 60.0
"""for which a model may wait until room has been made for others"""
REST_SECONDS = 30.0
"""for which it may wait until one that was stopped has ended: a process in the kernel's hands may not"""
GPUS = ("cuda", "rocm")
"""devices with memory of their own whose drivers report it"""


class MemoryNeed(msgspec.Struct, frozen=True):
    """What a model takes, in bytes."""

    memory: int
    gpu: int = 0
    """of a GPU's own memory; 0 where it does not run on one, or that has none of its own"""
    gpu_index: int | None = 0
    """which GPU; None leaves that to the governor"""


class Grant(msgspec.Struct, frozen=True):
    """What a model was granted, in bytes."""

    memory: int
    gpus: dict[int, int] = {}
    """of each GPU's own memory, by their numbers"""


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
    returns the bytes that the machine has left, `gpus` those of each GPU, `held` those that a process holds;
    `gpu_totals` returns all bytes of each GPU, `gpu_held` those that a process holds of them, 0 where the
    driver does not say.
    """

    def __init__(
        self,
        limit: int = 0,
        free: Callable[[], int] = measure.available_bytes,
        gpus: Callable[[], list[int]] = measure.free_gpu_bytes,
        held: Callable[[int], int] = measure.resident_bytes,
        gpu_totals: Callable[[], list[int]] = measure.total_gpu_bytes,
        gpu_held: Callable[[int], int] = measure.gpu_bytes_of,
    ) -> None:
        self._limit = limit
        self._free = free
        self._gpus = gpus
        self._held_by = held
        self._gpu_totals = gpu_totals
        self._gpu_held_by = gpu_held
        self._models: list[Evictable] = []
        self._names: dict[int, str] = {}
        """under which they reserve, by the models' ids"""
        self._granted: dict[str, Grant] = {}
        """what each was last granted"""
        self._reserved: dict[str, Grant] = {}
        """a model that is starting takes memory that cannot be measured yet"""
        self._lock = asyncio.Lock()

    def add(self, model: Evictable, name: str = "") -> None:
        """Add a model that may be stopped, and the name under which it reserves."""
        self._models.append(model)
        self._names[id(model)] = name

    def remove(self, model: Evictable) -> None:
        """Remove a model."""
        if model in self._models:
            self._models.remove(model)
            del self._names[id(model)]

    async def reserve(
        self, name: str, need: MemoryNeed, *, evict: bool = True, workers: int = 1
    ) -> list[int | None]:
        """Reserve memory for so many workers of a model, each with that need, until `release`.

        Returns the GPU of each, None for one that needs none, or is to find it itself. Other models are
        stopped only if `evict`, and if what they hold can be enough. Raises EngineUnavailable with the
        figures.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._lock.acquire()
        except TimeoutError as exc:
            raise EngineUnavailable(f"Room is still being made for others than `{name}`.") from exc
        try:
            await self._make_room(name, need.memory * workers, evict)
            grant = Grant(need.memory * workers)
            cards: list[int | None] = []
            for _ in range(workers):
                card = await self._place(name, need, grant, evict)
                cards.append(card)
                if card is not None:
                    together = {**grant.gpus, card: grant.gpus.get(card, 0) + need.gpu}
                    grant = Grant(grant.memory, together)
            self._granted[name] = self._with_running(name, grant)
            self._reserved[name] = grant
            return cards
        finally:
            self._lock.release()

    def _with_running(self, name: str, grant: Grant) -> Grant:
        """Return a grant with what those workers of the model were granted that run already."""
        before = self._granted.get(name)
        runs = any(self._names.get(id(one)) == name for one in self._running())
        if before is None or not runs:
            return grant
        cards = before.gpus.keys() | grant.gpus.keys()
        return Grant(
            before.memory + grant.memory,
            {card: before.gpus.get(card, 0) + grant.gpus.get(card, 0) for card in cards},
        )

    async def _make_room(self, name: str, wanted: int, evict: bool) -> None:
        while wanted > (room := await asyncio.to_thread(self._room, name)):
            what = f"`{name}`: it takes about {_in_gib(wanted)}, {_in_gib(room)}"
            await self._stop(self._running(), what, wanted - room, self._held, evict)

    async def _place(self, name: str, need: MemoryNeed, grant: Grant, evict: bool) -> int | None:
        """Return the GPU on which a further worker of a model has room, beside what it was granted already:
        the one that is asked for, or else the freest.

        Raises EngineUnavailable where none has room; the figures are those of the freest then.
        """
        if not need.gpu:
            return None
        if need.gpu_index is not None:
            await self._make_gpu_room(name, need.gpu, need.gpu_index, grant, evict)
            return need.gpu_index
        count = len(await asyncio.to_thread(self._gpus))
        rooms = [await asyncio.to_thread(self._gpu_room, name, card, grant) for card in range(count)]
        refusal: EngineUnavailable | None = None
        for card in sorted(range(count), key=lambda card: -(rooms[card] or 0)):
            try:
                await self._make_gpu_room(name, need.gpu, card, grant, evict)
            except EngineUnavailable as exc:
                refusal = refusal or exc
            else:
                return card
        if refusal:
            raise refusal
        return None

    async def _make_gpu_room(self, name: str, wanted: int, card: int, grant: Grant, evict: bool) -> None:
        while True:
            left = await asyncio.to_thread(self._gpu_room, name, card, grant)
            if left is None or wanted <= left:
                return
            there = [
                one
                for one in self._running()
                if one.device.startswith(GPUS) and card in self._cards(one) and self._names[id(one)] != name
            ]
            what = f"`{name}` on GPU {card}: it takes about {_in_gib(wanted)}, {_in_gib(left)}"
            total = await asyncio.to_thread(self._gpu_total, card)
            if total is not None and wanted > total:
                there = []  # nothing that anybody gives up is enough
            await self._stop(there, what, wanted - left, lambda idle: self._gpu_held(idle, card), evict)

    def _cards(self, model: Evictable) -> set[int]:
        """Return the GPUs that a model was granted memory of; the one that it names where none is known."""
        granted = self._granted.get(self._names.get(id(model), ""))
        return set(granted.gpus) if granted and granted.gpus else {model.gpu_index}

    def release(self, name: str) -> None:
        """End a reservation: the model has started, and what it takes can be measured, or it has not."""
        self._reserved.pop(name, None)

    async def _stop(
        self,
        there: list[Evictable],
        what: str,
        wanted: int,
        held: Callable[[list[Evictable]], float],
        evict: bool,
    ) -> None:
        """Stop the model that has been unused for longest, unless all have come into use meanwhile.

        Raises EngineUnavailable where none may be stopped, where those that may hold less than `wanted` bytes
        together, by `held`, or where one does not end.
        """
        idle = _idle(there)
        why = "is in use or to be kept"
        if idle and not evict:
            why = "stays unless `voicebox models load` asks for its room"
        elif idle and await asyncio.to_thread(held, idle) < wanted:
            why = "does not hold enough that could be given up"
        elif idle := _idle(idle):  # some may have come into use since
            return await self._rest(min(idle, key=lambda one: one.idle_since), what)
        raise EngineUnavailable(
            f"There is no room for {what} can be had, and what else is loaded ({len(there)}) {why}."
        )

    async def _rest(self, model: Evictable, what: str) -> None:
        try:
            async with asyncio.timeout(REST_SECONDS):
                await model.rest()
        except TimeoutError as exc:
            raise EngineUnavailable(
                f"There is no room for {what} can be had, and what was stopped for it does not end."
            ) from exc

    def _room(self, name: str) -> int:
        promised = sum(need.memory for other, need in list(self._reserved.items()) if other != name)
        room = self._free() - RESERVE - promised
        return min(room, self._limit - self._held(self._running()) - promised) if self._limit else room

    def _gpu_room(self, name: str, card: int, grant: Grant) -> int | None:
        """Return the bytes that can be had of a GPU, beside a grant that is being made; None where its driver
        does not report them.
        """
        free = self._gpus()
        others = [other for holder, other in list(self._reserved.items()) if holder != name]
        promised = sum(one.gpus.get(card, 0) for one in [*others, grant])
        return free[card] - GPU_RESERVE - promised if card < len(free) else None

    def _gpu_total(self, gpu_index: int) -> int | None:
        """Return the bytes of a GPU that models can have at most; None where its driver does not say."""
        totals = self._gpu_totals()
        return totals[gpu_index] - GPU_RESERVE if gpu_index < len(totals) else None

    def _held(self, models: list[Evictable]) -> int:
        return sum(self._held_by(pid) for one in models for pid in one.pids())

    def _gpu_held(self, models: list[Evictable], card: int) -> float:
        """Return the bytes that models hold of a GPU: what the driver says, else what they were granted;
        infinity where neither is known.
        """
        total = 0.0
        for one in models:
            granted = self._granted.get(self._names.get(id(one), ""))
            on_card = granted.gpus.get(card, 0) if granted else 0
            if granted and len(granted.gpus) > 1:
                total += on_card  # the driver tells what a process holds of all its GPUs, not of each
                continue
            measured = sum(self._gpu_held_by(pid) for pid in one.pids())
            total += max(measured, on_card) or math.inf
        return total

    def _running(self) -> list[Evictable]:
        return [one for one in self._models if one.pids()]


def _idle(models: list[Evictable]) -> list[Evictable]:
    return [one for one in models if not one.in_use and not one.pinned]


def _in_gib(size: int) -> str:
    return f"{max(0, size) / GIB:.1f} GiB"
