"""Several gateway processes behind one address: this one runs engines and rate limits, the others serve HTTP.

All of them bind the same address with SO_REUSEPORT, and the kernel spreads connections over them; this
process keeps the port by a socket that does not listen. A process that dies or freezes is replaced, and costs
the requests it had. All end with this one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from engines.fleet.launched_workers import LaunchedWorkers
from engines.fleet.runtime import Engines
from engines.fleet.temporary_folders import TemporaryFolder
from engines.worker.parent import STOP_SIGNAL, ignore_group_signals
from gateway.app import VERSION, create_app, make_encoders, make_first_start
from gateway.cluster import messages, metric_files
from gateway.cluster.engine_client import (
    EngineConnection,
    RemoteEngines,
    RemoteRateLimiter,
    connect_to_engine_server,
)
from gateway.cluster.engine_server import EngineServer
from gateway.cluster.members import Members
from gateway.cluster.messages import Accepting, Welcome
from gateway.cluster.remote_manager import RemoteModelManager
from gateway.config.settings import Settings
from gateway.http.drain import Drain
from gateway.http.listening import cannot_listen
from gateway.http.rate_limits import LocalRateLimiter
from gateway.models.manager import make_manager, make_resting
from gateway.models.registry import make_registry
from gateway.observability import logging
from gateway.observability.metrics import MULTIPROCESS, Metrics
from gateway.security.hosts import UnsafeBinding, check_binding
from gateway.security.keys import KeyStore, key_file
from gateway.serve import AGAIN_AFTER, SIGNALS, GatewayServer, announce, tune_memory
from gateway.services.container import codec_threads

POLL_PERIOD = 0.05


def run(
    settings: Settings, runner: asyncio.Runner, launched: LaunchedWorkers, *, ready_file: Path | None = None
) -> int:
    """Serve with several processes until a signal, with workers that were launched before in the runner's
    event loop; return the exit status.

    It is 0, or 1 when the server could not start, or 2 when the settings do not allow it.
    """
    log = logging.configure(settings.log)
    if not hasattr(socket, "SO_REUSEPORT"):
        print(
            "voicebox: server.processes above 1 needs SO_REUSEPORT, which this system lacks.", file=sys.stderr
        )
        return 2
    try:
        check_binding(settings, has_keys=not KeyStore(key_file(settings)).empty())
        # First for us alone, as a port may be shared with any other program that asks for it.
        bind(settings.server.host, settings.server.port, shared=False).close()
        held = bind(settings.server.host, settings.server.port)
    except UnsafeBinding as exc:
        print(f"voicebox: {exc}", file=sys.stderr)
        return 2
    except OSError as exc:
        print(f"voicebox: {cannot_listen(settings.server.host, settings.server.port, exc)}", file=sys.stderr)
        return 1
    with held, TemporaryFolder() as folder:
        supervisor = ClusterSupervisor(settings, log, held.getsockname()[:2], folder, launched)
        return runner.run(supervisor.serve(ready_file))


def bind(host: str, port: int, *, shared: bool = True) -> socket.socket:
    """Return a socket bound to an address, which our other processes can bind too if `shared`.

    Raises OSError.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


class ClusterSupervisor:
    """The process that runs the engines, and keeps the processes that serve HTTP running."""

    def __init__(
        self,
        settings: Settings,
        log: FilteringBoundLogger,
        address: tuple[str, int],
        folder: Path,
        launched: LaunchedWorkers,
    ) -> None:
        self._settings = settings
        self._log = log
        self._address = address
        self._folder = folder
        self._stopping = asyncio.Event()
        self._last_signal = 0.0
        engines = Engines(
            settings.engines,
            settings.workers,
            log=logging.engine_log(log),
            encoding=lambda: self._engine_server.encoding(),
            resting=make_resting(settings),
            launched=launched,
        )
        self._failure = ""
        """why the members cannot serve"""
        self._engines = engines
        self._manager = make_manager(settings, engines, log)
        self._engine_server = EngineServer(
            engines, LocalRateLimiter(settings.admission), self._manager, Welcome(settings, *address)
        )
        self._members = Members(settings.server, log, folder, self._engine_server, self._fail)

    async def serve(self, ready_file: Path | None) -> int:
        """Run everything until a signal, or until no member can serve; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        first_start = make_first_start(self._engines, self._manager, self._log.info)
        async with (
            self._engines.running(),
            self._manager.running(first_start.settled),
            first_start.watched(),
            self._engine_server.running(self._folder / "engines.sock"),
            self._members.running(),
        ):
            announcer = asyncio.create_task(self._announce(ready_file))
            await self._stopping.wait()
            self._manager.break_off()
            announcer.cancel()
            self._log.info("going away", processes=len(self._engine_server.accepting))
        return 1 if self._failure else 0

    def _on_signal(self) -> None:
        """Stop at the first signal; have requests cut at another."""
        before, self._last_signal = self._last_signal, time.monotonic()
        if not self._stopping.is_set():
            self._stopping.set()
        elif self._last_signal - before > AGAIN_AFTER:
            self._members.hurry()

    def _fail(self, reason: str) -> None:
        if not self._failure:
            self._failure = reason
            self._log.error("cannot serve", reason=reason)
            self._stopping.set()

    async def _announce(self, ready_file: Path | None) -> None:
        while len(self._engine_server.accepting) < self._settings.server.processes:  # noqa: ASYNC110 - they report to the engine server
            await asyncio.sleep(POLL_PERIOD)
        tune_memory()
        announce(self._address, self._settings, self._log, ready_file)


async def run_gateway_process(path: Path) -> int:
    """Serve HTTP with the engines of the server at `path` until it ends, or stops us; return the status."""
    # Ctrl-C or `timeout` goes to all processes; the first one stops this one in order.
    ignore_group_signals()
    servers: list[GatewayServer] = []

    def stop() -> None:
        for server in servers:
            server.break_off("the engines' process ended")

    welcome, connection = await connect_to_engine_server(path, stop)
    try:
        if folder := os.environ.get(MULTIPROCESS):
            metric_files.allocate(Path(folder), os.getpid())
        server = _make_server(welcome, connection)
        servers.append(server)
        with bind(welcome.host, welcome.port) as listener:
            await server.serve(sockets=[listener])
    except Exception as exc:  # whatever it is, the first process says why its members cannot serve
        connection.send(messages.CannotStart(f"{type(exc).__name__}: {exc}"))
        raise
    return 0 if server.started else 1


def _make_server(welcome: messages.Welcome, connection: EngineConnection) -> GatewayServer:
    settings = welcome.settings
    log = logging.configure(settings.log)
    encoders = make_encoders(settings, codec_threads(), log)
    metrics = Metrics(lambda: engines.statuses(), VERSION, encoders.encoder_count)
    engines = RemoteEngines(connection, settings.workers.stall_timeout, metrics)
    connection.encoding = encoders.capacity
    drain = Drain()
    manager = RemoteModelManager(make_registry(settings, engines), connection, log)
    app = create_app(
        settings,
        keys=KeyStore(key_file(settings)),
        engines=engines,
        drain=drain,
        log=log,
        metrics=metrics,
        manager=manager,
        encoders=encoders,
        rate_limiter=RemoteRateLimiter(connection),
        first_start=make_first_start(engines, manager, log.debug),  # the first process tells of it
    )
    return GatewayServer(
        settings,
        app,
        drain,
        log,
        on_listening=lambda _: connection.send(Accepting()),
        signals=(STOP_SIGNAL,),
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(run_gateway_process(Path(sys.argv[1]))))
