"""End-to-end tests of requests that come while the engines start: they wait, and find what there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from servers import TIMEOUT, Server, status, wait_until
from tones import tone

from streaming.audio import wav

SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Good morning.", "response_format": "pcm"}
CONNECTIONS = 8


@contextmanager
def listening(folder: Path, args: tuple[str, ...] = (), *, natural: bool = False) -> Iterator[Server]:
    """Run a server for the block, which listens, and whose engines have only begun to start."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, {"engines": {"tone": {"enabled": True}}}, args, natural=natural)
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, path: str) -> httpx.Response:
    """Send a request over a connection of its own."""
    url = f"{server.base_url}{path}"
    if path == "/audio/speech":
        return httpx.post(url, json=SPEECH, timeout=TIMEOUT)
    if path == "/audio/transcriptions":
        files = {"file": ("a.wav", wav.encode(tone(300.0), 24_000))}
        return httpx.post(url, files=files, data={"model": "tone"}, timeout=TIMEOUT)
    return httpx.get(url, timeout=TIMEOUT)


PATHS = (
    "/models",
    "/models/tts-1",
    "/audio/models",
    "/audio/voices",
    "/audio/speech",
    "/audio/transcriptions",
)


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["one process", "two processes"])
def test_requests_while_starting(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Whatever is asked of a server that has only begun to listen is answered as it is later: no list is empty,
    nothing is refused as not ready, over however many connections; and then `ready` is in the log once.
    """
    with listening(tmp_path, args) as server, ThreadPoolExecutor(CONNECTIONS * len(PATHS)) as pool:
        early = list(pool.map(lambda path: (path, ask(server, path)), PATHS * CONNECTIONS))
        server.wait_ready()

        assert [(path, answer.text) for path, answer in early if answer.status_code != 200] == []
        for path in ("/models", "/audio/models", "/audio/voices", "/models/tts-1"):
            later = ask(server, path).json()
            assert all(answer.json() == later for asked, answer in early if asked == path)
            assert later.get("data", [True])
        wait_until(lambda: [line for line in server.lines() if line["event"] == "ready"], "the log says so")
        ready = [line for line in server.lines() if line["event"] == "ready"]
        assert len(ready) == 1
        assert {"espeak", "tone"} <= set(ready[0]["engines"])


def test_ready_in_one_process_is_ready_in_all(tmp_path: Path) -> None:
    """Once any process has said that it is ready, no request to any of them is told otherwise."""
    with listening(tmp_path, ("--workers", "3")) as server:
        wait_until(lambda: status(f"{server.url}/readyz") == 200, "one process is ready")
        answers = [
            ask(server, path) for path in ("/audio/speech", "/models", "/audio/transcriptions") * CONNECTIONS
        ]

    assert {answer.status_code for answer in answers} == {200}


def test_the_best_engine_answers_the_first_request(tmp_path: Path) -> None:
    """The first request for OpenAI's names is served by the engines that serve all later ones."""
    with listening(tmp_path, natural=True) as server:
        early = ask(server, "/audio/speech")
        server.wait_ready()
        later = ask(server, "/audio/speech")

    assert early.status_code == 200, early.text
    assert early.headers["x-voicebox-engine"] == later.headers["x-voicebox-engine"] == "hibari"


def test_what_needs_no_engine_does_not_wait(tmp_path: Path) -> None:
    """The probes and the list of model files are answered at once, and readiness says that it is starting."""
    with listening(tmp_path) as server:
        assert status(f"{server.url}/livez") == 200
        assert httpx.get(f"{server.url}/readyz", timeout=TIMEOUT).json()["status"] in ("starting", "ok")
        assert httpx.get(f"{server.base_url}/voicebox/models", timeout=TIMEOUT).status_code == 200
