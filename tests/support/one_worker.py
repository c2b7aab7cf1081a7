"""One worker process and a client of it, for a test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engines.catalogue.engines import EngineRecord
from engines.fleet.worker_process import WorkerProcess
from engines.settings import Options, WorkerSettings
from engines.wire.client import WorkerClient

SETTINGS = WorkerSettings(start_timeout=180.0)


def path_of_engines(file: str) -> str:
    """Return the PYTHONPATH with which a worker can import a test file, for the engines in it."""
    return os.pathsep.join([str(Path(file).parent), str(Path(__file__).parent)])


@asynccontextmanager
async def started(
    record: EngineRecord, options: Options | None = None, *, card: int | None = None
) -> AsyncIterator[tuple[WorkerProcess, WorkerClient]]:
    """Run a worker, on a GPU if one is given, and a client of it for the block."""
    process = await WorkerProcess.start(record, SETTINGS, lambda *_, **__: None, options=options, card=card)
    client = WorkerClient(process.address, stall_timeout=30.0)
    try:
        yield process, client
    finally:
        await client.close()
        await process.stop(3)
