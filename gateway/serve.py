"""Run the server: from settings to an exit status.

Shutting down goes in this order: take no more requests (they get 503 and Retry-After, on connections old and
new), let those under way finish within `server.drain_timeout`, close the sockets, cancel what is left, stop
the workers.
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
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import uvicorn
from structlog.typing import FilteringBoundLogger

from engines.fleet.runtime import Engines
from gateway.app import VERSION, create_app, make_encoders
from gateway.config.settings import Settings
from gateway.http.drain import Drain
from gateway.http.protocol import bounded
from gateway.models.manager import make_manager
from gateway.observability import logging
from gateway.observability.metrics import Metrics
from gateway.observability.tracing import TracingMissing
from gateway.security.hosts import UnsafeBinding
from gateway.security.keys import KeyStore, key_file
from gateway.services.container import codec_threads

SIGNALS = (signal.SIGTERM, signal.SIGINT)
M_MMAP_THRESHOLD, LARGE_BLOCK = -3, 262_144
CANCEL_AFTER = 2
"""seconds that connections get to close once their requests are done or given up"""


def run(settings: Settings, *, ready_file: Path | None = None) -> int:
    """Serve until told to stop; give the exit status: 0, 1 when the server could not start, 2 when it must
    not.
    """
    log = logging.configure(settings.log)
    metrics = Metrics(lambda: engines.statuses(), VERSION)
    encoders = make_encoders(settings, codec_threads(), log)
    engines = Engines(
        settings.engines,
        settings.workers,
        log=lambda event, **fields: log.info(event, **fields),
        observer=metrics,
        encoding=encoders.capacity,
    )
    manager = make_manager(settings, engines, log)
    drain, keys = Drain(), KeyStore(key_file(settings))
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
        print(f"voicebox: {exc}", file=sys.stderr)
        return 2
    server = GatewayServer(
        settings, app, drain, log, listening=lambda address: announce(address, log, ready_file)
    )
    try:
        server.run()
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0 if server.started else 1


Listening = Callable[[tuple[str, int]], None]


class GatewayServer(uvicorn.Server):
    """uvicorn's server, going away our way."""

    def __init__(
        self,
        settings: Settings,
        app: object,
        drain: Drain,
        log: FilteringBoundLogger,
        *,
        listening: Listening,
        signals: tuple[signal.Signals, ...] = SIGNALS,
    ) -> None:
        self._signals = signals
        self._settings = settings.server
        self._drain = drain
        self._log = log
        self._listening = listening
        self._leaving: asyncio.Task[None] | None = None
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                host=self._settings.host,
                port=self._settings.port,
                log_config=None,
                access_log=False,
                http=bounded(self._settings.head_bytes, self._settings.body_timeout),
                lifespan="on",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=CANCEL_AFTER,
                backlog=2048,
            )
        )

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start listening, then say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            settle_memory()
            self._listening(self.servers[0].sockets[0].getsockname()[:2])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave in order at the first signal, at once at the second."""
        before = {number: signal.signal(number, self._on_signal) for number in self._signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._leaving is not None or not self.started:
            self.should_exit = self.force_exit = True
            return
        self._loop.call_soon_threadsafe(self.leave, signal.Signals(number).name)

    def leave(self, why: str) -> None:
        """Go away in order."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._go(why))

    async def _go(self, why: str) -> None:
        self._log.info("going away", signal=why, running=self._drain.running)
        if not await self._drain.finish(self._settings.drain_timeout):
            self._log.warning("breaking off requests", running=self._drain.running)
        self.should_exit = True


def settle_memory() -> None:
    """Leave alone what stays, and give back what does not.

    A full collection of what is there after the start would hold every stream for 40 ms, now and then. And
    glibc, left alone, takes ever larger blocks from its heap, and keeps the heap as large as the most PCM
    that ever waited in it (mallopt(3)).
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def announce(address: tuple[str, int], log: FilteringBoundLogger, ready_file: Path | None) -> None:
    """Say where the server listens, in the log and in a file for those who wait for it."""
    host, port = address
    shown = f"[{host}]" if ":" in host else host
    log.info("listening", url=f"http://{shown}:{port}", pid=os.getpid())
    if ready_file:
        local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, shown)
        _write(ready_file, msgspec.json.encode({"url": f"http://{local}:{port}", "pid": os.getpid()}))


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(path)
