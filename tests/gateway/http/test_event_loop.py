"""Tests that nothing blocks the event loop: the application runs in this process, under a guard that raises
when anything does.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from blockbuster import BlockBuster, BlockingError, blockbuster_ctx
from servers import wait_until

from engines.fleet.runtime import Engines
from engines.settings import EngineSettings, WorkerSettings
from gateway.app import create_app
from gateway.config.settings import LogSettings, Settings
from gateway.http.drain import Drain
from gateway.models.manager import make_manager
from gateway.observability import logging
from gateway.observability.metrics import Metrics
from gateway.security.keys import KeyStore

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"


class Guarded(uvicorn.Server):
    """A server whose event loop must not be blocked."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: it runs beside the test."""
        yield

    async def main_loop(self) -> None:
        """Serve under the guard."""
        with blockbuster_ctx() as guard:
            self._let(guard)
            await super().main_loop()

    @staticmethod
    def _let(guard: BlockBuster) -> None:
        """Allow known short calls: one stat of the key file, a log line, a lock that an encoder holds for a
        moment.
        """
        guard.functions["os.stat"].can_block_in("gateway/security/keys.py", "_refresh")
        for function in guard.functions.values():
            function.can_block_in(
                "voices/storage/database.py", {"_brought_up_to_date", "_migrate"}
            )  # a thread with its own loop
        guard.functions["os.path.abspath"].can_block_in("structlog/tracebacks.py", "extract")
        for name in ("io.TextIOWrapper.write", "io.BufferedWriter.write", "io.BufferedWriter.flush"):
            if name in guard.functions:
                guard.functions[name].can_block_in(
                    "structlog/_output.py", {"msg", "info", "warning", "error"}
                )


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """Run the application in a thread of this process, under the guard."""
    log = logging.configure(LogSettings(level="error"))
    enabled = {name: EngineSettings(enabled=True) for name in ("tone", "mimic")}
    engines = Engines(enabled, WorkerSettings(), log=lambda *_, **__: None)
    metrics, keys = Metrics(engines.statuses, "0"), KeyStore(tmp_path / "keys.json")
    settings = Settings(data_dir=str(tmp_path))
    manager = make_manager(settings, engines, log)
    app = create_app(
        settings, keys=keys, engines=engines, drain=Drain(), log=log, metrics=metrics, manager=manager
    )
    server = Guarded(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        wait_until(lambda: server.started, "the server listens")
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 200, "the engines are ready")
        yield url
    finally:
        server.should_exit = True
        thread.join(30)


def test_nothing_blocks_the_loop(guarded: str) -> None:
    """Speech in every format, events, an upload and the lists pass under the guard."""
    for format in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        body = {"model": "tts-1", "input": "One sentence. And another one.", "response_format": format}
        assert httpx.post(f"{guarded}/v1/audio/speech", json=body).status_code == 200
        assert httpx.post(f"{guarded}/v1/audio/speech", json=body | {"stream_format": "sse"}).text.endswith(
            "[DONE]\r\n\r\n"
        )
    with JFK.open("rb") as file:
        answer = httpx.post(
            f"{guarded}/v1/audio/transcriptions", files={"file": file}, data={"model": "tone"}, timeout=60
        )
    assert answer.json()["text"] == "sound of 110 tenths"
    for path in ("/v1/models", "/v1/audio/voices", "/health"):
        assert httpx.get(f"{guarded}{path}").status_code == 200


def test_the_guard_raises() -> None:
    """The guard raises when an event loop is blocked."""

    async def blocked() -> None:
        time.sleep(0.01)  # noqa: ASYNC251 - that is the point

    with blockbuster_ctx(), pytest.raises(BlockingError):
        asyncio.run(blocked())


def test_voices_do_not_block_the_loop(guarded: str) -> None:
    """A voice is created, spoken, exported, imported and deleted under the guard, from an empty library on."""
    with httpx.Client(base_url=f"{guarded}/v1", timeout=60) as client:
        assert client.get("/audio/voices").status_code == 200
        sample = {"audio_sample": ("jfk.flac", JFK.read_bytes(), "audio/flac")}
        created = client.post("/audio/voices", data={"name": "Anna"}, files=sample)
        assert created.status_code == 200, created.text
        path = f"/voicebox/profiles/{created.json()['id']}"
        spoken = client.post(
            "/audio/speech", json={"model": "tts-1", "voice": "anna", "input": "Hello there."}
        )
        archive = client.get(f"{path}/export")
        answers = [
            spoken,
            archive,
            client.post("/voicebox/profiles/import", params={"name": "Copy"}, content=archive.content),
            client.get("/voicebox/models"),
            client.get(f"{path}/engines"),
            client.delete(f"/audio/voices/{created.json()['id']}"),
        ]
    assert {answer.status_code for answer in answers} == {200}, [answer.text[:200] for answer in answers]
