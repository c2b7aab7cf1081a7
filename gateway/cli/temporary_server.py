"""A temporary server for one command: on loopback, on a free port, with a key of its own, stopped when the
command ends.

It has the user's own voices, models, environments and what is known of them, but no other key than that one.
It reads a pipe that only this process holds, so it stops even when this process is killed with -9.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import aiohttp
import msgspec

from engines.catalogue.engines import CATALOGUE, Kind
from engines.catalogue.models import MODELS
from engines.fleet.child_process import module_command, own_environ
from gateway.cli.output import Failure
from gateway.security.keys import KeyStore

START_TIMEOUT = 60.0
"""seconds"""
STOP_TIMEOUT = 15.0
"""seconds"""
LONGEST_LOAD = 600.0
"""seconds that the one request may wait for its model: the next command would load it from the start again"""
POLL_SECONDS = 0.05
"""between two looks at a condition that is waited for"""
KINDS: tuple[Kind, ...] = get_args(Kind)
SPEECH: tuple[Kind, ...] = ("speech",)
TRANSCRIPTION: tuple[Kind, ...] = ("transcription",)
NOTHING: tuple[Kind, ...] = ()
NO_SERVER = 3
"""the exit status where there is no server"""


class ReadyFile(msgspec.Struct, frozen=True):
    """The file that the server writes once it accepts connections."""

    url: str
    pid: int


class WorkerHealth(msgspec.Struct, frozen=True):
    """The fields that are read of a worker in /health."""

    state: str
    reason: str = ""


class EngineHealth(msgspec.Struct, frozen=True):
    """The fields that are read of an engine in /health."""

    ready: bool
    on_demand: bool = msgspec.field(default=False, name="lazy")
    known: bool = True
    usable: bool = True
    workers: tuple[WorkerHealth, ...] = ()

    def is_settled(self) -> bool:
        """Return whether waiting longer would change nothing: a model whose capabilities are known starts on
        demand.
        """
        return self.ready or (self.on_demand and self.known) or all(map(_is_settled, self.workers))


def _is_settled(worker: WorkerHealth) -> bool:
    return worker.state in ("failed", "stopped") or (worker.state == "resting" and bool(worker.reason))


def does(name: str, kinds: Collection[Kind]) -> bool:
    """Return whether an engine does something of `kinds`; one that the catalogue does not know may."""
    known = {engine.name: engine.kinds for engine in CATALOGUE} | {
        model.name: model.kinds for model in MODELS
    }
    return not set(known.get(name, kinds)).isdisjoint(kinds)


class Health(msgspec.Struct, frozen=True):
    """The fields that are read of /health."""

    engines: dict[str, EngineHealth]


class TemporaryServer(msgspec.Struct, frozen=True):
    """A server that was started for this command."""

    url: str
    key: str
    engines: dict[str, EngineHealth]
    """all that are enabled"""


@asynccontextmanager
async def run_temporary_server(
    config: Path | None, kinds: Collection[Kind] = KINDS
) -> AsyncIterator[TemporaryServer]:
    """Run a server with the user's settings for the block, with all engines that do something of `kinds`
    ready or failed for good. Raises Failure with what the server printed.
    """
    with tempfile.TemporaryDirectory(prefix="voicebox-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        keys = folder / "keys.json"
        _, key = KeyStore(keys).create("one call", None, nobody=True)
        process = _spawn(folder, config, keys)
        try:
            url = await _wait_until_listening(process, folder)
            yield TemporaryServer(url, key, await _wait_until_settled(url, kinds))
        finally:
            await _stop(process)


def _spawn(folder: Path, config: Path | None, keys: Path) -> subprocess.Popen[bytes]:
    """Start a server with its files in a folder, and return its process."""
    flags = [
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--ready-file",
        str(folder / "ready.json"),
        "--stop-with-stdin",
    ]
    environ = {
        **own_environ(),
        "VOICEBOX_AUTH__FILE": str(keys),
        "VOICEBOX_SERVER__DRAIN_TIMEOUT": "0.1",
        "VOICEBOX_ADMISSION__WAIT": f"{LONGEST_LOAD:g}",
        "VOICEBOX_MODELS__LOAD_LAST": "false",
    }
    if config is not None:
        flags += ["--config", str(config)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and program
            module_command("gateway", "serve", "--log-level", "warning", *flags),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environ,
            start_new_session=True,  # Ctrl-C is for us; we stop the server
        )


async def _wait_until_listening(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Return the URL of a server once it accepts connections. Raises Failure with what it printed."""
    ready_file = folder / "ready.json"

    async def ready_or_ended() -> bool:
        return ready_file.exists() or process.poll() is not None

    await _poll(ready_or_ended)
    if not ready_file.exists():
        lines = (folder / "log").read_text("utf-8", "replace").strip().splitlines()[-15:]
        raise Failure("\n  ".join(["the server could not be started:", *lines]), NO_SERVER)
    return msgspec.json.decode(ready_file.read_bytes(), type=ReadyFile).url


async def _wait_until_settled(url: str, kinds: Collection[Kind]) -> dict[str, EngineHealth]:
    """Return the engines once each of `kinds` is ready or failed, or after a while: the request itself gets
    the error of one that never is.
    """
    engines: dict[str, EngineHealth] = {}

    async def settled() -> bool:
        async with session.get(f"{url}/health") as response:
            health = msgspec.json.decode(await response.read(), type=Health)
        engines.clear()
        engines.update(health.engines)
        return all(engine.is_settled() for name, engine in engines.items() if does(name, kinds))

    async with aiohttp.ClientSession() as session:
        await _poll(settled)
    return engines


async def _poll(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition is true, or START_TIMEOUT is over."""
    deadline = time.monotonic() + START_TIMEOUT
    while not await condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's
        await asyncio.sleep(POLL_SECONDS)


async def _stop(process: subprocess.Popen[bytes]) -> None:
    """Have the server stop, and kill it if it does not. The event loop must run meanwhile: it closes our
    connections to it.
    """
    if process.stdin:
        process.stdin.close()
    try:
        await asyncio.to_thread(process.wait, STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()  # its workers die with it
        process.wait()
