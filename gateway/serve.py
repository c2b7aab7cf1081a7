"""Run the server: from settings to an exit status.

The shutdown has this order: say so at `/readyz` for `server.drain_delay`, refuse new requests (503 with
Retry-After, on old and new connections), let those under way finish within `server.drain_timeout`, close the
sockets, cut what is left, stop the workers. A second signal cuts what is left at once, and a third ends the
process with nothing done in order any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import uvicorn
from structlog.typing import FilteringBoundLogger

from engines.fleet.launched_workers import LaunchedWorkers
from engines.fleet.runtime import Engines
from gateway.app import VERSION, create_app, make_encoders
from gateway.config.command_name import as_called_here
from gateway.config.settings import Settings
from gateway.http.drain import Drain
from gateway.http.listening import CannotListen, check_address, check_ready_file
from gateway.http.protocol import bounded
from gateway.models.manager import make_manager, make_resting
from gateway.observability import logging
from gateway.observability.metrics import Metrics
from gateway.observability.tracing import TracingMissing
from gateway.security.hosts import UnsafeBinding
from gateway.security.keys import KeyStore, key_file
from gateway.services.container import codec_threads
from gateway.services.startup_banner import startup_banner

INTERRUPTED = 130
"""the exit status of a program that Ctrl-C ended, as shells have it"""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""addresses that a server listens on for all, and where it is reached on its own machine"""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
M_MMAP_THRESHOLD = -3
"""mallopt's parameter for the size from which blocks are mapped by themselves"""
MMAP_THRESHOLD_BYTES = 262_144
SWITCH_SECONDS = 0.001
"""after which a thread that works on a long text lets the event loop go on, which wants that at each of its
calls to the system: Python's own 5 ms came to 20 between two turns
"""
AGAIN_AFTER = 0.5
"""seconds after which another signal is one more: `timeout` signals its child, then the group it is in"""
CANCEL_AFTER = 2
"""seconds that connections have to close once their requests have ended or were cancelled"""


def run(
    settings: Settings, runner: asyncio.Runner, launched: LaunchedWorkers, *, ready_file: Path | None = None
) -> int:
    """Serve until a signal, with workers that were launched before in the runner's event loop; return the
    exit status.

    It is 0, or 1 when the server could not start, 2 when the settings do not allow it, or 130 when it was
    interrupted while it started.
    """
    log = logging.configure(settings.log)
    try:
        check_address(settings.server.host, settings.server.port)
        check_ready_file(ready_file)
    except CannotListen as exc:
        print(f"voicebox: {exc}", file=sys.stderr)
        return 1
    encoders = make_encoders(settings, codec_threads(), log)
    metrics = Metrics(lambda: engines.statuses(), VERSION, encoders.encoder_count)
    engines = Engines(
        settings.engines,
        settings.workers,
        log=logging.engine_log(log),
        observer=metrics,
        encoding=encoders.capacity,
        resting=make_resting(settings),
        launched=launched,
    )
    manager = make_manager(settings, engines, log)
    drain = Drain()
    keys = KeyStore(key_file(settings))
    try:
        app = create_app(
            settings,
            keys=keys,
            engines=engines,
            drain=drain,
            log=log,
            metrics=metrics,
            manager=manager,
            encoders=encoders,
        )
    except (UnsafeBinding, TracingMissing) as exc:
        print(f"voicebox: {as_called_here(str(exc))}", file=sys.stderr)
        return 2
    server = GatewayServer(
        settings, app, drain, log, on_listening=lambda address: announce(address, settings, log, ready_file)
    )
    try:
        runner.run(server.serve())
    except SystemExit as exc:
        return int(exc.code or 0)
    if server.stopped_by is signal.SIGINT:
        return INTERRUPTED
    return 0 if server.started else 1


