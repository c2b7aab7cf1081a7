"""The governor of memory stops models, the longest unused first, to make room for one that is wanted.

A model in use is never stopped; where there is no room without that, the request is refused with the figures.
How much a model takes, of the machine's memory and of a GPU's, is the most that it took the last time, or,
before that, what its files make likely. None is stopped where that cannot be enough for all that is wanted.

Nobody waits for a model that does not end, nor for a driver that does not answer, but who needs that very
room: others are decided about meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from engines.errors import EngineUnavailable
from engines.memory import measure
from engines.memory.ledger import Evictable, Grant, Ledger

ENDLESS = "was stopped and does not end"
RESERVE = 512 * 1024 * 1024
"""bytes that are left to the rest of the machine"""
GPU_RESERVE = 256 * 1024 * 1024
"""bytes that are left to a GPU's other work"""
GIB = 1024**3
REST_SECONDS = 30.0
"""for which it may wait until one that was stopped has ended: a process in the kernel's hands may not"""
WORKERS_AT_MOST = 1000
"""of a model on a GPU whose size is not known"""
GPUS = ("cuda", "rocm")
"""devices with memory of their own whose drivers report it"""
UNTOLD_GPUS = ("xpu",)
"""devices with memory of their own of which nobody but their workers tells anything: it is not reserved"""


class MemoryNeed(msgspec.Struct, frozen=True):
    """What a model takes, in bytes."""

    memory: int
    gpu: int = 0
    """of a GPU's own memory; 0 where it does not run on one, or that has none of its own"""
    gpu_index: int | None = 0
    """which GPU; None leaves that to the governor"""


class Shortage(NamedTuple):
    """Room that is missing, and who could give it up."""

    what: str
    """the beginning of the refusal: for which model and where, with the figures"""
    missing: int
    """bytes"""
    there: list[Evictable]
    """the models that are there"""
    held: Callable[[list[Evictable]], float]
    """returns the bytes that some of them hold there"""


class FullCard(NamedTuple):
    """A GPU without room for another worker of a model."""

    number: int
    left: int
    """bytes that can be had"""
    total: int | None
    """bytes that models can have at most; None where its driver does not say"""
    taken: int
    """bytes that are for workers of the same model"""
    models: list[Evictable]
    """that are there"""

    def most(self, each: int) -> int:
        """Return how many workers with `each` bytes it can have at most beside those of the same model."""
        return WORKERS_AT_MOST if self.total is None else max(0, self.total - self.taken) // each


class Placed(NamedTuple):
    """Where the workers of a model have room."""

    grant: Grant
    cards: list[int | None]
    free: list[int]
    """bytes of each GPU that are free"""


