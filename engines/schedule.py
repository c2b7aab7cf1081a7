"""Who goes next: a bounded, fair queue for the slots of an engine's workers.

First come, first served, by job. Since a request has one segment in the queue at a time, requests take turns segment by
segment: a long text delays a short one by what is running, not by its length.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from engines.api import Overloaded

Place = TypeVar("Place")
ASSUMED_SECONDS = 0.2
"""how long a job is taken to last before any has been seen"""
SMOOTHING = 0.1


class Schedule(Generic[Place]):
    """Hands places out (a place is a worker that can take a job); `offer` and `withdraw` say which there are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free: deque[Place] = deque()
        self._waiting: deque[asyncio.Future[Place]] = deque()
        self._seconds = ASSUMED_SECONDS
        self.running = 0

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return sum(1 for waiter in self._waiting if not waiter.done())

    async def acquire(self, *, begun: bool = False) -> Place:
        """Wait for a place. Raises Overloaded at once when too many wait already, unless the job goes on with what has begun."""
        if self._free and not self._waiting:
            self.running += 1
            return self._free.popleft()
        if not begun and self.queued >= self._limit:
            raise Overloaded("The engine is currently overloaded, please try again later.", retry_after=self.wait_estimate())
        waiter: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            place = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.offer(waiter.result())
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        self.running += 1
        return place

    def release(self, place: Place | None, seconds: float) -> None:
        """End a job that took `seconds`; its place goes to the next, None when it is gone."""
        self.running -= 1
        self._seconds += SMOOTHING * (seconds - self._seconds)
        if place is not None:
            self.offer(place)

    def offer(self, place: Place) -> None:
        """Add a free place, or hand it to who has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(place)
                return
        self._free.append(place)

    def withdraw(self, gone: Callable[[Place], bool]) -> None:
        """Take places away; jobs that hold one keep it until they end."""
        self._free = deque(place for place in self._free if not gone(place))

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is nothing to wait for."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def wait_estimate(self) -> float:
        """Estimate, in seconds, how long a new job would wait."""
        places = max(1, self.running + len(self._free))
        return self._seconds * (self.queued + 1) / places