OnListening = Callable[[tuple[str, int]], None]
"""called with host and port once the server accepts connections"""


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which drains running requests before it shuts down."""

    def __init__(
        self,
        settings: Settings,
        app: object,
        drain: Drain,
        log: FilteringBoundLogger,
        *,
        on_listening: OnListening,
        signals: tuple[signal.Signals, ...] = SIGNALS,
    ) -> None:
        self._signals = signals
        self._settings = settings.server
        self._drain = drain
        self._log = log
        self._on_listening = on_listening
        self._drain_task: asyncio.Task[None] | None = None
        self._last_signal = 0.0
        self._hurried = False
        self.stopped_by: signal.Signals | None = None
        """the signal that came while the server was starting"""
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                host=self._settings.host,
                port=self._settings.port,
                log_config=None,
                access_log=False,
                proxy_headers=False,  # believed from trusted proxies only: gateway/http/proxies.py
                http=bounded(self._settings.head_bytes, self._settings.body_timeout),
                lifespan="on",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=CANCEL_AFTER,
                backlog=2048,
            )
        )

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Accept connections, then announce the address, unless a signal came meanwhile."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started and not self.should_exit:
            tune_memory()
            sys.setswitchinterval(SWITCH_SECONDS)
            self._on_listening(self.servers[0].sockets[0].getsockname()[:2])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down in order at the first signal, without waiting at the second, at once at the third."""
        handlers = {number: signal.signal(number, self._on_signal) for number in self._signals}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: object) -> None:
        if not self.started:
            if self.stopped_by is not None:
                raise KeyboardInterrupt
            # What has started is stopped in order as soon as all has.
            self.stopped_by = signal.Signals(number)
            self.should_exit = True
            return
        before, self._last_signal = self._last_signal, time.monotonic()
        if self._drain_task is None:
            self._loop.call_soon_threadsafe(self.begin_shutdown, signal.Signals(number).name)
        elif self._last_signal - before < AGAIN_AFTER:
            return
        elif not self._hurried:
            self._hurried = True
            self._loop.call_soon_threadsafe(self._hurry)
        else:
            os._exit(INTERRUPTED)  # its children end with it

    def begin_shutdown(self, reason: str) -> None:
        """Begin to shut down in order, if that has not begun yet."""
        if self._drain_task is None:
            self._drain_task = asyncio.ensure_future(self._drain_and_exit(reason))

    def _hurry(self) -> None:
        """Cut the requests under way: nobody waits for their end any more."""
        self.config.timeout_graceful_shutdown = 0
        self._drain.hurry()

    def break_off(self, reason: str) -> None:
        """Close the sockets at once: nothing can be served any more. One that is closing goes on with it."""
        if self.should_exit:
            return
        self._log.error("going away", reason=reason, running=self._drain.running)
        self.should_exit = True

    async def _drain_and_exit(self, reason: str) -> None:
        settings = self._settings
        within = settings.drain_delay + settings.drain_timeout
        self._log.info("going away", signal=reason, running=self._drain.running, within=within)
        if not await self._drain.finish(settings.drain_timeout, settings.drain_delay):
            self._log.warning("breaking off requests", running=self._drain.running)
        self.should_exit = True


def tune_memory() -> None:
    """Exempt what is there after the start from garbage collection, and have large blocks given back.

    A full collection of what is there after the start would stop every stream for 40 ms, now and then. And
    glibc by itself takes ever larger blocks from its heap, and keeps the heap as large as the most PCM that
    ever waited in it (mallopt(3)).
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def announce(
    address: tuple[str, int], settings: Settings, log: FilteringBoundLogger, ready_file: Path | None
) -> None:
    """Tell the server's address: people by a banner, machines by a log line, and programs that wait for it by
    `ready_file`.
    """
    host, port = address
    url_host = f"[{host}]" if ":" in host else host
    local = f"http://{EVERYWHERE.get(host, url_host)}:{port}"
    if logging.for_people(settings.log) and settings.log.level in ("debug", "info"):
        print(startup_banner(local, settings, KeyStore(key_file(settings)), VERSION), file=sys.stderr)
    else:
        log.info("listening", url=f"http://{url_host}:{port}", pid=os.getpid())
    if ready_file:
        _write_whole(ready_file, msgspec.json.encode({"url": local, "pid": os.getpid()}))


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(path)
