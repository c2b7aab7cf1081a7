"""What workers take of memory, asked of them a moment after they are ready, and after each of their jobs.

The most that a model took is what it needs when it is started again; a job that found too little of it asks
for room now, as it will be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from engines.errors import EngineUnavailable
from engines.fleet.on_demand import OnDemand
from engines.fleet.supervised_worker import SupervisedWorker
from engines.memory.governor import GPUS, UNTOLD_GPUS
from engines.wire.memory_use import MemoryUse

LOOK_SECONDS = 0.5
"""from the end of a job to the question, which many jobs share"""
ANSWER_SECONDS = 10.0
NO_ROOM = "no room for a job that found too little memory"
NOBODY = OnDemand()


class MemoryWatch:
    """Asks workers what they take, and tells how their model is run; those of no model are not asked."""

    def __init__(
        self, workers: Sequence[SupervisedWorker], on_demand: OnDemand | None, log: Callable[..., None]
    ) -> None:
        self._workers = workers
        self._on_demand = on_demand or NOBODY
        self._is_wanted = on_demand is not None
        self._log = log
        self._shortages: dict[int, int] = {}
        """that workers have told of, by their processes"""
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Ask soon."""
        if self._timer is None and self._is_wanted:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin)

    async def close(self) -> None:
        """Ask no more."""
        if self._timer:
            self._timer.cancel()
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _begin(self) -> None:
        self._timer = None
        if self._asking and not self._asking.done():
            self.look()  # who is asked now may have answered before the last job
        else:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        for worker in self._workers:
            client, pid = worker.client, worker.pid
            use = await client.memory(ANSWER_SECONDS) if client and pid and worker.state == "ready" else None
            if use and pid:
                self._on_demand.on_measured(pid, use)
                await self._note_shortage(worker, pid, use)

    async def _note_shortage(self, worker: SupervisedWorker, pid: int, use: MemoryUse) -> None:
        """Have room made for a worker whose jobs found too little memory since it was last asked."""
        if use.shortages <= self._shortages.get(pid, 0):
            return
        alive = [one.pid for one in self._workers]
        self._shortages = {one: n for one, n in self._shortages.items() if one in alive} | {
            pid: use.shortages
        }
        device = worker.info.device if worker.info else ""
        if worker.card is None and device.startswith((*GPUS, *UNTOLD_GPUS)):
            # room that is made of the machine's memory would stop others in vain
            self._log(NO_ROOM, pid=pid, reason=f"Nothing is known of the memory of the GPU ({device}).")
            return
        try:
            await self._on_demand.make_room(use.missing, worker.card)
        except EngineUnavailable as exc:
            self._log(NO_ROOM, pid=pid, reason=exc.message)
