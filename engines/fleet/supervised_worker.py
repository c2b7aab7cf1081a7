"""One place in a pool: a worker that is kept running, whatever happens to its processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import Log, StartFailed, WorkerProcess
from engines.settings import Options, WorkerSettings
from engines.wire.client import WorkerClient

WorkerState = Literal["resting", "starting", "ready", "failed", "stopped"]
"""resting: it starts when it is wanted"""
LIVED_LONG = 30.0
"""seconds after which a crash no longer counts as one in a row"""
FEW = 2
"""crashes in a row after which who wants a model still has it started at once"""


class SupervisedWorker:
    """Starts a worker, watches it, and starts it again after a crash, with back-off.

    `ready` tells the pool that it can work, `lost` every other change. A start that would fail the same way
    again is not tried. With `lazy` it rests until it is wanted, and again after a crash or a start that
    failed: a model takes memory, for which room must be made first, and half a minute to say that it does not
    load.
    """

    def __init__(
        self,
        record: EngineRecord,
        settings: WorkerSettings,
        log: Log,
        *,
        ready: Callable[[SupervisedWorker], None],
        lost: Callable[[SupervisedWorker], None],
        options: Options | None = None,
        on_demand: bool = False,
    ) -> None:
        self._record = record
        self._settings = settings
        self._log = log
        self._options = options
        self._ready = ready
        self._lost = lost
        self._process: WorkerProcess | None = None
        self.client: WorkerClient | None = None
        self.state: WorkerState = "resting" if on_demand else "starting"
        self._on_demand = on_demand
        self._start: asyncio.Future[WorkerProcess] | None = None
        self._put_away = False
        """its process, or the start of one, ends because it was asked to"""
        self._wanted = asyncio.Event()
        if not on_demand:
            self._wanted.set()
        self.reason = ""
        self.restarts = 0
        self.began = time.monotonic()
        """when its last start began"""
        self.took = 0.0
        """seconds that its last start took"""

    @property
    def info(self) -> EngineInfo | None:
        """What its engine says of itself, while it is ready."""
        return self._process.info if self._process else None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process else None

    def give_up(self, client: WorkerClient) -> None:
        """Kill the process behind `client`, which hung or broke off; no job goes there any more, and it is
        started again.
        """
        if self._process and self.client is client:
            self._process.kill()
            if self.state == "ready":
                self._change("starting")

    def wake(self) -> None:
        """Start it, if it rests, or failed to start before."""
        if self.state in ("resting", "failed"):
            self._change("starting")
        self._wanted.set()

    def rest(self) -> None:
        """Stop it until it is wanted again."""
        self._wanted.clear()
        self._put_away = bool(self._start or self._process)
        if self._start:
            self._start.cancel()
        self._change("resting")
        if process := self._process:
            process.terminate()
            asyncio.get_running_loop().call_later(self._settings.stop_timeout, process.kill)

    async def keep(self) -> None:
        """Keep a worker running while it is wanted, until cancelled, or, unless it may rest, until none can
        run.
        """
        crashes, died = 0, -LIVED_LONG
        while True:
            await self._wanted.wait()
            began = time.monotonic()
            try:
                await self._run_once()
            except StartFailed as exc:
                self.reason = str(exc)
                self._log(
                    "worker did not start",
                    engine=self._record.name,
                    reason=self.reason,
                    permanent=exc.permanent,
                )
                if exc.permanent or self._on_demand:
                    self._wanted.clear()
                    self._change("failed")
            except Exception as exc:  # whatever it is, a place without a keeper would say "starting" for ever
                self.reason = f"{type(exc).__name__}: {exc}"
                self._log("worker broke", engine=self._record.name, reason=self.reason)
                if self._on_demand:
                    self._wanted.clear()
                    self._change("failed")
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError  # one that came while a dead worker was cleared away, and was swallowed there
            asked, self._put_away = self._put_away, False
            if (
                asked or not self._wanted.is_set()
            ):  # one that was woken again meanwhile starts, and its room is held already
                continue
            since = died if self._on_demand else began  # what rests between two deaths has not died in a row
            crashes, died = (1 if time.monotonic() - since > LIVED_LONG else crashes + 1), time.monotonic()
            self.restarts += 1
            if self._on_demand:  # it has died; who wants it makes room for it again, but not at once where it dies again and again
                self._wanted.clear()
                self._change("resting" if crashes <= FEW else "failed")
                continue
            delay = min(
                self._settings.restart_delay_max, self._settings.restart_delay * 2 ** min(crashes - 1, 62)
            )
            await asyncio.sleep(delay)

    async def _run_once(self) -> None:
        """Start a worker, and return when it has died."""
        self._change("starting")
        self.began = time.monotonic()
        process = await self._started()
        if process is None:
            return
        self.took = time.monotonic() - self.began
        client = WorkerClient(process.address, stall_timeout=self._settings.stall_timeout)
        self._process, self.client, self.reason = process, client, ""
        self._log("worker ready", engine=self._record.name, pid=process.pid)
        if self._wanted.is_set():
            self._change("ready")
        else:
            process.terminate()
        checks = asyncio.create_task(self._check_health(client))
        try:
            status = await process.wait()
            if not self._put_away:
                self.reason = f"the worker ended with status {status}"
                self._log("worker died", engine=self._record.name, pid=process.pid, status=status)
            else:
                self._log("worker rests", engine=self._record.name, pid=process.pid)
        finally:
            self._change("stopped" if process.running else "starting" if self._wanted.is_set() else "resting")
            checks.cancel()
            try:
                await asyncio.wait([checks])
                await process.stop(
                    self._settings.stop_timeout
                )  # before its client: who reads from it learns of its end so
            finally:
                self._process = self.client = None
                await client.close()

    async def _started(self) -> WorkerProcess | None:
        """Start a worker; None when it is not wanted any more before it is ready. Raises StartFailed."""
        self._start = asyncio.ensure_future(
            WorkerProcess.start(self._record, self._settings, self._log, options=self._options)
        )
        try:
            return await self._start
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return None
        finally:
            self._start = None

    def _change(self, state: WorkerState) -> None:
        changed, self.state = self.state != state, state
        if changed and state == "ready":
            self._ready(self)
        elif changed:
            self._lost(self)

    async def _check_health(self, client: WorkerClient) -> None:
        """Ask the worker whether it lives, busy or idle (engines work in threads beside), and kill it when it
        does not say so.
        """
        while True:
            await asyncio.sleep(self._settings.health_interval)
            if not await client.health(self._settings.health_timeout):
                self._log("worker does not answer", engine=self._record.name, pid=self.pid)
                self.give_up(client)
