"""Work on what a caller sent, kept off the event loop where it would hold it.

What takes time in proportion to a text or a body is done on the loop while that is short, since a thread
costs more then; and in a thread where it is long, where the interpreter lets the loop go on every few
milliseconds.

There is one thread for very long texts and one for others. Work of this kind needs the interpreter, so that
more threads would be no quicker together, and would hold the loop for as many turns as there are of them; and
asyncio's own threads are for what waits: disks, uploads. The shortest work goes first, and none waits for
long before it is begun.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar

from engines.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")
SHORT = 20_000
"""bytes or code points that take a few milliseconds at most"""
LONG = 50_000
"""and those whose work others do not wait for"""
LONGEST_WAIT = 30.0
"""seconds until work is begun, after which its request is refused"""


class WorkThread:
    """A thread that does the shortest of the work that waits first."""

    def __init__(self) -> None:
        self._waiting: queue.PriorityQueue[tuple[int, int, Future[Any], Callable[[], Any]]] = (
            queue.PriorityQueue()
        )
        """by size and order"""
        self._order = itertools.count()
        threading.Thread(target=self._run, name="texts", daemon=True).start()

    def submit(self, size: int, work: Callable[[], T]) -> Future[T]:
        """Have work done on something of a size, and return the future of its result."""
        future: Future[T] = Future()
        self._waiting.put((size, next(self._order), future, work))
        return future

    def _run(self) -> None:
        while True:
            _, _, future, work = self._waiting.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as exc:  # whatever it is, it is raised where it is waited for
                    future.set_exception(exc)
            del future, work  # what they hold is large


@cache
def _thread(*, long: bool) -> WorkThread:
    return WorkThread()


async def off_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function makes of something of that size. Raises what it raises, or Overloaded."""
    bound = partial(work, *args, **kwargs)
    return bound() if size <= SHORT else await in_work_thread(size, bound)


async def in_work_thread(size: int, work: Callable[[], T]) -> T:
    """Return what a function makes of something of that size, however short. Raises what it raises, or
    Overloaded.
    """
    future = _thread(long=size > LONG).submit(size, work)
    result = asyncio.wrap_future(future)
    try:
        await asyncio.wait([result], timeout=LONGEST_WAIT)
        if not result.done() and future.cancel():
            raise Overloaded(
                "The server is currently busy with other long texts, please try again later.", retry_after=5.0
            )
        return await result
    finally:
        result.cancel()
