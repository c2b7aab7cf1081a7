"""What models hold of memory, and what was promised to those that start.

A model that starts takes what it was promised bit by bit: what its processes have taken already is missing
from what is free, and is not counted a second time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec


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
        """Return the ids of its processes that were ready once and have not ended."""
        ...

    def promised_pids(self) -> list[int]:
        """Return the ids of the processes for which memory was last reserved, ready or not."""
        ...

    async def rest(self) -> None:
        """Stop it, and wait until its processes have ended. Raises EngineUnavailable where they do not."""
        ...


class Grant(msgspec.Struct, frozen=True):
    """What a model was granted, in bytes."""

    memory: int
    gpus: dict[int, int] = {}
    """of each GPU's own memory, by their numbers"""

    def __add__(self, other: Grant) -> Grant:
        cards = self.gpus.keys() | other.gpus.keys()
        return Grant(
            self.memory + other.memory,
            {card: self.gpus.get(card, 0) + other.gpus.get(card, 0) for card in cards},
        )


class Reservation(msgspec.Struct, frozen=True):
    """What a model that starts was promised."""

    grant: Grant
    gpus_free: dict[int, int] = {}
    """bytes of each of its GPUs that were free when it was promised"""
    shares: tuple[Grant, ...] = ()
    """of its workers"""


