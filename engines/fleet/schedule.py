"""Who gets the next place: the order in which waiting segments go to an engine's workers.

Segments are what is scheduled. In this order: a stream whose player is about to run dry; else by turns over
the owners, and over each owner's streams; those whose players have plenty in hand; segments of batch
requests, and one in eight all the same. A place is a worker that can take a job; among several, the one on
the worker with the least work goes first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from engines.fleet.round_robin import RoundRobin
from engines.fleet.streams import StreamNeed

URGENT_SECONDS = 2.0
"""a stream with less audio in hand than this goes first"""
URGENT_IN_A_ROW = 3
"""then one other gets its turn: an engine slower than speech would serve nobody else"""
PLENTY_SECONDS = 10.0
"""a stream with more audio in hand than this can wait for those that have less"""
BATCH_SHARE = 8
DECAY = 0.98
"""of what is known of the engine's pace, with each job"""


class HasWorker(Protocol):
    """Where a job can run."""

    @property
    def worker(self) -> object:
        """What it shares with other places."""
        ...


P = TypeVar("P", bound=HasWorker)


class Waiter(msgspec.Struct, eq=False):
    """A segment that waits for a place."""

    need: StreamNeed
    future: asyncio.Future[object]
    queue: RoundRobin[Waiter]


class Schedule(Generic[P]):
    """Hands places out; `offer` and `withdraw` say which there are. `changed` is called when one came free."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._free: list[P] = []
        self._load: Counter[object] = Counter()
        self._interactive: RoundRobin[Waiter] = RoundRobin()
        self._well_off: RoundRobin[Waiter] = RoundRobin()
        self._batch: RoundRobin[Waiter] = RoundRobin()
        self._urgent: list[tuple[float, int, Waiter]] = []
        self._order = itertools.count()
        self._urgent_in_a_row = self._since_batch = 0
        self._busy_seconds = self._made_seconds = self._jobs = 0.0
        self.running = 0

    @property
    def queued(self) -> int:
        """How many segments wait."""
        return len(self._interactive) + len(self._well_off) + len(self._batch)

    @property
    def slots(self) -> int:
        """How many jobs can run at once."""
        return self.running + len(self._free)

    def capacity(self) -> float:
        """Estimate how many seconds of audio can be made in a second; 0 while nothing is known."""
        return self.slots * self._made_seconds / self._busy_seconds if self._busy_seconds else 0.0

    def job_seconds(self) -> float:
        """Estimate how long a job takes; 0 while nothing is known."""
        return self._busy_seconds / self._jobs if self._jobs else 0.0

    def job_audio(self) -> float:
        """Estimate how many seconds of audio a job makes; 0 while nothing is known."""
        return self._made_seconds / self._jobs if self._jobs else 0.0

    async def acquire(self, need: StreamNeed) -> P:
        """Wait for a place."""
        if self._free and not self.queued:
            return self._take()
        waiter = Waiter(need, asyncio.get_running_loop().create_future(), self._queue(need))
        self._add(waiter)
        try:
            return await waiter.future  # type: ignore[return-value]  # offered places are P
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def release(self, place: P, *, usable: bool, seconds: float, made: float) -> None:
        """End a job that took `seconds` and made so many seconds of audio."""
        self.running -= 1
        self._load[place.worker] -= 1
        if not self._load[place.worker]:
            del self._load[place.worker]
        self._busy_seconds = DECAY * self._busy_seconds + seconds
        self._made_seconds = DECAY * self._made_seconds + made
        self._jobs = DECAY * self._jobs + 1
        if usable:
            self.offer(place)

    def offer(self, place: P) -> None:
        """Add a free place; whoever's turn it is gets it."""
        self._free.append(place)
        while self._free and (waiter := self._next()):
            waiter.future.set_result(self._take())
        self._changed()

    def withdraw(self, gone: Callable[[P], bool]) -> None:
        """Take free places away; jobs that hold one keep it until they end."""
        self._free = [place for place in self._free if not gone(place)]

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is nothing to wait for."""
        while waiter := self._next():
            waiter.future.set_exception(error)

    def _take(self) -> P:
        place = min(self._free, key=lambda one: self._load[one.worker])
        self._free.remove(place)
        self._load[place.worker] += 1
        self.running += 1
        return place

    def _add(self, waiter: Waiter) -> None:
        need = waiter.need
        waiter.queue.add(need.terms.caller, need.number, waiter)
        if not need.terms.batch and need.begun:
            heapq.heappush(self._urgent, (_dry(need), next(self._order), waiter))

    def _forget(self, waiter: Waiter) -> None:
        """Drop a waiter that was cancelled; the place it may have been given goes to another."""
        waiter.queue.remove(waiter.need.terms.caller, waiter.need.number, waiter)
        future = waiter.future
        if future.done() and not future.cancelled() and not future.exception():
            place: P = future.result()  # type: ignore[assignment]
            self.running -= 1
            self._load[place.worker] -= 1
            self.offer(place)

    def _queue(self, need: StreamNeed) -> RoundRobin[Waiter]:
        if need.terms.batch:
            return self._batch
        return self._well_off if need.slack(time.monotonic()) > PLENTY_SECONDS else self._interactive

    def _next(self) -> Waiter | None:
        """Take the waiter whose turn it is out of the queue; one that was cancelled a moment ago has none."""
        while (waiter := self._turn()) and waiter.future.done():
            pass
        return waiter

    def _turn(self) -> Waiter | None:
        if self._urgent_in_a_row < URGENT_IN_A_ROW and (urgent := self._most_urgent()):
            self._urgent_in_a_row += 1
            urgent.queue.remove(urgent.need.terms.caller, urgent.need.number, urgent)
            return urgent
        self._urgent_in_a_row = 0
        live = self._interactive or self._well_off
        if self._batch and (not live or self._since_batch >= BATCH_SHARE - 1):
            self._since_batch = 0
            return self._batch.pop()
        self._since_batch += bool(self._batch)
        return live.pop() if live else None

    def _most_urgent(self) -> Waiter | None:
        """Take the waiter whose player runs dry first, if it does so soon."""
        now = time.monotonic()
        while self._urgent and (
            self._urgent[0][2].future.done() or self._urgent[0][0] < now + URGENT_SECONDS
        ):
            _, _, waiter = heapq.heappop(self._urgent)
            if waiter.future.done():
                continue
            if waiter.need.slack(now) < URGENT_SECONDS:
                return waiter
            heapq.heappush(self._urgent, (now + waiter.need.slack(now), next(self._order), waiter))
        return None


def _dry(need: StreamNeed) -> float:
    """Give the moment at which a stream's player runs dry."""
    now = time.monotonic()
    return now + need.slack(now)
