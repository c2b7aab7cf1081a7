"""Threads that decode recordings: as many at once as there are cores, none held for longer than it is wanted.

Who waits too long for one is refused as by an engine whose queue is full. Work ends when its task is
cancelled or its client leaves: its recording ends there.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import anyio

from engines.errors import Overloaded
from streaming.audio.recording import Source

T = TypeVar("T")
LONGEST_RETRY_AFTER = 5.0
"""seconds; a thread is held for half a second of sound at a time"""
Left = Callable[[], Awaitable[NoReturn]]
"""raises once the client has left, and returns never"""


class StoppableSource:
    """A recording that can be ended from another thread."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.seek = source.seek
        self.tell = source.tell
        self._stopped = False

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end or once it was stopped."""
        return b"" if self._stopped else self._source.read(size)

    def stop(self) -> None:
        """End it here for whoever reads it."""
        self._stopped = True


class DecodingThreads:
    """Threads that decode, bounded by a limiter that may be shared with encoders.

    `longest_wait` is the most seconds that work may wait for one.
    """

    def __init__(
        self,
        limiter: anyio.CapacityLimiter,
        longest_wait: float = math.inf,
        *,
        executor: ThreadPoolExecutor | None = None,
        left: Left | None = None,
    ) -> None:
        self._limiter = limiter
        self._longest_wait = longest_wait
        self._executor = executor or ThreadPoolExecutor(max(1, int(limiter.total_tokens)), "decoding")
        self._left = left

    def ending_with(self, left: Left) -> DecodingThreads:
        """Return the same threads for the work of a client, which ends when the client leaves."""
        return DecodingThreads(self._limiter, self._longest_wait, executor=self._executor, left=left)

    async def run(
        self, work: Callable[[], T], *sources: StoppableSource, longest_wait: float | None = None
    ) -> T:
        """Return what `work` returns, in a thread; when cancelled, stop its sources and wait for its end.

        Raises what `work` raises, Overloaded where no thread came free in time, and what `left` raises.
        """
        borrower = object()
        await self._borrow(borrower, self._longest_wait if longest_wait is None else longest_wait)
        try:
            running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        except BaseException:  # whatever it is, the thread was not used
            self._limiter.release_on_behalf_of(borrower)
            raise
        running.add_done_callback(lambda _: self._limiter.release_on_behalf_of(borrower))
        try:
            await self._wait(running)
        finally:
            if not running.done():
                for source in sources:
                    source.stop()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait([running])
                running.exception()  # nobody else asks for it
        return running.result()

    async def _borrow(self, borrower: object, longest_wait: float) -> None:
        try:
            async with asyncio.timeout(longest_wait if math.isfinite(longest_wait) else None):
                await self._limiter.acquire_on_behalf_of(borrower)
        except TimeoutError as exc:
            raise Overloaded(
                "The server is currently busy with other recordings, please try again later.",
                retry_after=min(LONGEST_RETRY_AFTER, longest_wait),
            ) from exc

    async def _wait(self, running: asyncio.Future[T]) -> None:
        """Wait for the end of work. Raises what `left` raises when the client leaves before."""
        if self._left is None:
            await asyncio.wait([running])
            return
        leaving = asyncio.ensure_future(self._left())
        leaving.add_done_callback(lambda task: task.cancelled() or task.exception())  # maybe too late
        both: list[asyncio.Future[Any]] = [running, leaving]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                leaving.result()
        finally:
            leaving.cancel()