class Ledger:
    """Knows which models there are, what they were granted, and what is promised to those that start.

    `held` returns the bytes of the machine's memory that a process holds, `taken` those that are missing from
    what is available because of it, `gpu_held` the bytes that it holds of GPUs, 0 where no driver says so.
    """

    def __init__(
        self,
        held: Callable[[int], int],
        taken: Callable[[int], int],
        gpu_held: Callable[[int], int],
    ) -> None:
        self._held_by = held
        self._taken_by = taken
        self._gpu_held_by = gpu_held
        self._models: list[Evictable] = []
        self._names: dict[int, str] = {}
        """under which they reserve, by the models' ids"""
        self._granted: dict[str, list[Grant]] = {}
        """what each was last granted, for each of its workers"""
        self._reserved: dict[str, Reservation] = {}
        self._stuck: dict[int, frozenset[int]] = {}
        """processes that were to end and did not, by the ids of their models"""

    # Models...

    def add(self, model: Evictable, name: str) -> None:
        """Add a model, and the name under which it reserves."""
        self._models.append(model)
        self._names[id(model)] = name

    def remove(self, model: Evictable) -> None:
        """Remove a model."""
        if model in self._models:
            self._models.remove(model)
            del self._names[id(model)]
            self._stuck.pop(id(model), None)

    def name_of(self, model: Evictable) -> str:
        """Return the name under which a model reserves; empty where it is not known."""
        return self._names.get(id(model), "")

    def running(self) -> list[Evictable]:
        """Return the models that have processes."""
        return [one for one in self._models if one.pids()]

    def note_stuck(self, model: Evictable) -> None:
        """Note that a model was to end and has not."""
        self._stuck[id(model)] = frozenset(model.pids())

    def is_stuck(self, model: Evictable) -> bool:
        """Return whether a model has processes that were to end and have not."""
        return bool(self._stuck.get(id(model), frozenset()).intersection(model.pids()))

    def cards_of(self, model: Evictable) -> set[int]:
        """Return the GPUs that a model was granted memory of; the one that it names where none is known."""
        return set(self._grant_of(model).gpus) or {model.gpu_index}

    # Promises...

    def promise(self, name: str, grant: Grant, cards: Sequence[int | None], gpus_free: list[int]) -> None:
        """Note what a model that starts is promised for workers on GPUs, and what is free of each now; what
        others of its workers were promised, which load still, stays promised.
        """
        self._granted[name] = [*self._still_granted(name, cards), *_shares(grant, cards)]
        free = {card: gpus_free[card] for card in grant.gpus if card < len(gpus_free)}
        earlier = self._reserved.get(name, Reservation(Grant(0)))
        loading = _without(earlier.shares, cards, len(list(self._promised_pids(name))))
        shares = (*loading, *_shares(grant, cards))
        self._reserved[name] = Reservation(sum(loading, grant), free | earlier.gpus_free, shares)

    def _still_granted(self, name: str, cards: Sequence[int | None]) -> list[Grant]:
        """Return what was granted for those workers of a model that go on while others of it start on GPUs:
        for no more of them than it has processes.
        """
        processes = {pid for one in self._models if self.name_of(one) == name for pid in one.pids()}
        processes.update(self._promised_pids(name))
        return _without(self._granted.get(name, ()), cards, len(processes))

    def _grant_of(self, model: Evictable) -> Grant:
        """Return what was granted for all workers of a model; nothing where that is not known."""
        return sum(self._granted.get(self.name_of(model), ()), Grant(0))

    def release(self, name: str) -> None:
        """End a promise."""
        self._reserved.pop(name, None)

    def promised(self, name: str) -> int:
        """Return the bytes of memory that others than `name` were promised and have not taken yet."""
        return sum(
            max(0, one.grant.memory - sum(map(self._taken_by, self._promised_pids(other))))
            for other, one in self._others(name)
        )

    def promised_of(self, card: int, name: str, free: int) -> int:
        """Return the bytes of a GPU, of which so many are free, that others than `name` were promised and
        have not taken yet.

        Where the driver does not say what each process holds, as in a container, what has gone since the
        first of the promises counts as taken.
        """
        promises = [(other, one) for other, one in self._others(name) if card in one.grant.gpus]
        promised = sum(one.grant.gpus[card] for _, one in promises)
        pids = [
            pid for other, one in promises if len(one.grant.gpus) == 1 for pid in self._promised_pids(other)
        ]
        taken = sum(map(self._gpu_held_by, pids))
        if promises and not taken:
            taken = max(0, promises[0][1].gpus_free.get(card, free) - free)
        return max(0, promised - taken)

    def _others(self, name: str) -> list[tuple[str, Reservation]]:
        return [(other, one) for other, one in list(self._reserved.items()) if other != name]

    def _promised_pids(self, name: str) -> Iterable[int]:
        return [pid for one in self._models if self.name_of(one) == name for pid in one.promised_pids()]

    # What is held...

    def held(self, models: list[Evictable] | None = None) -> int:
        """Return the bytes of memory that models hold, by default all, those that start as well."""
        if models is not None:
            return sum(self._held_by(pid) for one in models for pid in one.pids())
        return sum(self._held_by(pid) for one in self._models for pid in {*one.pids(), *one.promised_pids()})

    def held_of(self, card: int, models: list[Evictable]) -> float:
        """Return the bytes that models hold of a GPU: what the driver says, else what they were granted;
        infinity where neither is known.
        """
        total = 0.0
        for one in models:
            granted = self._grant_of(one)
            on_card = granted.gpus.get(card, 0)
            if len(granted.gpus) > 1:
                total += on_card  # the driver tells what a process holds of all its GPUs, not of each
                continue
            measured = sum(self._gpu_held_by(pid) for pid in one.pids())
            total += max(measured, on_card) or math.inf
        return total


def _without(granted: Sequence[Grant], cards: Sequence[int | None], processes: int) -> list[Grant]:
    """Return what was granted for as many workers as have processes, where others start on GPUs again."""
    left = list(granted)
    # a worker that died mostly starts on the GPU that it was on
    for card in cards:
        freed = next((one for one in left if card in one.gpus), None)
        if freed and len(left) > processes:
            left.remove(freed)
    return left[len(left) - min(len(left), processes) :]


def _shares(grant: Grant, cards: Sequence[int | None]) -> list[Grant]:
    """Return what each worker has of a grant, by the GPU that it is put on."""
    workers = Counter(cards)
    return [
        Grant(
            grant.memory // len(cards),
            {card: grant.gpus[card] // workers[card]} if card is not None and card in grant.gpus else {},
        )
        for card in cards
    ]
