"""The workers of one engine and who works on what: members kept running, their places handed out, streams let
in.

`Dispatch` is what a pool needs of it, so that it may also lie in another process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineUnavailable
from engines.fleet.child_process import Log
from engines.fleet.on_demand import OnDemand
from engines.fleet.playback_gate import EngineLoad, PlaybackGate
from engines.fleet.schedule import Schedule
from engines.fleet.slots import JobOutcome, Slot
from engines.fleet.status import EngineStatus, WorkerStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.fleet.supervised_worker import SupervisedWorker
from engines.settings import EngineSettings, WorkerSettings
from engines.wire.client import WorkerClient

LONGEST_DELAY = 600.0
"""seconds between two attempts to start a model that nobody asks for"""
INTRODUCED_SECONDS = 60.0
"""for which a model that nobody asked for stays"""
LOOK_SECONDS = 0.02
RETRY_SECONDS = 10.0
"""after a start that failed, in which requests are refused with the reason rather than the same tried again
"""


class WorkerSlot(msgspec.Struct, frozen=True, eq=False):
    """A slot of one worker process; void once that process is gone, even if its member has another by then."""

    worker: SupervisedWorker
    """shared with the process's other slots"""
    client: WorkerClient

    @property
    def valid(self) -> bool:
        """Tell whether the process is still the member's."""
        return self.worker.client is self.client and self.worker.state == "ready"