class Governor:
    """Reserves memory for models that start.

    `limit` bounds the memory of all models together, in bytes; 0 leaves it to what the machine has. `free`
    returns the bytes that the machine has left, `gpus` those of each GPU, `held` those that a process holds,
    `taken` those of them that are missing from what is left; `gpu_totals` returns all bytes of each GPU, 0 of
    one that has no memory of its own, `gpu_held` those that a process holds of them, 0 where the driver does
    not say. What asks a driver may raise EngineUnavailable.
    """

    def __init__(
        self,
        limit: int = 0,
        free: Callable[[], int] = measure.available_bytes,
        gpus: Callable[[], list[int]] = measure.free_gpu_bytes,
        held: Callable[[int], int] = measure.resident_bytes,
        gpu_totals: Callable[[], list[int]] = measure.total_gpu_bytes,
        gpu_held: Callable[[int], int] = measure.gpu_bytes_of,
        taken: Callable[[int], int] = measure.unshared_bytes,
    ) -> None:
        self._limit = limit
        self._free = free
        self._gpus = gpus
        self._gpu_totals = gpu_totals
        self._ledger = Ledger(held, taken, gpu_held)
        self._lock = asyncio.Lock()

    def add(self, model: Evictable, name: str = "") -> None:
        """Add a model that may be stopped, and the name under which it reserves."""
        self._ledger.add(model, name)

    def remove(self, model: Evictable) -> None:
        """Remove a model."""
        self._ledger.remove(model)

    def release(self, name: str) -> None:
        """End a reservation: the model has started, and what it takes can be measured, or it has not."""
        self._ledger.release(name)

    async def reserve(
        self, name: str, need: MemoryNeed, *, evict: bool = True, workers: int = 1
    ) -> list[int | None]:
        """Reserve memory for so many workers of a model, each with that need, until `release`.

        Returns the GPU of each, None for one that needs none, or is to find it itself. Other models are
        stopped only if `evict`, and if what they hold can be enough. Raises EngineUnavailable with the
        figures.
        """
        while True:
            async with self._lock:
                decided = await self._decide(name, need, workers, evict)
                if isinstance(decided, Placed):
                    self._ledger.promise(name, decided.grant, decided.cards, decided.free)
                    return decided.cards
            # without the lock: who needs none of this room does not wait for a model that may never end
            await self._rest(decided)

    async def make_room(self, name: str, wanted: int, card: int | None) -> None:
        """Stop other models until a running one can take so many bytes more, of a GPU's memory or, where that
        is None, of the machine's. Raises EngineUnavailable with the figures where there is no way.
        """
        need = MemoryNeed(wanted) if card is None else MemoryNeed(0, wanted, card)
        while True:
            async with self._lock:
                decided = await self._decide(name, need, 1, evict=True)
            if isinstance(decided, Placed):
                return
            await self._rest(decided)

    async def _decide(self, name: str, need: MemoryNeed, workers: int, evict: bool) -> Placed | Evictable:
        """Return where the workers of a model have room, or who is to be stopped before: nobody in vain.

        Raises EngineUnavailable.
        """
        wanted = need.memory * workers
        room = await asyncio.to_thread(self._room, name)
        first: Evictable | None = None
        if need.memory and wanted > room:
            what = _no_room(f"`{name}`", wanted, room)
            short = Shortage(what, wanted - room, self._others(name), self._ledger.held)
            first = await self._first_to_stop(short, evict)
        if not need.gpu:
            return first or Placed(Grant(wanted), [None] * workers, [])
        placed = await self._decide_cards(name, need, workers, evict)
        return first or placed

    async def _decide_cards(
        self, name: str, need: MemoryNeed, workers: int, evict: bool
    ) -> Placed | Evictable:
        """Return on which GPUs workers have room, one by one on the freest, or who is to be stopped before.

        Raises EngineUnavailable with the figures of the freest where not all can have room.
        """
        free = await asyncio.to_thread(self._gpus)
        totals = await asyncio.to_thread(self._gpu_totals)
        known = [card for card in range(len(free)) if card >= len(totals) or totals[card]]
        if need.gpu_index is not None and need.gpu_index not in known:  # of which nothing is reported
            return Placed(
                Grant(need.memory * workers, {need.gpu_index: need.gpu * workers}),
                [need.gpu_index] * workers,
                free,
            )
        cards: Sequence[int] = known if need.gpu_index is None else [need.gpu_index]
        if not cards:
            return Placed(Grant(need.memory * workers), [None] * workers, free)
        left = {card: await asyncio.to_thread(self._gpu_room, name, card, free[card]) for card in cards}
        taken: dict[int, int] = {}
        chosen: list[int | None] = []
        while len(chosen) < workers and left[best := max(cards, key=lambda card: left[card])] >= need.gpu:
            left[best] -= need.gpu
            taken[best] = taken.get(best, 0) + need.gpu
            chosen.append(best)
        if missing := workers - len(chosen):
            full = [
                FullCard(
                    card,
                    left[card],
                    totals[card] - GPU_RESERVE if card < len(totals) else None,
                    taken.get(card, 0),
                    self._models_on(card, name),
                )
                for card in sorted(cards, key=lambda card: -left[card])
            ]
            return await self._first_on_cards(name, need.gpu, missing, full, evict)
        return Placed(Grant(need.memory * workers, taken), chosen, free)

    async def _first_on_cards(
        self, name: str, each: int, missing: int, cards: list[FullCard], evict: bool
    ) -> Evictable:
        """Return who is to be stopped first so that so many more workers of a model, with `each` bytes, have
        room on GPUs, the freest first.

        Raises EngineUnavailable with the figures of the freest where not all of them can have room.
        """
        first: Evictable | None = None
        refusals: list[EngineUnavailable] = []
        for card in cards:
            for workers in range(min(missing, card.most(each)), 0, -1):
                try:
                    found = await self._first_to_stop(self._shortage_on(card, name, each, workers), evict)
                except EngineUnavailable as exc:
                    if workers == 1:
                        refusals.append(exc)
                else:
                    first = first or found
                    missing -= workers
                    break
            if not card.most(each):
                refusals.append(_too_small(card, name, each))
        if first and missing <= 0:
            return first
        raise refusals[0] if refusals else _too_small(cards[0], name, each)

    def _shortage_on(self, card: FullCard, name: str, each: int, workers: int) -> Shortage:
        held = self._ledger.held_of
        missing = workers * each - card.left
        return Shortage(
            _no_room_on(card, name, each), missing, card.models, lambda idle: held(card.number, idle)
        )

    def _models_on(self, card: int, name: str) -> list[Evictable]:
        return [
            one
            for one in self._others(name)
            if one.device.startswith(GPUS) and card in self._ledger.cards_of(one)
        ]

    async def _first_to_stop(self, short: Shortage, evict: bool) -> Evictable:
        """Return the model that has been unused for longest, of those that may be stopped.

        Raises EngineUnavailable where there is none, or those that may hold less than what is missing.
        """
        ending = [one for one in short.there if self._ledger.is_stuck(one)]
        idle = [one for one in _idle(short.there) if one not in ending]
        why = "is in use or to be kept"
        if idle and not evict:
            why = "stays unless `voicebox models load` asks for its room"
        elif idle and await asyncio.to_thread(short.held, idle) < short.missing:
            why = "does not hold enough that could be given up"
        elif idle := _idle(idle):  # some may have come into use since
            return min(idle, key=lambda one: one.idle_since)
        if ending:
            why = f"{why}, or was stopped and does not end" if len(ending) < len(short.there) else ENDLESS
        raise EngineUnavailable(f"{short.what}, and what else is loaded ({len(short.there)}) {why}.")

    async def _rest(self, model: Evictable) -> None:
        """Stop a model, unless it came into use while others were measured. One that does not end is not
        waited for again.
        """
        if model.in_use:
            return
        try:
            async with asyncio.timeout(REST_SECONDS):
                await model.rest()
        except (TimeoutError, EngineUnavailable):
            self._ledger.note_stuck(model)

    def _others(self, name: str) -> list[Evictable]:
        return [one for one in self._ledger.running() if not name or self._ledger.name_of(one) != name]

    def _room(self, name: str) -> int:
        promised = self._ledger.promised(name)
        room = self._free() - RESERVE - promised
        return min(room, self._limit - self._ledger.held() - promised) if self._limit else room

    def _gpu_room(self, name: str, card: int, free: int) -> int:
        """Return the bytes that can be had of a GPU, of which so many are free."""
        return free - GPU_RESERVE - self._ledger.promised_of(card, name, free)


def _no_room_on(card: FullCard, name: str, each: int) -> str:
    return _no_room(f"`{name}` on GPU {card.number}", each, card.left)


def _too_small(card: FullCard, name: str, each: int) -> EngineUnavailable:
    return EngineUnavailable(f"{_no_room_on(card, name, each)}, whoever else is stopped.")


def _no_room(what: str, wanted: int, room: int) -> str:
    return f"There is no room for {what}: it takes about {_in_gib(wanted)}, {_in_gib(room)} can be had"


def _idle(models: list[Evictable]) -> list[Evictable]:
    return [one for one in models if not one.in_use and not one.pinned]


def _in_gib(size: int) -> str:
    return f"{max(0, size) / GIB:.1f} GiB"
