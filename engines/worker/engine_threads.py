"""The threads that an engine runs in: one, from loading to the end, unless the engine declares more.

Some libraries belong to the thread that they began in: MLX, CUDA graphs, what torch compiled. And OpenMP
keeps a team of threads for each thread that ever had work for one: once there are more of them than cores,
none waits awake for more work, and each of a network's layers has to wake its team up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from engines.worker.engine_calls import never_exiting

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class EngineThreads(ThreadPoolExecutor):
    """An engine's threads, which know whether more work waits for them."""

    def __init__(self, count: int) -> None:
        super().__init__(count, thread_name_prefix="engine")
        self._waiting = 0
        self._lock = threading.Lock()

    @property
    def others_wait(self) -> bool:
        """Whether work waits that none of the threads has begun."""
        return self._waiting > 0

    def submit(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Have a function called in one of the threads."""

        def call() -> Result:
            self._count(-1)
            return never_exiting(function)(*args, **kwargs)

        self._count(1)
        future = super().submit(call)
        future.add_done_callback(lambda done: self._count(-1) if done.cancelled() else None)
        return future

    def _count(self, change: int) -> None:
        with self._lock:
            self._waiting += change
