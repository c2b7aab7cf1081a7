"""Memory that the C library keeps for a process though nothing is in it goes back to the system, now and
then.

A network's layers take and leave large pieces of memory by the thousand, and what they leave stays in the
heap, between pieces still in use: without this Kokoro held, after some twenty lines, twice what it needs.
Elsewhere than on glibc nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import Executor

PAUSE = 5.0
"""seconds from the end of a job to when memory is given back: the next job needs some of it again, which
takes it longer
"""


def giver() -> Callable[[], object] | None:
    """Give the C library's function that gives memory back; None where it has none. `malloc_trim(3)`, for all
    arenas.
    """
    if sys.platform != "linux":
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)


class Trimmer:
    """Gives memory back after jobs, in the threads that run them: never while a job of a single thread runs."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._give = giver()
        self._due: asyncio.TimerHandle | None = None

    def after_job(self) -> None:
        """Say, on the loop, that a job has ended."""
        if self._give and self._due is None:
            self._due = asyncio.get_running_loop().call_later(PAUSE, self._trim, self._give)

    def _trim(self, give: Callable[[], object]) -> None:
        self._due = None
        self._threads.submit(give)
