"""The process of a worker from its launch until it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import module_command, own_environ, stop_process
from engines.fleet.temporary_folders import TemporaryFolder
from engines.fleet.worker_cards import show_one_card
from engines.fleet.worker_environ import environ_for_other_interpreter, worker_environ
from engines.settings import Options
from engines.wire.address import StartOrder, WorkerAddress

Log = Callable[..., None]
DRAIN_SECONDS = 1.0
"""seconds for what a dead worker wrote last; a child of its own may hold the pipe open"""
LINE_LIMIT = 16 * 1024 * 1024
"""bytes of the handshake's line: an engine may have thousands of voices"""
SOCKET = "worker.sock"


class LaunchFailed(Exception):
    """No process of a worker could be started; says why."""


class LaunchedWorker(msgspec.Struct, frozen=True):
    """The process of a worker that need not be ready yet; whoever has it must stop it, or `discard` it."""

    process: asyncio.subprocess.Process
    folder: TemporaryFolder
    """its own"""
    secret: str = ""
    """what its callers must know who reach it at a port; empty where it serves at a Unix socket"""

    def address(self, port: int) -> WorkerAddress:
        """Return its address; `port` is that of the loopback, where it serves at one."""
        if self.secret:
            return WorkerAddress(f"http://127.0.0.1:{port}", None, self.secret)
        return WorkerAddress("http://worker", str(self.folder.path / SOCKET))

    async def discard(self, engine: str, log: Log) -> None:
        """Kill and reap it, log what it said, and remove its files."""
        try:
            await stop_process(self.process, 0)
            told = asyncio.ensure_future(forward_stderr(self.process, engine, log))
            await asyncio.wait([told], timeout=DRAIN_SECONDS)
        finally:
            self.folder.remove()


async def launch(
    record: EngineRecord,
    *,
    options: Options | None = None,
    loopback: bool | None = None,
    workers: int = 1,
    card: int | None = None,
) -> LaunchedWorker:
    """Start the process of one of so many workers of an engine, on a GPU if one is given.

    Raises LaunchFailed; nothing is left behind then.
    """
    loopback = sys.platform == "win32" if loopback is None else loopback
    secret = secrets.token_urlsafe(32) if loopback else ""
    try:
        folder = await _make_folder()
    except OSError as exc:
        raise LaunchFailed(f"no folder for it could be made: {exc}") from exc
    try:
        order = StartOrder(options or {}, record.group, record.cache_folder, secret)
        process = await _start_process(record, folder.path, order, workers, card)
    except BaseException as exc:  # cancelled or failed, nothing of the start stays
        folder.remove()
        if isinstance(exc, OSError):
            raise LaunchFailed(f"no process could be started: {exc}") from exc
        raise
    return LaunchedWorker(process, folder, secret)


async def _make_folder() -> TemporaryFolder:
    """Make a folder in a thread; who is cancelled meanwhile leaves none behind. Raises OSError."""
    making = asyncio.ensure_future(asyncio.to_thread(TemporaryFolder))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            (await making).remove()
        raise


async def _start_process(
    record: EngineRecord, folder: Path, order: StartOrder, workers: int, card: int | None
) -> asyncio.subprocess.Process:
    where = ["--loopback"] if order.secret else ["--socket", str(folder / SOCKET)]
    where += ["--warm"] if record.warm else []
    which = ["--engine", record.name, "--adapter", record.import_path, "--parent", str(os.getpid())]
    one_card = await asyncio.to_thread(show_one_card, order.options, card, os.environ)
    order = msgspec.structs.replace(order, options=one_card.options)
    environ = await asyncio.to_thread(  # it reads what a container pays for
        worker_environ, own_environ(), cache_folder=record.cache_folder, workers=workers
    )
    environ |= one_card.variables
    if record.python:
        environ = await asyncio.to_thread(environ_for_other_interpreter, folder, environ)
    process = await asyncio.create_subprocess_exec(
        *module_command(
            "engines.worker", *which, "--ordered", *where, python=record.python or sys.executable
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT,
        env=environ,
        start_new_session=True,  # what stops a whole group does not reach it, not even while it begins
    )
    assert process.stdin is not None  # noqa: S101 - asked for a pipe
    process.stdin.write(msgspec.json.encode(order) + b"\n")  # whether it reads that is seen by its handshake
    return process


async def forward_stderr(process: asyncio.subprocess.Process, engine: str, log: Log) -> None:
    """Log what a worker writes to standard error, line by line."""
    assert process.stderr is not None  # noqa: S101 - asked for a pipe
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # longer than LINE_LIMIT: asyncio drops what it has
            continue
        if not line:
            return
        if text := line.decode("utf-8", "replace").rstrip():
            log("worker says", engine=engine, pid=process.pid, text=text)
