"""Limit how many segments are synthesised ahead: a few at a time, and only while the encoder is idle.

An engine may synthesise a segment a hundred times as fast as it is played, and its audio waits as PCM, 48 kB
a second. Were every stream to begin one when the encoder is idle for a moment, that PCM would be most of the
gateway's memory.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

MAX_PREFETCHES = 2
"""prefetched segments whose audio is still to come: one is encoded while another is synthesised"""
PREFETCH_TIMEOUT = 0.05
"""seconds after which another may begin, though the audio has not come: neither a slow engine nor the encoder
is to be idle
"""


class PrefetchThrottle:
    """Permits streams to prefetch one segment each, those with the least slack first.

    A permit counts from when it is granted until `release`, or for PREFETCH_TIMEOUT. `encoder_is_idle` says
    whether the encoder has nothing to do: only then permits are granted.
    """

    def __init__(self, encoder_is_idle: Callable[[], bool] = lambda: True) -> None:
        self._encoder_is_idle = encoder_is_idle
        self._waiting: list[tuple[float, int, int, asyncio.Future[None]]] = []
        """a heap of: when the player runs dry, tie-breaker, session id, what is waited for"""
        self._tie_breaker = itertools.count()
        self._granted: dict[int, asyncio.TimerHandle] = {}
        """the end of each permit that counts, by session id"""

    @property
    def full(self) -> bool:
        """Return whether no further permit can be granted."""
        return len(self._granted) >= MAX_PREFETCHES

    def request(self, session_id: int, slack: float) -> asyncio.Future[None]:
        """Request a permit, and return a future that is done when it has been granted."""
        permit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        runs_dry_at = time.monotonic() + slack
        heapq.heappush(self._waiting, (runs_dry_at, next(self._tie_breaker), session_id, permit))
        return permit

    def grant(self) -> None:
        """Grant as many permits as may be, while the encoder is idle."""
        while self._waiting and not self.full and self._encoder_is_idle():
            _, _, session_id, permit = heapq.heappop(self._waiting)
            if not permit.done():
                permit.set_result(None)
                timer = asyncio.get_running_loop().call_later(PREFETCH_TIMEOUT, self._expire, session_id)
                self._replace(session_id, timer)

    def release(self, session_id: int) -> None:
        """Take back the permit of a session whose audio has come, or never will."""
        self._replace(session_id, None)

    def close(self) -> None:
        """Let all proceed that wait: their next call to the encoder raises."""
        for _, _, _, permit in self._waiting:
            if not permit.done():
                permit.set_result(None)
        self._waiting.clear()
        for session_id in list(self._granted):
            self._replace(session_id, None)

    def _replace(self, session_id: int, timer: asyncio.TimerHandle | None) -> None:
        before = self._granted.pop(session_id, None)
        if before is not None:
            before.cancel()
        if timer is not None:
            self._granted[session_id] = timer

    def _expire(self, session_id: int) -> None:
        self._granted.pop(session_id, None)
        self.grant()