class WorkerGroup:
    """Runs `record`'s workers while `running` is entered.

    `encoding` tells how many seconds of audio can be encoded in a second, 0 where nobody knows.
    """

    def __init__(
        self,
        record: EngineRecord,
        engine: EngineSettings,
        workers: WorkerSettings,
        log: Log,
        *,
        encoding: Callable[[], float] = lambda: 0.0,
        on_demand: OnDemand | None = None,
    ) -> None:
        self._encoding = encoding
        self._on_demand = on_demand
        self._waking = asyncio.Lock()
        self._used = self._failed = time.monotonic()
        self.record = record
        if on_demand and on_demand.start_timeout:
            workers = msgspec.structs.replace(workers, start_timeout=on_demand.start_timeout)
        self._settings = workers
        self._schedule: Schedule[WorkerSlot] = Schedule(changed=lambda: self._gate.look())
        self._gate = PlaybackGate(workers.queue, self._load)
        self._workers = [
            SupervisedWorker(
                record,
                workers,
                log,
                ready=self._worker_ready,
                lost=self._worker_lost,
                options=engine.options,
                on_demand=on_demand is not None,
            )
            for _ in range(engine.workers or record.workers)
        ]
        self._info: EngineInfo | None = on_demand.info if on_demand else None
        self._changed = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None
        self._gone = False
        self.farewell = "The server is going away."
        """what those hear who wait for it when it is stopped for good"""
        self._tasks: set[asyncio.Task[None]] = set()
        self._put_away = False
        self._refusal = ""
        """why there was no room to start it unasked"""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all workers at once, without waiting for them; stop them all on the way out."""
        keepers = [asyncio.create_task(worker.run()) for worker in self._workers]
        if self._on_demand:
            keepers.append(asyncio.create_task(self._watch(self._on_demand)))
            if self._on_demand.kept or self._on_demand.info is None:
                keepers.append(asyncio.create_task(self._introduce(self._on_demand)))
        try:
            yield
        finally:
            self._gone = True
            self._changed.set()
            self._fail(EngineUnavailable(self.farewell))
            self._be_patient(False)
            keepers += self._tasks
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            if self._on_demand:
                self._on_demand.settled()

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or, but for models, when none
        can be any more.
        """
        return self._info if self.usable or self._on_demand else None

    @property
    def ready(self) -> bool:
        """Tell whether some worker can take a job now."""
        return any(worker.state == "ready" for worker in self._workers)

    @property
    def usable(self) -> bool:
        """Tell whether some worker is ready, or will be soon."""
        return not self._gone and any(
            worker.state in ("ready", "starting", "resting") for worker in self._workers
        )

    @property
    def starting(self) -> bool:
        """Tell whether some worker is on its way."""
        return any(worker.state == "starting" for worker in self._workers)

    @property
    def kept(self) -> bool:
        """Tell whether it is to stay in memory."""
        return bool(self._on_demand and self._on_demand.kept)

    @property
    def card(self) -> int:
        """Which GPU it runs on, if it runs on one."""
        return self._on_demand.card if self._on_demand else 0

    @property
    def in_use(self) -> bool:
        """Tell whether anybody waits for it or works with it."""
        return bool(
            self._gate.open_streams or self._gate.pending or self._schedule.running or self._schedule.queued
        )

    @property
    def idle_since(self) -> float:
        """When it was last used, by the monotonic clock."""
        return self._used

    @property
    def device(self) -> str:
        """What it runs on, as torch names it; empty while that is not known."""
        return self._info.device if self._info else ""

    def pids(self) -> list[int]:
        """Name its processes."""
        return [worker.pid for worker in self._workers if worker.pid]

    async def wake(self, *, evict: bool = True) -> None:
        """See to it that its workers run, for which other models are stopped if `evict`. Raises
        EngineUnavailable: no room.
        """
        async with self._waking:
            self._used, self._put_away = time.monotonic(), False
            down = [worker for worker in self._workers if worker.state in ("resting", "failed")]
            if self.usable and time.monotonic() - self._failed < RETRY_SECONDS:
                down = [worker for worker in down if worker.state == "resting"]
            if self._on_demand and down and not await self._admitted(self._on_demand, len(down), evict):
                return
            for worker in down:
                worker.wake()

    async def _admitted(self, on_demand: OnDemand, count: int, evict: bool) -> bool:
        """Make room for workers; False where there is none, and others can do the work. Raises
        EngineUnavailable.
        """
        try:
            await on_demand.admit(count, evict)
        except EngineUnavailable:
            if self.ready:
                return False
            raise
        self._refusal = ""
        if self._gone:
            on_demand.settled()
        self._check_presence()
        if not self.ready:
            self._be_patient(True)
        return True

    async def rest(self) -> None:
        """Stop its workers until they are wanted, and wait until they are gone."""
        self._put_away = True
        for worker in self._workers:
            worker.rest()
        while self.pids():  # noqa: ASYNC110 - their keepers say so nowhere
            await asyncio.sleep(LOOK_SECONDS)

    def status(self) -> EngineStatus:
        """Tell how the engine is."""
        return EngineStatus(
            ready=self.ready,
            running=self._schedule.running,
            queued=self._schedule.queued + self._gate.pending,
            streams=self._gate.open_streams,
            workers=tuple(_worker(worker, self._refusal) for worker in self._workers),
            wait=self._gate.wait_estimate(),
            capacity=self._capacity(),
            on_demand=self._on_demand is not None,
            usable=self.usable,
            known=self._info is not None,
        )

    async def wait_ready(self) -> bool:
        """Wait until a worker is ready; False when none is on its way."""
        while not self.ready:
            if self._gone or not self.starting:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        if self._on_demand:
            await self._wake_for_a_request()
        self._check()
        return await self._gate.open_stream(terms)

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        self._gate.close_stream(need)
        self._used = time.monotonic()

    async def acquire(self, need: StreamNeed) -> WorkerSlot:
        """Wait for a worker. Raises EngineUnavailable."""
        if self._on_demand and not self.ready and not self.starting:
            await self._wake_for_a_request()
        self._check()
        if self.ready:
            return await self._schedule.acquire(need)
        try:
            async with asyncio.timeout(self._settings.start_timeout):
                return await self._schedule.acquire(need)
        except TimeoutError as exc:
            raise EngineUnavailable(f"The engine `{self.record.name}` is still starting.") from exc

    def release(self, _claim: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """End a job; a worker that hung or broke off gets no further one, and is replaced."""
        assert isinstance(slot, WorkerSlot)  # noqa: S101 - it came from `acquire`
        if outcome.lost:
            slot.worker.give_up(slot.client)
        self._schedule.release(slot, usable=slot.valid, seconds=outcome.seconds, made=outcome.made)
        self._gate.look()

    async def _wake_for_a_request(self) -> None:
        """Wake it, though not again at once where that failed."""
        if self.usable or time.monotonic() - self._failed > RETRY_SECONDS:
            await self.wake()

    async def _introduce(self, on_demand: OnDemand) -> None:
        """Start it without being asked, when there is room, until it has said what it is, or for ever if it
        is kept.

        Others make room for one that has never been started, and for one that is to be kept; not again and
        again for what fails.
        """
        delay, evict = RETRY_SECONDS, True
        while True:
            async with on_demand.start_lock or asyncio.Lock():
                try:
                    await self.wake(evict=evict)
                    evict = on_demand.kept
                    if await self.wait_ready() and not on_demand.kept:
                        self._used -= max(0.0, on_demand.rest_after - INTRODUCED_SECONDS)
                        return
                except EngineUnavailable as exc:
                    self._refusal = exc.message
            while self.ready or self.starting or self._put_away:
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(delay)
            delay = min(LONGEST_DELAY, 2 * delay)

    async def _watch(self, on_demand: OnDemand) -> None:
        """Stop workers that nobody has wanted for long."""
        while True:
            await asyncio.sleep(min(1.0, on_demand.rest_after / 4) if on_demand.rest_after else 60.0)
            if (
                on_demand.rest_after
                and not on_demand.kept
                and self.ready
                and not self.in_use
                and time.monotonic() - self._used > on_demand.rest_after
            ):
                await self.rest()

    def _check_presence(self) -> None:
        if self._gone:
            raise EngineUnavailable(self.farewell)

    def _check(self) -> None:
        self._check_presence()
        if not self.usable:
            raise EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}")

    def _capacity(self) -> float:
        """Give what the narrower of engine and encoders lets through; 0 while nothing is known."""
        known = [capacity for capacity in (self._schedule.capacity(), self._encoding()) if capacity]
        return min(known, default=0.0)

    def _load(self) -> EngineLoad:
        schedule = self._schedule
        return EngineLoad(
            schedule.capacity(),
            schedule.queued,
            schedule.slots,
            schedule.job_seconds(),
            schedule.job_audio(),
            self._encoding(),
        )

    def _worker_ready(self, worker: SupervisedWorker) -> None:
        self._info = worker.info
        self._used = time.monotonic()
        if self._on_demand and worker.info and worker.pid:
            self._on_demand.learned(worker.info, worker.pid, worker.took)
        self._changed.set()
        self._be_patient(False)
        self._settle()
        if worker.info and worker.client:
            for _ in range(max(worker.info.slots, worker.info.batch)):
                self._schedule.offer(WorkerSlot(worker, worker.client))

    def _worker_lost(self, worker: SupervisedWorker) -> None:
        self._schedule.withdraw(lambda slot: slot.worker is worker)
        self._changed.set()
        self._settle()
        if worker.state == "failed":
            self._failed = time.monotonic()
        if not self.usable:
            self._fail(EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}"))
        elif not self.ready:
            self._be_patient(self.starting)
            if self._on_demand and worker.state == "resting" and self.in_use and not self.starting:
                task = asyncio.create_task(self._wake_for_those_who_wait())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _wake_for_those_who_wait(self) -> None:
        """Start it again after it died with work in it."""
        try:
            await self.wake()
        except Exception as exc:  # whatever it is, those who wait would wait for ever
            self._fail(exc)

    def _settle(self) -> None:
        if self._on_demand and not self.starting:
            self._on_demand.settled()

    def _be_patient(self, begins: bool) -> None:
        """Give a worker that was lost as long to come back as one has to start; those who wait then wait no
        longer.
        """
        if self._patience:
            self._patience.cancel()
        self._patience = (
            asyncio.get_running_loop().call_later(self._settings.start_timeout, self._lose_patience)
            if begins
            else None
        )

    def _lose_patience(self) -> None:
        self._patience = None
        self._fail(EngineUnavailable(f"The engine `{self.record.name}` is still starting."))

    def _fail(self, error: Exception) -> None:
        self._gate.fail(error)
        self._schedule.fail(error)

    def _why(self) -> str:
        return next((worker.reason for worker in self._workers if worker.reason), "none of its workers runs")


def _worker(worker: SupervisedWorker, refusal: str) -> WorkerStatus:
    starting = time.monotonic() - worker.began if worker.state == "starting" else 0.0
    reason = worker.reason or (refusal if worker.state == "resting" else "")
    return WorkerStatus(worker.state, worker.pid, worker.restarts, reason, starting)
