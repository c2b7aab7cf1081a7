"""A server for one call: on loopback, on a free port, with a key of its own, and gone when the call is over.

It has the user's own voices, models, environments and what is known of them, but no other key than that one.
It reads a pipe that only this process holds, so it goes even when this process is killed with -9.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from gateway.cli.output import Failure
from gateway.security.keys import KeyStore

START_LIMIT = 60.0
STOP_LIMIT = 15.0
NO_SERVER = 3


class Ready(msgspec.Struct, frozen=True):
    """What the server writes once it listens."""

    url: str
    pid: int


class WorkerState(msgspec.Struct, frozen=True):
    """What we read of a worker in /health."""

    state: str
    reason: str = ""


class EngineState(msgspec.Struct, frozen=True):
    """What we read of an engine in /health."""

    ready: bool
    on_demand: bool = msgspec.field(default=False, name="lazy")
    known: bool = True
    workers: tuple[WorkerState, ...] = ()

    def settled(self) -> bool:
        """Tell whether waiting longer would change anything: a model that has once said what it is starts
        when it is wanted.
        """
        return self.ready or (self.on_demand and self.known) or all(map(_settled, self.workers))


def _settled(worker: WorkerState) -> bool:
    return worker.state in ("failed", "stopped") or (worker.state == "resting" and bool(worker.reason))


class Health(msgspec.Struct, frozen=True):
    """What we read of /health."""

    engines: dict[str, EngineState]


class OwnServer(msgspec.Struct, frozen=True):
    """A server that was started for this call."""

    url: str
    key: str
    engines: dict[str, EngineState]
    """all that are enabled, up for good or down for good"""


@asynccontextmanager
async def started(config: Path | None) -> AsyncIterator[OwnServer]:
    """Run a server with the user's settings until the block ends. Raises Failure with what the server said."""
    with tempfile.TemporaryDirectory(prefix="voicebox-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        keys = folder / "keys.json"
        _, key = KeyStore(keys).create("one call", None, nobody=True)
        process = _spawn(folder, config, keys)
        try:
            url = await _listening(process, folder)
            yield OwnServer(url, key, await _engines(url))
        finally:
            await _stop(process)


def _spawn(folder: Path, config: Path | None, keys: Path) -> subprocess.Popen[bytes]:
    flags = [
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--ready-file",
        str(folder / "ready.json"),
        "--stop-with-stdin",
    ]
    environ = {**os.environ, "VOICEBOX_AUTH__FILE": str(keys), "VOICEBOX_SERVER__DRAIN_TIMEOUT": "0.1"}
    if config is not None:
        flags += ["--config", str(config)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and program
            [sys.executable, "-m", "gateway", "serve", "--log-level", "warning", *flags],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environ,
            start_new_session=True,  # Ctrl-C is for us; the server is told by us
        )


async def _listening(process: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + START_LIMIT
    announced = folder / "ready.json"
    while not announced.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = (folder / "log").read_text("utf-8", "replace").strip().splitlines()[-15:]
            raise Failure("\n  ".join(["the server could not be started:", *said]), NO_SERVER)
        await asyncio.sleep(0.02)
    return msgspec.json.decode(announced.read_bytes(), type=Ready).url


async def _engines(url: str) -> dict[str, EngineState]:
    """Wait for the engines; one that never comes is for the request itself to tell."""
    deadline = time.monotonic() + START_LIMIT
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/health") as answer:
                health = msgspec.json.decode(await answer.read(), type=Health)
            if all(engine.settled() for engine in health.engines.values()) or time.monotonic() > deadline:
                return health.engines
            await asyncio.sleep(0.05)


async def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let it go, then make it go. The loop must run on meanwhile: it is what closes our connections to it."""
    if process.stdin:
        process.stdin.close()
    try:
        await asyncio.to_thread(process.wait, STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()  # its workers die with it
        process.wait()
