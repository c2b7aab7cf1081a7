"""A lock on a repository's files, held by one thread of one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.2
"""between two calls of `on_wait`"""


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock on a file for the block; the system releases it when the process dies.

    `on_wait` is called again and again while another thread or process holds the lock; what it raises ends
    the wait. Where the file system has no locks, everybody gets it: what is written is checked by its hash in
    any case.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o664)  # that of the hub's client, for caches that several users share
    try:
        while not lock.is_locked:
            try:
                lock.acquire(timeout=POLL_SECONDS)
            except Timeout:
                on_wait()
            except NotImplementedError:
                break
        yield
    finally:
        if lock.is_locked:
            lock.release()
