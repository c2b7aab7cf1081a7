"""What a pool needs of whoever hands out workers, which may lie in another process."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engines.api import EngineInfo
from engines.fleet.status import PoolState
from engines.fleet.streams import Claim, Terms
from engines.wire.client import WorkerClient


class Outcome(msgspec.Struct, frozen=True):
    """How a job ended: seconds it took, seconds of audio it made, and whether its worker hung or broke off."""

    seconds: float
    made: float = 0.0
    lost: bool = False


class Lease(Protocol):
    """A job's hold on a worker."""

    @property
    def client(self) -> WorkerClient:
        """How to talk to it."""
        ...


class Dispatch(Protocol):
    """Lets streams in and gives their jobs workers."""

    async def enter(self, terms: Terms) -> Claim:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        ...

    def leave(self, claim: Claim) -> None:
        """End a stream."""
        ...

    async def acquire(self, claim: Claim) -> Lease:
        """Wait for a worker. Raises EngineUnavailable."""
        ...

    def release(self, claim: Claim, lease: Lease, outcome: Outcome) -> None:
        """End a job."""
        ...

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be any more."""
        ...

    def state(self) -> PoolState:
        """Tell how the engine is."""
        ...
