"""One at a time on a repository's files, in this process and in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TICK = 0.2
"""seconds"""


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock, which the system opens when its holder dies; `waiting` is called while another holds it,
    and may raise.

    Where the file system has no locks, everybody holds it: what is written is checked by its hash in any
    case.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o664)  # that of the hub's client, for caches that several users share
    held = False
    try:
        while not held:
            try:
                lock.acquire(timeout=TICK)
                held = True
            except Timeout:
                waiting()
            except NotImplementedError:
                break
        yield
    finally:
        if held:
            lock.release()
