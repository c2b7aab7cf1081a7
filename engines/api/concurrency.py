"""How one worker does several jobs at once: one value, so that no two can contradict each other."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]


class Alone(msgspec.Struct, frozen=True, tag="alone"):
    """One job at a time: the engine is a Speaker or a Transcriber, and everything runs in one thread."""

    @property
    def jobs(self) -> int:
        """Return how many jobs run at once."""
        return 1


class Threads(msgspec.Struct, frozen=True, tag="threads"):
    """So many jobs, each in a thread of its own: the engine is a Speaker or a Transcriber that bears it."""

    count: Count

    @property
    def jobs(self) -> int:
        """Return how many jobs run at once."""
        return self.count


class Batches(msgspec.Struct, frozen=True, tag="batches"):
    """Up to `size` jobs in one call, which has all of them from its start: the engine is a BatchSpeaker."""

    size: Count
    wait: Annotated[float, Meta(ge=0)] = 0.0
    """seconds that a batch which is not full waits for more jobs"""

    @property
    def jobs(self) -> int:
        """Return how many jobs run at once."""
        return self.size


class Steps(msgspec.Struct, frozen=True, tag="steps"):
    """Up to `members` jobs that go on together step by step, and come and go between two steps: the engine is
    a StepSpeaker.
    """

    members: Count
    admitted: Count = 1
    """members that begin between two steps, at most: the others wait for what a beginning costs"""
    repeatable: bool = False
    """a step that raised leaves each member as it was before, or as it is after: where memory was too little
    for all, it is taken again with half of them each, and at last with each alone
    """

    @property
    def jobs(self) -> int:
        """Return how many jobs run at once."""
        return self.members


Concurrency = Alone | Threads | Batches | Steps
ALONE = Alone()
