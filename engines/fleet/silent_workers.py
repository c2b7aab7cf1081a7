"""Workers that gave no sign of life and were ended, and what becomes of the jobs that they had.

A job that hangs one worker hangs the next as well, after the same wait. So it is not done again where its
worker did nothing else; where that did several jobs at once, any of them may be to blame, and each is done
once more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from engines.errors import EngineHung
from engines.fleet.slots import Workers
from engines.wire.address import WorkerAddress

REMEMBERED = 1000
"""workers; the oldest are forgotten, as jobs that were lost with one come again at once, or never"""


class SilentWorkers:
    """The workers of an engine that were ended for silence; `jobs` returns how many each does at once."""

    def __init__(self, jobs: Callable[[], int]) -> None:
        self._jobs = jobs
        self._seconds: OrderedDict[WorkerAddress, float] = OrderedDict()

    def note(self, worker: WorkerAddress, seconds: float) -> None:
        """Note that a worker gave no sign of life for so many seconds."""
        self._seconds[worker] = max(seconds, self._seconds.get(worker, 0.0))
        while len(self._seconds) > REMEMBERED:
            self._seconds.popitem(last=False)

    def check(self, lost: Workers) -> None:
        """Raise EngineHung where a job is not to be done again, by the workers that were lost with it."""
        silences = [self._seconds[worker] for worker in lost if worker in self._seconds]
        again = self._jobs() > 1
        if len(silences) > again:
            once = "once more" if again else "again"
            raise EngineHung(
                f"The engine gave no sign of life for {max(silences):.0f} s while it did this, and was ended."
                f" It is not tried {once}, as that would hang it too."
            )
