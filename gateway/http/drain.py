"""Draining before a shutdown: it is announced first, then new requests are refused, and running ones finish
within a time.

A server that refuses answers faster than any that works: a load balancer that has not been told before sends
it everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from engines.errors import Overloaded


def going_away() -> Overloaded:
    """Return the error of a request that the server does not serve, or not to its end, as it is closing."""
    return Overloaded("The server is going away; another one may be about to start.", retry_after=5.0)


class Drain:
    """Counts the requests under way, and knows when no more are wanted, and when no more are accepted."""

    def __init__(self) -> None:
        self.announced = False
        """`/readyz` says that the server is closing, while requests are still served"""
        self.closing = False
        """new requests are refused"""
        self.running = 0
        self._on_closing: list[Callable[[], None]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurried = asyncio.Event()

    def on_closing(self, call: Callable[[], None]) -> None:
        """Have something called once no more requests are accepted."""
        self._on_closing.append(call)

    def enter(self) -> None:
        """Count a request that begins."""
        self.running += 1
        if not self._hurried.is_set():
            self._idle.clear()

    def leave(self) -> None:
        """Count a request that has ended."""
        self.running -= 1
        if not self.running:
            self._idle.set()

    def check(self) -> None:
        """Refuse a new request once the server is closing. Raises Overloaded."""
        if self.closing:
            raise going_away()

    def hurry(self) -> None:
        """Wait no longer, neither before nor after the server closes."""
        self._hurried.set()
        self._idle.set()

    async def finish(self, timeout: float, delay: float = 0.0) -> bool:
        """Announce the end for `delay` seconds, accept no more requests then, and wait for those under way.

        Return whether all have ended within `timeout` further seconds, and before somebody is in a hurry.
        """
        self.announced = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), delay)
        self.closing = True
        for call in self._on_closing:
            call()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)
        return not self.running
