"""A slot of a worker that this process runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engines.errors import EngineUnavailable
from engines.fleet.slots import Workers
from engines.fleet.supervised_worker import SupervisedWorker
from engines.wire.client import WorkerClient


class WorkerSlot(msgspec.Struct, frozen=True, eq=False):
    """A slot of one worker process; void once that has ended, even if the worker has another process by then.

    It is both a `Slot` and a `LocalSlot`.
    """

    worker: SupervisedWorker
    """shared with the process's other slots"""
    client: WorkerClient

    @property
    def valid(self) -> bool:
        """Whether the process is still the worker's, and can take a job."""
        return self.worker.client is self.client and self.worker.state == "ready"


def slots_of_others(
    workers: Sequence[SupervisedWorker], refused: Workers
) -> Callable[[WorkerSlot], bool] | None:
    """Return a function that tells the slots of other workers than those that refused a job; None where any
    will do.

    Raises EngineUnavailable where there is no other.
    """
    if not refused:
        return None
    if not any(worker.client and worker.client.address not in refused for worker in workers):
        raise EngineUnavailable("The engine has no other worker.")
    return lambda slot: slot.client.address not in refused
