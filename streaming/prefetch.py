"""Turns: who is well off begins a further segment only when the encoder has nothing else to do, a few at a
time.

An engine may make a segment a hundred times as fast as it is played, and what is made waits as PCM, 48 kB a
second. Were every stream to begin one when the encoder is idle for a moment, that PCM would be most of the
gateway's memory.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

TURNS = 2
"""segments whose audio is still to come: one is encoded while another is made"""
PATIENCE = 0.05
"""seconds after which another may begin, though the audio has not come: neither a slow engine nor the encoder
be kept idle
"""


class PrefetchThrottle:
    """Those who wait, by how long their readers can, and those whose turn it is, by file number; `idle` tells
    of the encoder.
    """

    def __init__(self, idle: Callable[[], bool] = lambda: True) -> None:
        self._idle = idle
        self._waiting: list[tuple[float, int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._given: dict[int, asyncio.TimerHandle] = {}

    @property
    def full(self) -> bool:
        """Tell whether nobody may begin."""
        return len(self._given) >= TURNS

    def ask(self, number: int, slack: float) -> asyncio.Future[None]:
        """Ask for a turn; it is done when it has come."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (time.monotonic() + slack, next(self._order), number, turn))
        return turn

    def give(self) -> None:
        """Give as many turns as may be, while the encoder has nothing to do."""
        while self._waiting and not self.full and self._idle():
            _, _, number, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                timer = asyncio.get_running_loop().call_later(PATIENCE, self._late, number)
                self._replace(number, timer)

    def end(self, number: int) -> None:
        """Note that the audio has come, or never will."""
        self._replace(number, None)

    def stop(self) -> None:
        """Let all go who wait: what they do next tells them why."""
        for _, _, _, turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()
        for number in list(self._given):
            self._replace(number, None)

    def _replace(self, number: int, timer: asyncio.TimerHandle | None) -> None:
        before = self._given.pop(number, None)
        if before is not None:
            before.cancel()
        if timer is not None:
            self._given[number] = timer

    def _late(self, number: int) -> None:
        self._given.pop(number, None)
        self.give()
