"""A worker group keeps the workers of one engine running, admits streams, and gives their jobs slots.

`WorkerSource` is what a pool needs of it: the group itself may lie in another process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineUnavailable
from engines.fleet.child_process import KILLED_SECONDS
from engines.fleet.idle_stop import stop_when_idle
from engines.fleet.memory_watch import MemoryWatch
from engines.fleet.on_demand import Cards, OnDemand
from engines.fleet.playback_gate import PlaybackGate
from engines.fleet.retry_pause import RETRY_SECONDS, RetryPause
from engines.fleet.schedule import Schedule, slower
from engines.fleet.silent_workers import SilentWorkers
from engines.fleet.slots import UNTRIED, JobOutcome, Slot, TriedWorkers
from engines.fleet.start_deadline import StartDeadline
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.fleet.supervised_worker import SupervisedWorker, TakeLaunched
from engines.fleet.unasked_start import start_unasked
from engines.fleet.worker_launch import Log
from engines.fleet.worker_slot import WorkerSlot, slots_of_others
from engines.settings import EngineSettings, WorkerSettings

POLL_SECONDS = 0.02


class WorkerGroup:
    """Runs an engine's workers while `running` is entered.

    `encoding` returns how many seconds of audio can be encoded in a second, 0 while that is not known.
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
        take_launched: TakeLaunched | None = None,
    ) -> None:
        self._encoding = encoding
        self._on_demand = on_demand
        self._wake_lock = asyncio.Lock()
        self.last_used = time.monotonic()
        """the moment of the monotonic clock when somebody last used it"""
        self._pause = RetryPause(RETRY_SECONDS, self._forgive, partial(log, engine=record.name))
        self.record = record
        if on_demand and on_demand.start_timeout:
            workers = msgspec.structs.replace(workers, start_timeout=on_demand.start_timeout)
        self._settings = workers
        self._schedule: Schedule[WorkerSlot] = Schedule(changed=lambda: self._gate.admit_pending())
        self._gate = PlaybackGate(workers.queue, lambda: self._schedule.load(encoding()))
        self._silent = SilentWorkers(lambda: self._info.concurrency.jobs if self._info else 1)
        self._workers = [
            SupervisedWorker(
                record,
                workers,
                log,
                ready=self._worker_ready,
                lost=self._worker_lost,
                silent=self._silent.note,
                options=engine.options,
                on_demand=on_demand is not None,
                hold=on_demand.hold if on_demand else None,
                workers=engine.workers or record.workers,
                take_launched=take_launched,
            )
            for _ in range(engine.workers or record.workers)
        ]
        self._info: EngineInfo | None = (on_demand.info or on_demand.presumed) if on_demand else None
        self._has_said = bool(on_demand and on_demand.info)
        """whether it has said itself what it is"""
        self._promised: list[SupervisedWorker] = []
        """the workers for which memory was last reserved"""
        self._memory = MemoryWatch(self._workers, on_demand, partial(log, engine=record.name))
        self._kept = False
        """it stays although nobody wants it, while others do not need its memory"""
        self._changed = asyncio.Event()
        self._start_deadline = StartDeadline(workers.start_timeout, self._start_deadline_passed)
        self._stopped = False
        self.stop_reason = "The server is going away."
        """the message of the error that ends waiting requests when it is stopped for good"""
        self._tasks: set[asyncio.Task[None]] = set()
        self.unloaded = False
        """it was stopped, and nobody has wanted it since"""
        self.no_room_reason = ""
        """why there was no room to start it unasked"""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all workers at once, without waiting for them; stop them all on the way out."""
        tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        if self._on_demand:
            tasks.append(asyncio.create_task(stop_when_idle(self, self._on_demand)))
            if self._on_demand.pinned or self._info is None:
                tasks.append(asyncio.create_task(start_unasked(self, self._on_demand)))
        try:
            yield
        finally:
            self._stopped = True
            self._changed.set()
            self._fail(EngineUnavailable(self.stop_reason))
            self._start_deadline.end()
            self._pause.cancel()
            await self._memory.close()
            tasks += self._tasks
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._on_demand:
                self._on_demand.on_started()

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or, except for models, when
        none can be again.
        """
        return self._info if self.usable or self._on_demand else None

    @property
    def ready(self) -> bool:
        """Whether some worker can take a job now."""
        return any(worker.state == "ready" for worker in self._workers)

    @property
    def usable(self) -> bool:
        """Whether some worker is ready, or will be soon."""
        return not self._stopped and any(
            worker.state in ("ready", "starting", "resting") for worker in self._workers
        )

    @property
    def starting(self) -> bool:
        """Whether some worker is starting."""
        return any(worker.state == "starting" for worker in self._workers)

    @property
    def pinned(self) -> bool:
        """Whether it is to stay in memory."""
        return bool(self._on_demand and self._on_demand.pinned)

    @property
    def gpu_index(self) -> int:
        """Which GPU it runs on, if it runs on one."""
        placed = [worker.card for worker in self._workers if worker.card is not None]
        return placed[0] if placed else self._on_demand.gpu_index if self._on_demand else 0

    @property
    def stays(self) -> bool:
        """Whether it stays although nobody wants it."""
        return self.pinned or self._kept

    @property
    def in_use(self) -> bool:
        """Whether a stream is open or waits, or a job runs or waits."""
        return bool(
            self._gate.open_streams or self._gate.pending or self._schedule.running or self._schedule.queued
        )

    @property
    def idle_since(self) -> float:
        """The moment of the monotonic clock when it was last used."""
        return self.last_used

    @property
    def device(self) -> str:
        """What it runs on, as torch names it; empty while that is not known."""
        return self._info.device if self._info else ""

    def pids(self) -> list[int]:
        """Return the ids of its processes."""
        return [worker.pid for worker in self._workers if worker.pid]

    def promised_pids(self) -> list[int]:
        """Return the ids of the processes for which memory was last reserved, ready or not."""
        return [pid for worker in self._promised if (pid := worker.pid or worker.starting_pid)]

    async def wake(self, *, evict: bool = True) -> None:
        """Start the workers that rest, others being stopped for them if `evict`. Raises EngineUnavailable."""
        async with self._wake_lock:
            self.last_used = time.monotonic()
            self.unloaded = False
            down = [worker for worker in self._workers if worker.state in ("resting", "failed")]
            if self.usable and self._pause.left:
                down = [worker for worker in down if worker.state == "resting"]
            cards: Cards | None = [None] * len(down)
            if self._on_demand and down:
                cards = await self._make_room(self._on_demand, len(down), evict)
                # what those that load still were promised is theirs until all have started
                before = self._promised if self.starting else []
                self._promised = [*(one for one in before if one not in down), *down]
            for worker, card in zip(down, cards or (), strict=False):
                if worker.state == "failed":
                    self._pause.cancel()
                worker.wake(card)

    async def keep(self) -> None:
        """Start it where memory is free, and have it stay while others do not need that."""
        self._kept = True
        try:
            await self.wake(evict=False)
        except EngineUnavailable as exc:
            self.no_room_reason = exc.message

    def let_go(self) -> None:
        """Have it stop when nobody has wanted it for a while, as others do."""
        self._kept = False

    async def _make_room(self, on_demand: OnDemand, count: int, evict: bool) -> Cards | None:
        """Reserve memory for workers, and return their GPUs; None where there is none, and others can do the
        work. Raises EngineUnavailable.
        """
        try:
            cards = await on_demand.place(count, evict=evict)
        except EngineUnavailable:
            if self.ready:
                return None
            raise
        self.no_room_reason = ""
        if self._stopped:
            on_demand.on_started()
        self._raise_if_stopped()
        if not self.ready:
            self._start_deadline.begin()
        return cards

    async def rest(self) -> None:
        """Stop its workers until they are wanted, and wait until they have ended.

        Raises EngineUnavailable where one does not end though it was killed.
        """
        self.unloaded = True
        ending = set(self.pids())
        for worker in self._workers:
            worker.rest()
        # not those of a start that was asked for meanwhile: that may wait for the room of these
        try:
            async with asyncio.timeout(self._settings.stop_timeout + KILLED_SECONDS):
                while ending.intersection(self.pids()):  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as exc:
            raise EngineUnavailable(
                f"`{self.record.name}` was stopped, and its process does not end."
            ) from exc

    def status(self) -> EngineStatus:
        """Return the engine's status."""
        return EngineStatus(
            ready=self.ready,
            running=self._schedule.running,
            queued=self._schedule.queued + self._gate.pending,
            streams=self._gate.open_streams,
            workers=tuple(worker.status(self.no_room_reason, self._pause.left) for worker in self._workers),
            wait=self._gate.wait_estimate(),
            capacity=slower(self._schedule.capacity(), self._encoding()),
            on_demand=self._on_demand is not None,
            usable=self.usable,
            known=self._info is not None,
            presumed=not self._has_said and self._info is not None,
        )

    async def wait_ready(self) -> bool:
        """Wait until a worker is ready; return False when none is starting."""
        while not self.ready:
            if self._stopped or not self.starting:
                return False
            await self.wait_for_change()
        return True

    async def wait_for_change(self) -> None:
        """Wait until the state of a worker changes."""
        self._changed.clear()
        await self._changed.wait()

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait until a stream is admitted. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        if self._on_demand:
            await self._on_demand.check_current(self.record.name)
            self._on_demand.on_used()
            await self._wake_for_a_request()
        self._raise_if_unavailable()
        return await self._gate.open_stream(terms if self.ready else terms.while_loading())

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        self._gate.close_stream(need)
        self.last_used = time.monotonic()

    async def acquire(self, need: StreamNeed, prompt: str = "", tried: TriedWorkers = UNTRIED) -> WorkerSlot:
        """Wait for a slot, and return it, as WorkerSource has it. Raises EngineUnavailable or EngineHung."""
        self._silent.check(tried.lost)
        if self._on_demand and not self.ready and not self.starting:
            await self._wake_for_a_request()
        self._raise_if_unavailable()
        need.stays = bool(self._info and self._info.speech and self._info.speech.affinity)
        fits = slots_of_others(self._workers, tried.refused)
        try:
            async with asyncio.timeout(None if self.ready else self._settings.start_timeout):
                return await self._schedule.acquire(need, prompt, fits)
        except TimeoutError as exc:
            raise EngineUnavailable(f"The engine `{self.record.name}` is still starting.") from exc

    def release(self, _need: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """End a job; a worker that hung or broke off gets no further one, and its process is replaced."""
        assert isinstance(slot, WorkerSlot)  # noqa: S101 - it came from `acquire`
        if outcome.lost:
            slot.worker.give_up(slot.client, outcome.silent)
        self._memory.look()
        self._schedule.release(slot, usable=slot.valid, seconds=outcome.seconds, made=outcome.made)
        self._gate.admit_pending()

    async def _wake_for_a_request(self) -> None:
        """Start its workers, though not again at once where that failed."""
        if self.usable or not self._pause.left:
            await self.wake()

    def _raise_if_stopped(self) -> None:
        if self._stopped:
            raise EngineUnavailable(self.stop_reason)

    def _raise_if_unavailable(self) -> None:
        self._raise_if_stopped()
        if not self.usable:
            raise self._unavailable()

    def _forgive(self) -> None:
        """Have its workers be tried again when they are wanted: they were left alone for long enough."""
        for worker in self._workers:
            worker.forgive()

    def _worker_ready(self, worker: SupervisedWorker) -> None:
        self._info = worker.info
        self._has_said = True
        self._pause.worker_ready()
        self.last_used = time.monotonic()
        if self._on_demand and worker.info and worker.pid:
            self._on_demand.on_ready(worker.info, worker.pid, worker.start_seconds)
        self._memory.look()
        self._changed.set()
        self._start_deadline.end()
        self._report_started()
        if worker.info and worker.client:
            for _ in range(worker.info.concurrency.jobs):
                self._schedule.offer(WorkerSlot(worker, worker.client))

    def _worker_lost(self, worker: SupervisedWorker) -> None:
        self._schedule.withdraw(lambda slot: slot.worker is worker)
        self._changed.set()
        self._report_started()
        if worker.state == "failed" and self._on_demand:
            self._pause.begin(worker.reason)
        if not self.usable:
            self._fail(self._unavailable())
        elif not self.ready:
            self._start_deadline.end()
            if self.starting:
                self._start_deadline.begin()
            if self._on_demand and worker.state == "resting" and self.in_use and not self.starting:
                task = asyncio.create_task(self._wake_again())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _wake_again(self) -> None:
        """Start its workers again after they died with jobs running or waiting."""
        try:
            await self.wake()
        except Exception as exc:  # whatever it is: jobs that wait would wait for ever
            self._fail(exc)

    def _report_started(self) -> None:
        if self._on_demand and not self.starting:
            self._on_demand.on_started()

    def _start_deadline_passed(self) -> None:
        self._fail(EngineUnavailable(f"The engine `{self.record.name}` is still starting."))

    def _fail(self, error: Exception) -> None:
        self._gate.fail(error)
        self._schedule.fail(error)

    def _unavailable(self) -> EngineUnavailable:
        why = next((worker.reason for worker in self._workers if worker.reason), "none of its workers runs")
        return EngineUnavailable(f"The engine `{self.record.name}` is not available: {why}{self._pause.note}")
