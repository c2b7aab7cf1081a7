"""A line in the log when the process has used up its file descriptors.

The event loop refuses connections then without a word.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from litestar import Litestar
from structlog.typing import FilteringBoundLogger

PERIOD = 1.0
"""seconds between two looks"""
REPEAT_SECONDS = 60.0
"""in which it is told once"""


def watch_descriptors(
    log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Return the lifespan in which the log is told, once a minute, that there is no descriptor left."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(_watch(log, clock))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return lifespan


async def _watch(log: FilteringBoundLogger, clock: Callable[[], float]) -> None:
    told = -REPEAT_SECONDS
    while True:
        await asyncio.sleep(PERIOD)
        if clock() - told < REPEAT_SECONDS or (reason := _shortage()) is None:
            continue
        told = clock()
        log.error(
            "no file descriptors are left: connections are refused",
            reason=reason,
            remedy="raise the limit of open files (ulimit -n, LimitNOFILE), or let fewer clients in",
        )


def _shortage() -> str | None:
    """Return why no descriptor can be had; None where one can."""
    try:
        os.close(os.dup(0))
    except OSError as exc:
        return exc.strerror
    return None
