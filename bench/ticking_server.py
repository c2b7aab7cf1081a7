"""`python -m bench.ticking_server serve …`: the gateway, with a clock in its event loop that ticks every
millisecond. `GET /longest-gap` tells the longest time between two ticks since it was last asked, in seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from gateway import serve
from gateway.__main__ import main
from streaming.http.response import Receive, Send

PATH = "/longest-gap"
HOLD_PATH = "/hold"
"""holds the loop for a moment, to show that the clock tells of it"""
HOLD_SECONDS = 0.2
TICK = 0.001


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
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            self._longest = max(self._longest, time.perf_counter() - before - TICK)


def _run() -> int:
    create_app = vars(serve)["create_app"]

    def ticking_app(*args: object, **kwargs: object) -> Ticking:
        return Ticking(create_app(*args, **kwargs))

    vars(serve)["create_app"] = ticking_app
    return main()


if __name__ == "__main__":
    sys.exit(_run())
