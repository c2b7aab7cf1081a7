"""Events from the engine's thread to the event loop: they wait while the loop is busy, and leave together."""

from __future__ import annotations

import asyncio
import threading
from itertools import accumulate
from typing import Generic, TypeVar

from engines.api import Audio

Event = TypeVar("Event")
MAX_WAITING = 8 * 1024 * 1024
"""bytes of events that may wait, and that leave together, unless the last of them is more; beyond it the
engine's thread waits
"""
EVENT_SIZE = 64
"""bytes that an event without audio counts for"""


def size_of(event: object) -> int:
    """Return the bytes that an event counts for."""
    return len(event.pcm) if isinstance(event, Audio) else EVENT_SIZE


class EventQueue(Generic[Event]):
    """The events of one job. `emit` and `finish` are the engine's side, in its thread; the rest is the
    loop's.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._has_room = threading.Condition()
        self._events: list[Event] = []
        self._size = 0
        """bytes of the events that wait"""
        self._loop_waits = False
        self._cancelled = False
        self._finished = False

    def emit(self, event: Event) -> bool:
        """Add an event, once there is room for it; return False when nobody wants the rest."""
        with self._has_room:
            while self._size > MAX_WAITING and not self._cancelled:
                self._has_room.wait()
            return self._add(event)

    def emit_nowait(self, event: Event) -> bool:
        """Add an event without waiting for room: one job of a batch must not hold the others."""
        with self._has_room:
            return self._add(event)

    def _add(self, event: Event) -> bool:
        if self._cancelled:
            return False
        self._events.append(event)
        self._size += size_of(event)
        self._wake_loop()
        return True

    def finish(self) -> None:
        """Mark the end, from the engine's thread: no more will come."""
        with self._has_room:
            self._finished = True
            self._wake_loop()

    def cancel(self) -> None:
        """Cancel the job, on the loop: nobody wants the rest."""
        with self._has_room:
            self._cancelled = True
            self._has_room.notify_all()
            self._wake_loop()

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the rest."""
        return self._cancelled

    def _take(self) -> list[Event]:
        """Remove the first events, and return them."""
        count = len(self._events)
        if self._size > MAX_WAITING:
            sizes = accumulate(map(size_of, self._events))
            count = 1 + next(number for number, size in enumerate(sizes) if size > MAX_WAITING)
        taken = self._events[:count]
        del self._events[:count]
        self._size -= sum(map(size_of, taken))
        return taken

    def _wake_loop(self) -> None:
        if self._loop_waits:
            self._loop_waits = False
            self._loop.call_soon_threadsafe(self._changed.set)

    async def get_all(self) -> list[Event]:
        """Return all that waits, as far as it may leave together, once there is something; an empty list at
        the end, or once cancelled.
        """
        while True:
            with self._has_room:
                events = self._take()
                self._has_room.notify_all()
                if self._cancelled:
                    return []
                if events or self._finished:
                    return events
                self._loop_waits = True
                self._changed.clear()
            await self._changed.wait()
