"""Tests of members of a cluster that freeze, cannot start, or outlive the first process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from one_worker import started
from servers import Server, parent_of, running, wait_until
from structlog import get_logger

from engines.api import Audio, SpeechJob
from engines.catalogue.engines import find_engine
from engines.fleet.runtime import Engines
from engines.settings import WorkerSettings
from engines.wire.address import WorkerAddress
from gateway.cluster import members as module
from gateway.cluster.engine_client import EngineConnection, connect_to_engine_server
from gateway.cluster.engine_server import EngineServer
from gateway.cluster.members import Members
from gateway.cluster.messages import Welcome
from gateway.cluster.worker_clients import MAX_UNUSED, WorkerClients
from gateway.config.settings import AdmissionSettings, ServerSettings, Settings
from gateway.http.rate_limits import LocalRateLimiter
from gateway.models.manager import make_manager

CONFIG = {
    "engines": {"tone": {"enabled": True}, "espeak": {"enabled": False}, "pocketsphinx": {"enabled": False}},
}
NOWHERE = "192.0.2.1"
"""an address that no machine has (RFC 5737), so that nobody can listen there"""


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def member_pids(server: Server) -> list[int]:
    """Return the process ids of the server's members."""
    return [
        pid
        for pid in server.worker_pids()
        if b"gateway.cluster.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def speak(url: str, text: str, timeout: float = 60) -> httpx.Response:
    body = {"model": "tone", "voice": "tone-1", "input": text, "response_format": "pcm"}
    return httpx.post(f"{url}/v1/audio/speech", json=body, timeout=timeout)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


@asynccontextmanager
async def engine_server(folder: Path, host: str = "127.0.0.1") -> AsyncIterator[EngineServer]:
    """Run an engine server without engines, whose members are to listen at `host`."""
    settings = Settings(data_dir=str(folder))
    engines = Engines({}, WorkerSettings(), log=lambda *_, **__: None, catalogue=())
    served = EngineServer(
        engines,
        LocalRateLimiter(AdmissionSettings()),
        make_manager(settings, engines, get_logger()),
        Welcome(settings, host, 0),
    )
    async with served.running(folder / "engines.sock"):
        yield served


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[EngineConnection]:
    """Connect to the engine server as a member does."""
    _, connection = await connect_to_engine_server(folder / "engines.sock", lambda: None)
    receiver = asyncio.create_task(connection.receive())
    try:
        yield connection
    finally:
        receiver.cancel()
        connection.close()


def test_a_frozen_member_is_replaced(tmp_path: Path) -> None:
    """A member that is stopped is killed, and the kernel gives it no connections any more."""
    with running(tmp_path / "server", CONFIG, ("--workers", "3")) as server:
        frozen = member_pids(server)[0]
        os.kill(frozen, signal.SIGSTOP)
        wait_until(lambda: frozen not in server.worker_pids(), "it is killed")
        wait_until(lambda: len(member_pids(server)) == 3, "it is replaced")
        assert [speak(server.url, "one", 20).status_code for _ in range(20)] == [200] * 20


def test_the_port_is_free_when_the_first_process_was_killed(tmp_path: Path) -> None:
    """kill -9 of the first process, with streams under way and a member frozen, frees the port at once: a server
    starts there again.
    """
    with running(tmp_path / "first", CONFIG, ("--workers", "2")) as server, ThreadPoolExecutor(4) as pool:
        children = server.worker_pids()
        jobs = [pool.submit(speak, server.url, "[slow 0.5] " + "one " * 60) for _ in range(4)]
        wait_until(lambda: streams(server) == 4, "all are in")
        os.kill(member_pids(server)[0], signal.SIGSTOP)
        server.process.kill()
        wait_until(lambda: all(parent_of(pid) is None for pid in children), "all have ended")
        assert all(was_lost(job) for job in jobs)
        with running(tmp_path / "again", CONFIG, ("--workers", "2", "--port", str(server.port))) as again:
            assert again.port == server.port
            assert speak(again.url, "one").status_code == 200


def was_lost(job: Future[httpx.Response]) -> bool:
    """Return whether a request got no whole answer: cut off, or refused by a member before that ended itself."""
    return isinstance(job.exception(), httpx.TransportError) or job.result().status_code >= 500


def streams(server: Server) -> int:
    return int(httpx.get(f"{server.url}/health", timeout=60).json()["engines"]["tone"]["streams"])


def test_a_member_that_cannot_start_ends_the_whole_with_its_reason(tmp_path: Path) -> None:
    """A member that cannot listen is tried a few times; then its own reason is given, once."""

    async def test() -> None:
        reasons: list[str] = []
        failed = asyncio.Event()

        def fail(reason: str) -> None:
            reasons.append(reason)
            failed.set()

        async with engine_server(tmp_path, NOWHERE) as served:
            members = Members(ServerSettings(processes=1), get_logger(), tmp_path, served, fail)
            async with members.running():
                await failed.wait()
        assert "Cannot assign requested address" in reasons[0]

    run(test)


def test_a_member_that_dies_before_it_connects_ends_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that ends before it could give any reason is not started for ever."""
    monkeypatch.setattr(module, "MODULE", "json.tool")

    async def test() -> None:
        failed = asyncio.Event()
        async with engine_server(tmp_path) as served:
            members = Members(
                ServerSettings(processes=2), get_logger(), tmp_path, served, lambda _: failed.set()
            )
            async with members.running():
                await failed.wait()

    run(test)


def test_encoders_of_members_count_for_the_gate(tmp_path: Path) -> None:
    """The engines' process knows how much all members together can encode, from their signs of life."""

    async def test() -> None:
        async with engine_server(tmp_path) as served, connected(tmp_path) as first, connected(tmp_path):
            first.encoding = lambda: 250.0
            await until(lambda: len(served.sessions()) == 2)
            assert served.encoding() == 0.0
            for session in served.sessions():
                session.ask()
                assert session.owed() is not None
            await until(lambda: all(session.owed() is None for session in served.sessions()))
            # the other has encoded nothing yet, and is taken to be as fast
            assert served.encoding() == 500.0

    run(test)


def test_the_client_of_a_stream_is_not_closed_for_others() -> None:
    """However many other workers there were since, a stream goes on at its own; unused clients are closed."""

    async def test() -> None:
        async with started(find_engine("tone")) as (process, _):
            clients = WorkerClients(30.0)
            client = clients.borrow(process.address)
            heard = 0
            async with aclosing(client.speak(SpeechJob("one two three four five six", "tone-1"))) as events:
                async for event in events:
                    heard += isinstance(event, Audio)
                    for number in range(100):
                        other = clients.borrow(WorkerAddress("http://worker", f"/nowhere/{heard}/{number}"))
                        clients.give_back(other)
            clients.give_back(client)
            assert heard >= 3
            assert len(clients) <= MAX_UNUSED
            await clients.close()

    run(test)


def test_a_port_that_is_taken_ends_the_server(tmp_path: Path) -> None:
    """A cluster whose port another program has ends at once, and says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with (
            pytest.raises(RuntimeError, match="cannot listen"),
            running(tmp_path / "server", CONFIG, ("--workers", "2", "--port", port)),
        ):
            pass
