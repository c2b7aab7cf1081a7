"""The tries at one job: which workers had it in vain, and whether another one may have it."""

from __future__ import annotations

from engines.errors import SpeechError
from engines.fleet.slots import TriedWorkers, Workers
from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerLost, WorkerUnreachable


class Tries:
    """The tries at a job of an engine that has so many workers; `lost` are those that were lost with it when
    it was asked for before.
    """

    def __init__(self, workers: int, lost: Workers = ()) -> None:
        self._workers = workers
        self._refused: Workers = ()
        self.lost = lost
        self.losses = 0
        """workers that were lost with it, now"""
        self.error: SpeechError | None = None
        """with which a worker sent it elsewhere, if one did"""
        self.reason = ""
        """why it is tried again; empty where it is not"""
        self.worker: WorkerAddress | None = None
        """the worker that has the job"""
        self.ended = False
        """there is no other worker"""

    @property
    def workers(self) -> TriedWorkers:
        """The workers that had it in vain."""
        return TriedWorkers(self._refused, self.lost)

    def count_loss(self, error: WorkerLost, most: int) -> bool:
        """Note that the worker was lost with it, and return whether another one may have it after `most`
        losses. After a silence whoever hands the slots out knows.
        """
        self.reason = "lost"
        # one that cannot be reached never had it, and is replaced, so that this ends without a count
        if not isinstance(error, WorkerUnreachable) and self.worker:
            self.losses += 1
            self.lost = (*self.lost, self.worker)
        return self.losses <= most or bool(error.silent)

    def may_go_elsewhere(self, error: SpeechError) -> bool:
        """Note the error with which the worker ended the job, and return whether another one may have it."""
        others = self._workers - len(self._refused) - 1
        if self.ended or not error.elsewhere or self.worker is None or others < 1:
            return False
        self.reason = "elsewhere"
        self.error = error
        self._refused = (*self._refused, self.worker)
        self.worker = None
        return True
