"""A model whose workers fail again and again is left alone for a while, and may then be tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from engines.fleet.process_supervisor import LIVED_LONG, Backoff

GIVEN_UP = "worker given up for now"
"""what the log says, as a warning: others do its work meanwhile, or nobody does"""
RETRY_SECONDS = 10.0
"""seconds after a failure in which requests are refused with the reason, and no start is tried"""
RETRY_MAX = 300.0
"""the same, after many failures in a row"""


class RetryPause:
    """The time in which a model that failed is not tried again; `ended` is called when it is over.

    `log` is told of each. It doubles from `first` to RETRY_MAX seconds, and is `first` again after a worker
    that lived long.
    """

    def __init__(self, first: float, ended: Callable[[], None], log: Callable[..., None]) -> None:
        self._backoff = Backoff(first, max(first, RETRY_MAX), LIVED_LONG)
        self._ended = ended
        self._log = log
        self._ready_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0

    @property
    def left(self) -> float:
        """The seconds that are left of it; 0 when it is over."""
        return max(0.0, self._until - time.monotonic()) if self._timer else 0.0

    @property
    def note(self) -> str:
        """What follows the reason of a failure in an error's message."""
        return f"; it is tried again after {self.left:.0f} s" if self.left >= 1 else ""

    def worker_ready(self) -> None:
        """Note that a worker is ready: from now on it lives."""
        self._ready_since = time.monotonic()

    def begin(self, reason: str) -> None:
        """Begin it after a failure, unless it is under way."""
        if self._timer:
            return
        lived = 0.0 if self._ready_since is None else time.monotonic() - self._ready_since
        self._ready_since = None
        self._backoff.record_death(lived)
        self._until = time.monotonic() + self._backoff.delay
        self._timer = asyncio.get_running_loop().call_later(self._backoff.delay, self._end)
        self._log(GIVEN_UP, retry_in=self._backoff.delay, reason=reason)

    def cancel(self) -> None:
        """End it before its time, without a call of `ended`: somebody tries, or nobody ever will."""
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._ended()
