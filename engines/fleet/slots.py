"""A slot is a worker's room for one job; what a pool needs of whoever hands slots out, here or in another
process.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from engines.api import EngineInfo
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerClient

Workers = tuple[WorkerAddress, ...]
"""workers by their addresses, which all processes of the gateway know them by"""


class JobOutcome(msgspec.Struct, frozen=True):
    """How a job ended."""

    seconds: float
    """that it took"""
    made: float = 0.0
    """seconds of audio that it made"""
    lost: bool = False
    """its worker hung, or broke off"""
    silent: float = 0.0
    """seconds in which its worker gave no sign of it, where it was lost by that"""


class TriedWorkers(msgspec.Struct, frozen=True, omit_defaults=True):
    """The workers that had a job before, in vain."""

    refused: Workers = ()
    """those that sent it elsewhere"""
    lost: Workers = ()
    """those that were lost with it"""


UNTRIED = TriedWorkers()


class Slot(Protocol):
    """A slot that a job holds."""

    @property
    def client(self) -> WorkerClient:
        """The client of its worker."""
        ...


class LocalSlot(Protocol):
    """A slot of a worker in this process's care, as the schedule sees it."""

    @property
    def worker(self) -> object:
        """The worker, which several slots share."""
        ...

    @property
    def valid(self) -> bool:
        """Whether the worker can still take a job in it."""
        ...


class WorkerSource(Protocol):
    """Admits streams, and gives their jobs slots."""

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait until a stream is admitted. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        ...

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        ...

    async def acquire(self, need: StreamNeed, prompt: str = "", tried: TriedWorkers = UNTRIED) -> Slot:
        """Wait for a slot, and return it: of the free ones, one of the worker that the stream stays with,
        else of one that had a job with the voice prompt of this id; never of the workers that refused it.

        Raises EngineUnavailable, also where there is no other worker than these, and EngineHung where the job
        seems to have hung those that were lost with it.
        """
        ...

    def release(self, need: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """End a job, and give its slot back."""
        ...

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be again."""
        ...

    @property
    def ready(self) -> bool:
        """Whether some worker can take a job now."""
        ...

    def status(self) -> EngineStatus:
        """Return the engine's status."""
        ...
