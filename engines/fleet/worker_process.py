"""The process of a worker: it is started, ready after its handshake, and stopped with nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from engines.api import Beat, EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import module_command, own_environ, stop_process, wait_for_end
from engines.fleet.temporary_folders import TemporaryFolder
from engines.fleet.worker_cards import show_one_card
from engines.fleet.worker_environ import environ_for_other_interpreter, worker_environ
from engines.settings import Options, WorkerSettings
from engines.wire.address import Handshake, StartFailure, StartOrder, WorkerAddress
from engines.worker.parent import STOP_SIGNAL

Log = Callable[..., None]
DRAIN_SECONDS = 1.0
"""seconds for what a dead worker wrote last; a child of its own may hold the pipe open"""
LINE_LIMIT = 16 * 1024 * 1024
"""bytes of the handshake's line: an engine may have thousands of voices"""


class StartFailed(Exception):
    """A worker did not become ready."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class WorkerProcess:
    """The process of a worker that was ready. `start` makes one; whoever has it must `stop` it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: TemporaryFolder,
        address: WorkerAddress,
        info: EngineInfo,
        log: Log,
    ) -> None:
        self._process = process
        self._folder = folder
        self.address = address
        self.info = info
        self._stderr_task = asyncio.create_task(_forward_stderr(process, info.name, log))

    @classmethod
    async def start(
        cls,
        record: EngineRecord,
        settings: WorkerSettings,
        log: Log,
        *,
        options: Options | None = None,
        loopback: bool | None = None,
        workers: int = 1,
        card: int | None = None,
    ) -> WorkerProcess:
        """Start one of so many workers of an engine, on a GPU if one is given, and return it once ready.

        Raises StartFailed; nothing is left behind then.
        """
        loopback = sys.platform == "win32" if loopback is None else loopback
        try:
            folder = await _make_folder()
        except OSError as exc:
            raise StartFailed(f"no folder for it could be made: {exc}", permanent=False) from exc
        secret = secrets.token_urlsafe(32) if loopback else ""
        socket = folder.path / "worker.sock"
        process: asyncio.subprocess.Process | None = None
        try:
            process = await _start_process(
                record,
                folder.path,
                None if loopback else socket,
                StartOrder(options or {}, record.group, record.cache_folder, secret),
                workers,
                card,
            )
            ready, port = await _handshake(process, settings.start_timeout)
        except BaseException as exc:  # cancelled or failed, nothing of the start stays
            if process is not None:
                await stop_process(process, 0)
                await asyncio.wait(
                    [asyncio.ensure_future(_forward_stderr(process, record.name, log))], timeout=DRAIN_SECONDS
                )
            folder.remove()
            if isinstance(exc, TimeoutError):
                waited = f"{settings.start_timeout:g} s"
                raise StartFailed(f"not ready within {waited} of its last sign", permanent=False) from exc
            if isinstance(exc, OSError):
                raise StartFailed(f"no process could be started: {exc}", permanent=False) from exc
            raise
        address = (
            WorkerAddress(f"http://127.0.0.1:{port}", None, secret)
            if loopback
            else WorkerAddress("http://worker", str(socket))
        )
        # an engine may run several models, each an engine of its own to all others
        return cls(process, folder, address, msgspec.structs.replace(ready, name=record.name), log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        return await wait_for_end(self._process)

    def terminate(self) -> None:
        """Have it stop."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(STOP_SIGNAL)

    def kill(self) -> None:
        """Kill it at once; it must be stopped afterwards all the same."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, timeout: float) -> None:
        """Terminate it, kill it after `timeout` seconds, reap it, and remove its files."""
        try:
            await stop_process(self._process, timeout)
            await asyncio.wait([self._stderr_task], timeout=DRAIN_SECONDS)
        finally:
            self._stderr_task.cancel()
            self._folder.remove()


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
    record: EngineRecord, folder: Path, socket: Path | None, order: StartOrder, workers: int, card: int | None
) -> asyncio.subprocess.Process:
    where = ["--socket", str(socket)] if socket else ["--loopback"]
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


async def _handshake(process: asyncio.subprocess.Process, timeout: float) -> tuple[EngineInfo, int]:
    """Return what the engine says of itself, and its port. Raises StartFailed, or TimeoutError where it gives
    no sign for `timeout` seconds.
    """
    said = Handshake(beat=Beat())
    while said.beat:
        async with asyncio.timeout(timeout):
            said = await _read_line(process)
    if said.ready is None:
        failed = said.failed or StartFailure("it did not say why", permanent=True)
        raise StartFailed(failed.message, permanent=failed.permanent)
    return said.ready, said.port


async def _read_line(process: asyncio.subprocess.Process) -> Handshake:
    """Return the next line that a worker writes to its parent. Raises StartFailed."""
    assert process.stdout is not None  # noqa: S101 - asked for a pipe
    line = await process.stdout.readline()
    if not line:
        status = await process.wait()
        raise StartFailed(f"the worker ended with status {status} before it was ready", permanent=False)
    try:
        return msgspec.json.decode(line, type=Handshake)
    except msgspec.DecodeError as exc:
        raise StartFailed(f"the worker said nothing that makes sense: {exc}", permanent=True) from exc


async def _forward_stderr(process: asyncio.subprocess.Process, engine: str, log: Log) -> None:
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
