"""Threads for work on model files: hours of downloads, gigabytes to hash, disks that hang.

They are none of asyncio's own, where uploads are written, and no program that ends waits for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class FileThreads:
    """So many threads at once, each for one piece of work."""

    def __init__(self, name: str, at_once: int) -> None:
        self._name = name
        self._free = asyncio.Semaphore(at_once)

    async def run(self, work: Callable[[], T], cancel: threading.Event | None = None) -> T:
        """Return what `work` returns. Raises what it raises.

        When this is cancelled nobody waits for the thread: `cancel` is set, if the work knows it.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def finish(result: Callable[[], None]) -> None:
            self._free.release()
            if not future.done():
                result()

        def run() -> None:
            try:
                value = work()
            except BaseException as exc:  # whatever it is, it is raised where it is waited for
                failure = exc  # the name `exc` is gone when it is raised
                _call(loop, lambda: finish(lambda: future.set_exception(failure)))
            else:
                _call(loop, lambda: finish(lambda: future.set_result(value)))

        threading.Thread(target=run, name=self._name, daemon=True).start()
        try:
            return await future
        except asyncio.CancelledError:
            if cancel:
                cancel.set()
            raise


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    """Call something on an event loop, if that still runs."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(what)
