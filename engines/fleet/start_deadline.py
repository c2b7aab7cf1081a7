"""The time in which an engine must become ready, once it was asked to start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class StartDeadline:
    """Calls `passed` when so many seconds are over before it is ended."""

    def __init__(self, seconds: float, passed: Callable[[], None]) -> None:
        self._seconds = seconds
        self._passed = passed
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Begin the time, anew where it runs."""
        self.end()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._passed)

    def end(self) -> None:
        """End it, so that nothing is called."""
        if self._timer:
            self._timer.cancel()
        self._timer = None
