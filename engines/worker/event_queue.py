"""From the engine's thread to the event loop: events pile up while the loop is busy, and leave together when
it comes.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Generic, TypeVar

from engines.api import Audio

Event = TypeVar("Event")
MAX_WAITING = 8 * 1024 * 1024
"""bytes of audio that may wait; beyond it the engine's thread waits"""


class EventQueue(Generic[Event]):
    """One job's events. `emit` is the engine's side, in its thread; `take` is the loop's side."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._room = threading.Condition()
        self._events: list[Event] = []
        self._size = 0
        self._sleeping = False
        self._cancelled = False
        self._finished = False

    def emit(self, event: Event) -> bool:
        """Hand one event over; False once nobody wants the rest."""
        with self._room:
            while self._size > MAX_WAITING and not self._cancelled:
                self._room.wait()
            return self._add(event)

    def offer(self, event: Event) -> bool:
        """Hand one event over without waiting for room: one job of a batch must not hold the others."""
        with self._room:
            return self._add(event)

    def _add(self, event: Event) -> bool:
        if self._cancelled:
            return False
        self._events.append(event)
        self._size += len(event.pcm) if isinstance(event, Audio) else 64
        self._wake()
        return True

    def finish(self) -> None:
        """Say, from the engine's thread, that no more will come."""
        with self._room:
            self._finished = True
            self._wake()

    def cancel(self) -> None:
        """Say, on the loop, that nobody wants the rest."""
        with self._room:
            self._cancelled = True
            self._room.notify_all()
            self._wake()

    @property
    def cancelled(self) -> bool:
        """Tell whether nobody wants the rest."""
        return self._cancelled

    def _wake(self) -> None:
        if self._sleeping:
            self._sleeping = False
            self._loop.call_soon_threadsafe(self._ready.set)

    async def take(self) -> list[Event]:
        """Take all that waits, once there is something; an empty list is the end, or that nobody wants the
        rest.
        """
        while True:
            with self._room:
                events, self._events, self._size = self._events, [], 0
                self._room.notify_all()
                if self._cancelled:
                    return []
                if events or self._finished:
                    return events
                self._sleeping = True
                self._ready.clear()
            await self._ready.wait()
