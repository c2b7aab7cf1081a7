"""The HTTP server of a worker: uvicorn, which reports when it accepts connections."""

from __future__ import annotations

import contextlib
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from engines.api import Engine, EngineInfo
from engines.wire.address import Handshake
from engines.worker.app import WorkerApp
from engines.worker.engine_threads import EngineThreads
from engines.worker.memory_meter import MemoryMeter
from engines.worker.parent import STOP_SIGNAL


class WorkerServer(uvicorn.Server):
    """uvicorn's server, which calls `on_ready` with its port, 0 for a Unix socket, once it can be reached."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at the parent's own signal alone: what stops the whole group goes to the parent too."""
        before = signal.signal(STOP_SIGNAL, self.handle_exit)
        try:
            yield
        finally:
            signal.signal(STOP_SIGNAL, before)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Accept connections, and call `on_ready`."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays, and need not be gone through again while others wait
        address = self.servers[0].sockets[0].getsockname()
        self._on_ready(address[1] if isinstance(address, tuple) else 0)


def serve(
    engine: Engine,
    info: EngineInfo,
    threads: EngineThreads,
    memory: MemoryMeter,
    socket: str | None,
    secret: str,
    send_handshake: Callable[[Handshake], None],
) -> int:
    """Serve an engine until its parent stops it, and return the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        WorkerApp(engine, info, threads, memory, secret=secret),
        uds=socket,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        date_header=False,
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=1,
    )
    server = WorkerServer(config, lambda port: send_handshake(Handshake(ready=info, port=port)))
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    return 0
