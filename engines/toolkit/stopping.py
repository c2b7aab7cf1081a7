"""How work ends early: `Stop` is raised once nobody wants the rest of a job, and caught in one place.

The contract's `emit` answers False then. `stoppable` makes of it one that raises `Stop`, so that no function
in between has to pass the answer on. A library that computes for seconds calls a `StopCheck` now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Event = TypeVar("Event")


class Stop(Exception):
    """Nobody wants the rest of the job."""


def stop_unless(wanted: bool) -> None:
    """Raise Stop unless the rest of the job is wanted: the answer of an `emit`."""
    if not wanted:
        raise Stop


@contextmanager
def stoppable(emit: Callable[[Event], bool]) -> Iterator[Callable[[Event], None]]:
    """Yield an `emit` that raises Stop instead of answering False; the block that Stop ends has no error."""
    try:
        yield lambda event: stop_unless(emit(event))
    except Stop:
        return


class StopCheck:
    """A function that a library calls often while it works, to raise Stop once nobody wants the job.

    Between jobs it does nothing. It accepts whatever a library passes to its hooks, and returns None, so that
    it can be one of torch's forward hooks. One job at a time.
    """

    def __init__(self, interval: float = 0.0) -> None:
        self._interval = interval
        self._check: Callable[[], object] | None = None
        self._due = 0.0

    def __call__(self, *_: object) -> None:
        """Check, unless less than `interval` seconds have passed since the last time in this job."""
        if self._check is None:
            return
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._interval
            self._check()

    @contextmanager
    def during_job(self, check: Callable[[], object]) -> Iterator[None]:
        """Call `check`, which raises Stop, as the check of the job that the block works on."""
        self._check = check
        self._due = 0.0
        try:
            yield
        finally:
            self._check = None
