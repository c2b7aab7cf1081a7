"""Keeps the processes of a cluster that serve HTTP running: its members.

A member owes a sign of life on its connection to the engine server, and is replaced when it owes it for too
long, or ends. One that cannot start is tried again a few times; when none serves then, the whole has failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from engines.fleet.answer_watch import AnswerTerms
from engines.fleet.child_process import wait_for_end
from engines.fleet.process_supervisor import OWN_RESTART_DELAY_MAX, Backoff, ChildRun, Supervisor
from engines.worker.parent import STOP_SIGNAL
from gateway.cluster import metric_files
from gateway.cluster.engine_server import EngineServer
from gateway.config.settings import ServerSettings
from gateway.observability.metrics import MULTIPROCESS
from gateway.serve import CANCEL_AFTER

MODULE = "gateway.cluster.supervisor"
TERMS = AnswerTerms(asked_every=1.0)
"""meanwhile the kernel gives it its share of the connections"""
START_TIMEOUT = 120.0
"""seconds until a member accepts connections: it may have a database to bring up to date"""
START_TRIES = 4
"""starts in a row that fail, after which the reason will not go away..."""
LATER_TRIES = 15
"""...and once all have served: within a minute it may"""
STOP_GRACE = 5.0
"""seconds beyond the drain's own limits, after which a member is killed"""


class MemberAnswers:
    """The signs of life that a member owes, once it is connected."""

    def __init__(self, engine_server: EngineServer, pid: int) -> None:
        self._engine_server = engine_server
        self._pid = pid

    def owed(self) -> object:
        """Return what tells the answer that is owed from those before; None while none is owed."""
        session = self._engine_server.session(self._pid)
        return session.owed() if session else None

    def ask(self) -> None:
        """Ask it for a sign of life."""
        if session := self._engine_server.session(self._pid):
            session.ask()


class Members:
    """Runs as many members as the settings say, which find the engine server in `folder`.

    `failed` is called with the reason when a member cannot start, and not enough others serve.
    """

    def __init__(
        self,
        settings: ServerSettings,
        log: FilteringBoundLogger,
        folder: Path,
        engine_server: EngineServer,
        failed: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._log = log
        self._folder = folder
        self._engine_server = engine_server
        self._failed = failed
        self._starting: dict[int, ChildRun] = {}
        """runs of members that do not accept connections yet, by process id"""
        self._complete = False
        """all members have accepted connections at once"""
        self._stopping = False
        self._processes: set[asyncio.subprocess.Process] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the members running; stop all together on the way out."""
        self._engine_server.on_accepting = self._accepting
        members = [asyncio.create_task(self._keep_running()) for _ in range(self._settings.processes)]
        try:
            yield
        finally:
            self._stopping = True
            for member in members:
                member.cancel()
            await asyncio.gather(*members, return_exceptions=True)

    def hurry(self) -> None:
        """Have members that are stopping cut their requests."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(STOP_SIGNAL)

    async def _keep_running(self) -> None:
        failed_starts = 0

        async def run_once(run: ChildRun) -> None:
            nonlocal failed_starts
            failed_starts += 1
            if await self._run_once(run):
                failed_starts = 0

        def died(_in_a_row: int) -> None:
            tries = LATER_TRIES if self._complete else START_TRIES
            if failed_starts >= tries and not (self._complete and self._engine_server.accepting):
                reasons = self._engine_server.obstacles.values()
                self._failed(next(iter(reversed(reasons)), "it ended before it served; the log says more"))

        settings = self._settings
        await Supervisor(
            run_once,
            Backoff(longest=OWN_RESTART_DELAY_MAX),
            start_timeout=START_TIMEOUT,
            stop_timeout=settings.drain_delay + settings.drain_timeout + CANCEL_AFTER + STOP_GRACE,
            failed=lambda exc: self._log.warning("gateway process did not start", reason=str(exc)),
            died=died,
        ).run()

    async def _run_once(self, run: ChildRun) -> bool:
        """Run a member until it ends; return whether it has accepted connections."""
        counts = self._folder / "metrics"
        counts.mkdir(exist_ok=True)
        environ = {MULTIPROCESS: str(counts)}
        if not await asyncio.to_thread(metric_files.has_space, counts):
            self._log.warning("no disk space for metrics: a gateway process counts for itself alone")
            environ = {}
        process = await run.start_module(MODULE, str(self._folder / "engines.sock"), environ=environ)
        self._starting[process.pid] = run
        self._processes.add(process)

        def kill(seconds: float) -> None:
            self._log.warning("gateway process does not answer", pid=process.pid, seconds=round(seconds, 1))
            with suppress(ProcessLookupError):
                process.kill()

        run.watch(process.pid, MemberAnswers(self._engine_server, process.pid), kill, TERMS)
        try:
            status = await wait_for_end(process)
        finally:
            has_served = self._starting.pop(process.pid, None) is None
            if process.returncode is not None:
                self._processes.discard(process)
                metric_files.trim(counts, process.pid)
        if not self._stopping:
            self._log.warning("gateway process died", pid=process.pid, status=status)
        return has_served

    def _accepting(self, pid: int) -> None:
        if run := self._starting.pop(pid, None):
            run.ready()
        if len(self._engine_server.accepting) == self._settings.processes:
            self._complete = True
            self._engine_server.obstacles.clear()
