"""The library while the server runs: recordings that crashes left are swept, and it is closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from structlog.typing import FilteringBoundLogger

from voices.library import Library

SWEEP_SECONDS = 3600.0
"""between two sweeps"""


def library_lifespan(
    library: Library, log: FilteringBoundLogger
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Return the part of the application's lifespan that looks after the library."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep_regularly(library, log))
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
            await library.close()

    return lifespan


async def _sweep_regularly(library: Library, log: FilteringBoundLogger) -> None:
    while True:
        if not await library.is_empty():
            try:
                await _sweep(library, log)
            except Exception as exc:  # whatever it is, the next sweep may go better
                log.error("recordings could not be swept", reason=f"{exc}", cause=repr(exc.__cause__))
        await asyncio.sleep(SWEEP_SECONDS)


async def _sweep(library: Library, log: FilteringBoundLogger) -> None:
    opened = await library.open()
    from voices.storage.sweep import sweep

    if gone := await sweep(opened):
        log.info("swept recordings that nothing names", count=len(gone))
