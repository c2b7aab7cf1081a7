"""A worker of an engine that is kept running, whatever happens to its processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.fleet import worker_endings
from engines.fleet.answer_watch import AnswerTerms
from engines.fleet.child_process import is_stopped
from engines.fleet.health_answers import HealthAnswers
from engines.fleet.process_supervisor import LIVED_LONG, Backoff, ChildRun, Supervisor
from engines.fleet.status import WorkerState, WorkerStatus
from engines.fleet.worker_launch import LaunchedWorker, Log
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.settings import Options, WorkerSettings
from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerClient

TakeLaunched = Callable[[EngineRecord, Options], LaunchedWorker | None]
"""returns a worker that was launched before, and is the caller's then; None for none"""
DEATHS_FORGIVEN = 2
"""deaths in a row after which who wants a model still has it started at once"""


class SupervisedWorker:
    """Starts a worker, watches its health, and has its supervisor start it again after it died.

    `ready` is called when it can work, `lost` at every other change of its state, `silent` when it gave no
    sign of life for so many seconds and is ended. A start that would fail in
    the same way again is not tried again. A worker `on_demand` rests until it is wanted, and again after it
    died or failed to start: a model takes memory, for which room must be made first, and half a minute to say
    that it does not load. `hold` is entered before a process of it starts, and left once that has ended. It
    is one of so many `workers`, which share the cores. One that `take_launched` returns is not started but
    waited for.
    """

    def __init__(
        self,
        record: EngineRecord,
        settings: WorkerSettings,
        log: Log,
        *,
        ready: Callable[[SupervisedWorker], None],
        lost: Callable[[SupervisedWorker], None],
        silent: Callable[[WorkerAddress, float], None] = lambda _worker, _seconds: None,
        options: Options | None = None,
        on_demand: bool = False,
        hold: Callable[[], AbstractContextManager[None]] | None = None,
        workers: int = 1,
        take_launched: TakeLaunched | None = None,
    ) -> None:
        self._record = record
        self._settings = settings
        self._log = log
        self._options = options
        self._ready = ready
        self._lost = lost
        self._silent = silent
        self._process: WorkerProcess | None = None
        self.client: WorkerClient | None = None
        self.state: WorkerState = "resting" if on_demand else "starting"
        self._on_demand = on_demand
        self._hold = hold or nullcontext
        self._workers = workers
        self._take_launched = take_launched
        self._starting_process: asyncio.Future[WorkerProcess] | None = None
        self._supervisor = Supervisor(
            self._run_and_hold,
            Backoff(settings.restart_delay, settings.restart_delay_max, LIVED_LONG),
            on_demand=on_demand,
            failed=self._failed,
            died=self._died,
        )
        self.reason = ""
        self._ended_for = ""
        """why its process was ended, where we ended it"""
        self._fails_for_good = False
        """it failed in a way in which it would fail again, as long as nobody repairs anything"""
        self.restarts = 0
        self.starting_pid: int | None = None
        """the id of its process while that starts"""
        self.card: int | None = None
        """the GPU that it was given, if any"""
        self.start_began = time.monotonic()
        """when its last start began"""
        self.start_seconds = 0.0
        """seconds that its last start took"""

    @property
    def info(self) -> EngineInfo | None:
        """What its engine says of itself, while it has a process."""
        return self._process.info if self._process else None

    @property
    def pid(self) -> int | None:
        """The id of its process, while there is one."""
        return self._process.pid if self._process else None

    def status(self, refusal: str, retry_in: float = 0.0) -> WorkerStatus:
        """Return its status; `refusal` is why it could not be started, where it rests, `retry_in` the seconds
        until it may be tried again, where it failed.
        """
        starting = time.monotonic() - self.start_began if self.state == "starting" else 0.0
        reason = self.reason or (refusal if self.state == "resting" else "")
        left = round(retry_in, 1) if self.state == "failed" else 0.0
        return WorkerStatus(self.state, self.pid, self.restarts, reason, starting, left)

    def give_up(self, client: WorkerClient, silent: float = 0.0) -> None:
        """Kill the process behind `client`, which broke off, or gave no sign of life for so many seconds, and
        start another instead.
        """
        if silent:
            self._silent(client.address, silent)
        if self._process and self.client is client:
            if silent and not self._ended_for:
                self._ended_for = worker_endings.silent(silent)
            self._process.kill()
            if self.state == "ready":
                self._set_state("starting")

    def wake(self, card: int | None = None) -> None:
        """Start it, if it rests, or failed to start before, on a GPU if it is given one."""
        self.card = card
        if self.state in ("resting", "failed"):
            self._set_state("starting")
        self._supervisor.wake()

    def forgive(self) -> None:
        """Have it rest, if it failed in a way that may be over by now: who wants it has it started again."""
        if self.state == "failed" and not self._fails_for_good:
            self._set_state("resting")

    def rest(self) -> None:
        """Stop it until it is wanted again."""
        self._supervisor.rest()
        if self._starting_process:
            self._starting_process.cancel()
        self._set_state("resting")
        if process := self._process:
            process.terminate()
            asyncio.get_running_loop().call_later(self._settings.stop_timeout, process.kill)

    async def run(self) -> None:
        """Keep a worker running while it is wanted, until cancelled."""
        await self._supervisor.run()

    def _failed(self, exc: Exception) -> None:
        """Record why it did not start, or broke, and do not start it again where that would be in vain."""
        if isinstance(exc, StartFailed):
            self.reason = str(exc)
            self._log(
                "worker did not start",
                engine=self._record.name,
                reason=self.reason,
                permanent=exc.permanent,
            )
        else:
            self.reason = f"{type(exc).__name__}: {exc}"
            self._log("worker broke", engine=self._record.name, reason=self.reason)
        self._fails_for_good = isinstance(exc, StartFailed) and exc.permanent
        if self._on_demand or self._fails_for_good:
            self._supervisor.rest()
            self._set_state("failed")

    def _died(self, in_a_row: int) -> None:
        """Count a death. Who wants a model makes room for it again, but not at once where it dies again and
        again.
        """
        self.restarts += 1
        self._fails_for_good = False
        if self._on_demand:
            self._set_state("resting" if in_a_row <= DEATHS_FORGIVEN else "failed")

    async def _run_and_hold(self, run: ChildRun) -> None:
        """Start a worker, and return when it has ended; what it is run from is held meanwhile."""
        async with _in_thread(self._hold()):
            await self._run_once(run)

    async def _run_once(self, run: ChildRun) -> None:
        """Start a worker, and return when it has ended. Raises StartFailed."""
        if not self._supervisor.wanted:
            return  # it was told to rest while what it is run from was taken hold of
        self._supervisor.keep_running()  # or it was, and was woken again meanwhile
        self._set_state("starting")
        self.start_began = time.monotonic()
        process = await self._start_process()
        if process is None:
            return
        self.start_seconds = time.monotonic() - self.start_began
        client = WorkerClient(process.address, stall_timeout=self._settings.stall_timeout)
        self._process = process
        self.client = client
        self.reason = self._ended_for = ""
        self._log("worker ready", engine=self._record.name, pid=process.pid)
        if self._supervisor.wanted:
            self._set_state("ready")
        else:
            process.terminate()
        health = HealthAnswers(client, self._terms.busy_within)
        run.watch(process.pid, health, lambda seconds: self._give_up_frozen(client, seconds), self._terms)
        ended = False
        try:
            status = await process.wait()
            ended = True
            if status is None:
                self.reason = worker_endings.ending(status)
                self._log("worker does not end", engine=self._record.name, pid=process.pid)
            elif not self._supervisor.ending:
                self.reason = self._ended_for or worker_endings.ending(status)
                self._log(
                    "worker died",
                    engine=self._record.name,
                    pid=process.pid,
                    status=status,
                    reason=self.reason,
                )
            else:
                self._log("worker rests", engine=self._record.name, pid=process.pid)
        finally:
            wanted: WorkerState = "starting" if self._supervisor.wanted else "resting"
            self._set_state(wanted if ended or not process.running else "stopped")
            try:
                await health.close()
                # before its client is closed: who reads from it learns of its end by that
                await process.stop(self._settings.stop_timeout)
            finally:
                self._process = None
                self.client = None
                await client.close()

    async def _start_process(self) -> WorkerProcess | None:
        """Start a worker; return None if `rest` was called before it was ready. Raises StartFailed."""
        take = self._take_launched
        self._starting_process = asyncio.ensure_future(
            WorkerProcess.start(
                self._record,
                self._settings,
                self._log,
                options=self._options,
                workers=self._workers,
                card=self.card,
                launched=take(self._record, self._options or {}) if take else None,
                on_launch=self._note_launch,
            )
        )
        try:
            return await self._starting_process
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return None
        finally:
            self._starting_process = None
            self.starting_pid = None

    def _note_launch(self, pid: int) -> None:
        self.starting_pid = pid

    def _set_state(self, state: WorkerState) -> None:
        changed = self.state != state
        self.state = state
        if changed and state == "ready":
            self._ready(self)
        elif changed:
            self._lost(self)

    @property
    def _terms(self) -> AnswerTerms:
        """What a worker has to keep to. One that works may answer late: its jobs have limits of their own.
        One that is stopped has the settings' time, as a model takes long to load again.
        """
        settings = self._settings
        busy_within = max(settings.stall_timeout, settings.health_timeout)
        within = settings.health_timeout
        return AnswerTerms(settings.health_interval, within, busy_within, stopped_within=within)

    def _give_up_frozen(self, client: WorkerClient, seconds: float) -> None:
        """End a worker that owed an answer for too long: its jobs are to blame, if nobody stopped it."""
        self._log("worker does not answer", engine=self._record.name, pid=self.pid, seconds=round(seconds, 1))
        if self.pid and is_stopped(self.pid):
            self._ended_for = worker_endings.stopped(seconds)
            self.give_up(client)
        else:
            self.give_up(client, seconds)


@asynccontextmanager
async def _in_thread(blocking: AbstractContextManager[None]) -> AsyncIterator[None]:
    """Enter and leave what may block, in threads, for the block."""
    entering = asyncio.ensure_future(asyncio.to_thread(blocking.__enter__))
    try:
        await asyncio.shield(entering)
        yield
    finally:
        await asyncio.wait([entering])
        await asyncio.to_thread(blocking.__exit__, None, None, None)
