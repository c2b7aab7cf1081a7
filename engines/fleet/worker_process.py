"""The process of a worker: it is started, ready after its handshake, and stopped with nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from engines.api import Beat, EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import (
    KILL_SIGNAL,
    KILLED_SECONDS,
    send_signal,
    stop_process,
    wait_for_end,
)
from engines.fleet.record_truth import missing_kind
from engines.fleet.worker_endings import ending, silent_start
from engines.fleet.worker_launch import (
    DRAIN_SECONDS,
    LaunchedWorker,
    LaunchFailed,
    Log,
    forward_stderr,
    launch,
)
from engines.settings import Options, WorkerSettings
from engines.wire.address import Handshake, StartFailure
from engines.worker.parent import STOP_SIGNAL


class StartFailed(Exception):
    """A worker did not become ready."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class WorkerProcess:
    """The process of a worker that was ready. `start` makes one; whoever has it must `stop` it."""

    def __init__(self, launched: LaunchedWorker, port: int, info: EngineInfo, log: Log) -> None:
        self._process = launched.process
        self._folder = launched.folder
        self.address = launched.address(port)
        self.info = info
        self._left = asyncio.Event()
        """set when it is not waited for any more"""
        self._stderr_task = asyncio.create_task(forward_stderr(self._process, info.name, log))

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
        launched: LaunchedWorker | None = None,
        on_launch: Callable[[int], None] = lambda _pid: None,
    ) -> WorkerProcess:
        """Start one of so many workers of an engine, on a GPU if one is given, and return it once ready.

        One that was `launched` already is waited for instead. `on_launch` is called with its process id.
        Raises StartFailed; nothing is left behind then.
        """
        if launched is None:
            try:
                launched = await launch(
                    record, options=options, loopback=loopback, workers=workers, card=card
                )
            except LaunchFailed as exc:
                raise StartFailed(str(exc), permanent=False) from exc
        on_launch(launched.process.pid)
        try:
            ready, port = await _handshake(launched.process, settings.start_timeout)
        except BaseException as exc:  # cancelled or failed, nothing of the start stays
            await launched.discard(record.name, log)
            if isinstance(exc, TimeoutError):
                raise StartFailed(silent_start(settings.start_timeout), permanent=False) from exc
            raise
        if why := missing_kind(record, ready):
            await launched.discard(record.name, log)
            raise StartFailed(why, permanent=True)
        # an engine may run several models, each an engine of its own to all others
        return cls(launched, port, msgspec.structs.replace(ready, name=record.name), log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def wait(self) -> int | None:
        """Wait for its end, and return its exit status; None where it was killed, and a driver that hangs
        does not let it end.
        """
        ending = asyncio.ensure_future(wait_for_end(self._process))
        left = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait([ending, left], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            left.cancel()
        return self._process.returncode

    def terminate(self) -> None:
        """Have it stop."""
        send_signal(self._process, STOP_SIGNAL)

    def kill(self) -> None:
        """Kill it at once; it must be stopped afterwards all the same. One that does not end by that is not
        waited for.
        """
        asyncio.get_running_loop().call_later(KILLED_SECONDS, self._left.set)
        send_signal(self._process, KILL_SIGNAL)

    async def stop(self, timeout: float) -> None:
        """Terminate it, kill it after `timeout` seconds, reap it, and remove its files."""
        try:
            await stop_process(self._process, timeout)
            await asyncio.wait([self._stderr_task], timeout=DRAIN_SECONDS)
        finally:
            self._stderr_task.cancel()
            self._folder.remove()


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
        raise StartFailed(f"{ending(status)}, before it was ready", permanent=False)
    try:
        return msgspec.json.decode(line, type=Handshake)
    except msgspec.DecodeError as exc:
        raise StartFailed(f"the worker said nothing that makes sense: {exc}", permanent=True) from exc
