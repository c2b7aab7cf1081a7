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

from engines.worker.device_memory import give_back

DELAY_SECONDS = 5.0
"""from the end of a job to when memory is given back: the next job needs some of it again, which takes it
longer
"""


def find_malloc_trim() -> Callable[[], object] | None:
    """Return the C library's function that gives memory back, `malloc_trim(3)`, for all arenas; None where it
    has none.
    """
    if sys.platform != "linux":
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)


class HeapTrimmer:
    """Gives memory back after jobs, of the machine and of a GPU, in the threads that run them: with one
    thread never during a job.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._malloc_trim = find_malloc_trim()
        self._timer: asyncio.TimerHandle | None = None

    def after_job(self) -> None:
        """Give memory back a while after this call, which is made on the loop when a job has ended."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._trim)

    def _trim(self) -> None:
        self._timer = None
        self._executor.submit(self._give_back)

    def _give_back(self) -> None:
        give_back()
        if self._malloc_trim:
            self._malloc_trim()
