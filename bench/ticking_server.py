"""`python -m bench.ticking_server serve …`: the gateway, with a clock in its event loop that ticks every
millisecond. `GET /longest-gap` tells the longest time between two ticks since it was last asked, in seconds;
time in which the loop's thread could have run, but others had the processors, is left out (on Linux).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from gateway import serve
from gateway.__main__ import main
from streaming.http.response import Receive, Send

PATH = "/longest-gap"
HOLD_PATH = "/hold"
"""holds the loop for a moment, to show that the clock tells of it"""
HOLD_SECONDS = 0.2
TICK = 0.001
SCHEDULE = "/proc/thread-self/schedstat"
"""a thread's nanoseconds on a processor, its nanoseconds of waiting for one, and how often it had one"""


class Ticking:
    """An application with a clock beside it."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self._app = app
        self._longest = 0.0
        self._clock: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or tell the longest gap."""
        if self._clock is None:
            self._clock = asyncio.create_task(self._tick())
        if scope.get("path") == HOLD_PATH:
            time.sleep(HOLD_SECONDS)  # noqa: ASYNC251 - that is the point
        if scope.get("path") not in (PATH, HOLD_PATH):
            await self._app(scope, receive, send)
            return
        body = b"%.6f" % self._longest
        if scope["path"] == PATH:
            self._longest = 0.0
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _tick(self) -> None:
        crowded_out = _waiting_clock()
        while True:
            before = time.perf_counter() - crowded_out()
            await asyncio.sleep(TICK)
            self._longest = max(self._longest, time.perf_counter() - crowded_out() - before - TICK)


def _waiting_clock() -> Callable[[], float]:
    """Return a function that returns for how many seconds this thread has waited for a processor; 0 where the
    system does not tell.
    """
    with suppress(OSError):
        file = os.open(SCHEDULE, os.O_RDONLY)  # of the thread that opens it; closed with the process
        return lambda: int(os.pread(file, 100, 0).split()[1]) / 1e9
    return lambda: 0.0


def _run() -> int:
    create_app = vars(serve)["create_app"]

    def ticking_app(*args: object, **kwargs: object) -> Ticking:
        return Ticking(create_app(*args, **kwargs))

    vars(serve)["create_app"] = ticking_app
    return main()


if __name__ == "__main__":
    sys.exit(_run())
