"""One place in a pool: a worker that is kept running, whatever happens to its processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from engines.api import EngineInfo
from engines.catalogue import Record
from engines.client import WorkerClient
from engines.process import Log, StartFailed, WorkerProcess
from engines.settings import Options, WorkerSettings

State = Literal["starting", "ready", "failed", "stopped"]
LIVED_LONG = 30.0
"""seconds after which a crash no longer counts as one in a row"""


class Member:
    """Starts a worker, watches it, and starts it again after a crash, with back-off.

    `ready` and `lost` tell the pool. A start that would fail the same way again is not repeated.
    """

    def __init__(
        self,
        record: Record,
        settings: WorkerSettings,
        log: Log,
        *,
        ready: Callable[[Member], None],
        lost: Callable[[Member], None],
        options: Options | None = None,
    ) -> None:
        self._record = record
        self._settings = settings
        self._log = log
        self._options = options
        self._ready = ready
        self._lost = lost
        self._process: WorkerProcess | None = None
        self.client: WorkerClient | None = None
        self.state: State = "starting"
        self.reason = ""
        self.restarts = 0

    @property
    def info(self) -> EngineInfo | None:
        """What its engine says of itself, while it is ready."""
        return self._process.info if self._process else None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process else None

    def give_up(self, client: WorkerClient) -> None:
        """Kill the process behind `client`, which hung or broke off; no job goes there any more, and it is started again."""
        if self._process and self.client is client:
            self._process.kill()
            if self.state == "ready":
                self._change("starting")

    async def keep(self) -> None:
        """Keep a worker running until cancelled, or until it turns out that none can run."""
        crashes = 0
        while True:
            began = time.monotonic()
            try:
                await self._run_once()
            except StartFailed as exc:
                self.reason = str(exc)
                self._log("worker did not start", engine=self._record.name, reason=self.reason, permanent=exc.permanent)
                if exc.permanent:
                    self._change("failed")
                    return
            except Exception as exc:  # whatever it is, a place without a keeper would say "starting" for ever
                self.reason = f"{type(exc).__name__}: {exc}"
                self._log("worker broke", engine=self._record.name, reason=self.reason)
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError  # one that came while a dead worker was cleared away, and was swallowed there
            crashes = 1 if time.monotonic() - began > LIVED_LONG else crashes + 1
            self.restarts += 1
            delay = min(self._settings.restart_delay_max, self._settings.restart_delay * 2 ** min(crashes - 1, 62))
            await asyncio.sleep(delay)

    async def _run_once(self) -> None:
        """Start a worker, and return when it has died."""
        self.state = "starting"
        process = await WorkerProcess.start(self._record, self._settings, self._log, options=self._options)
        client = WorkerClient(process.address, stall_timeout=self._settings.stall_timeout)
        self._process, self.client, self.reason = process, client, ""
        self._log("worker ready", engine=self._record.name, pid=process.pid)
        self._change("ready")
        checks = asyncio.create_task(self._check_health(client))
        try:
            status = await process.wait()
            self.reason = f"the worker ended with status {status}"
            self._log("worker died", engine=self._record.name, pid=process.pid, status=status)
        finally:
            self._change("stopped" if process.running else "starting")
            checks.cancel()
            try:
                await asyncio.wait([checks])
                await client.close()
            finally:
                await process.stop(self._settings.stop_timeout)
                self._process = self.client = None

    def _change(self, state: State) -> None:
        was_ready, self.state = self.state == "ready", state
        if state == "ready":
            self._ready(self)
        elif was_ready or state == "failed":
            self._lost(self)

    async def _check_health(self, client: WorkerClient) -> None:
        """Ask the worker whether it lives, busy or idle (engines work in threads beside), and kill it when it does not say so."""
        while True:
            await asyncio.sleep(self._settings.health_interval)
            if not await client.health(self._settings.health_timeout):
                self._log("worker does not answer", engine=self._record.name, pid=self.pid)
                self.give_up(client)
