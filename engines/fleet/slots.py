"""What a pool needs of whoever hands out workers, which may lie in another process."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engines.api import EngineInfo
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.wire.client import WorkerClient


class JobOutcome(msgspec.Struct, frozen=True):
    """How a job ended: seconds it took, seconds of audio it made, and whether its worker hung or broke off."""

    seconds: float
    made: float = 0.0
    lost: bool = False


class Slot(Protocol):
    """A job's hold on a worker."""

    @property
    def client(self) -> WorkerClient:
        """How to talk to it."""
        ...


class WorkerSource(Protocol):
    """Lets streams in and gives their jobs workers."""

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        ...

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        ...

    async def acquire(self, need: StreamNeed) -> Slot:
        """Wait for a worker. Raises EngineUnavailable."""
        ...

    def release(self, need: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """End a job."""
        ...

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be any more."""
        ...

    def status(self) -> EngineStatus:
        """Tell how the engine is."""
        ...
