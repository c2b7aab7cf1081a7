"""A slot of a worker that this process runs."""

from __future__ import annotations

import msgspec

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
