"""End-to-end tests of requests that come while the engines start: they wait, and find what there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from held_workers import HeldWorkers
from servers import TIMEOUT, Server, status, wait_until
from tiny_piper import write_voice
from tones import tone

from streaming.audio import wav

SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Good morning.", "response_format": "pcm"}
CONNECTIONS = 8
CLIENT = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0))
"""gives each request a connection of its own"""
FOR_EVER = {"wait": 10 * TIMEOUT}
"""no request gives up before the test does"""


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HeldWorkers:
    """All workers, which wait until they are let go."""
    return HeldWorkers(tmp_path / "held", monkeypatch)


@contextmanager
def listening(
    folder: Path, args: tuple[str, ...] = (), *, natural: bool = False, **settings: Any
) -> Iterator[Server]:
    """Run a server for the block, which listens, and whose engines have only begun to start."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"engines": {"tone": {"enabled": True}}, **settings}
    server = Server(folder, config, args, natural=natural)
    try:
        yield server
    finally:
        server.stop()


def ask(server: Server, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Send a request over a connection of its own."""
    url = f"{server.base_url}{path}"
    if path == "/audio/speech":
        return CLIENT.post(url, json=SPEECH, headers=headers)
    if path == "/audio/transcriptions":
        files = {"file": ("a.wav", wav.encode(tone(300.0), 24_000))}
        return CLIENT.post(url, files=files, data={"model": "tone"}, headers=headers)
    return CLIENT.get(url, headers=headers)


def connections(server: Server) -> int:
    """Return how many clients are connected to a server, to whichever of its processes."""
    first = psutil.Process(server.process.pid)
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for process in (first, *first.children(recursive=True))
        for connection in process.net_connections("tcp")
    )


PATHS = (
    "/models",
    "/models/tts-1",
    "/audio/models",
    "/audio/voices",
    "/audio/speech",
    "/audio/transcriptions",
)


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["one process", "two processes"])
def test_requests_while_starting(tmp_path: Path, held: HeldWorkers, args: tuple[str, ...]) -> None:
    """Whatever is asked of a server whose engines have not started yet waits, over however many connections, and is
    answered as it is later: no list is empty, nothing is refused as not ready; and then `ready` is in the log once.
    """
    asked = PATHS * CONNECTIONS
    with (
        listening(tmp_path / "server", args, admission=FOR_EVER) as server,
        ThreadPoolExecutor(len(asked)) as pool,
    ):
        requests = [(path, pool.submit(ask, server, path)) for path in asked]
        try:
            wait_until(
                lambda: connections(server) >= len(asked) or any(one.done() for _, one in requests),
                "all are connected",
            )
            assert status(f"{server.url}/readyz") == 503
            assert [path for path, one in requests if one.done()] == []
            assert not any(line["event"] == "ready" for line in server.lines())
        finally:
            held.release()
        early = [(path, one.result()) for path, one in requests]
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


def test_what_needs_no_engine_does_not_wait(tmp_path: Path, held: HeldWorkers) -> None:
    """While no engine has started the probes, the metrics, the description of the API and the list of model files
    are answered, and readiness says that it is starting; once some have, that it is ready.
    """
    with listening(tmp_path / "server", admission=FOR_EVER) as server:
        for url in (
            *(f"{server.url}/{path}" for path in ("", "livez", "health", "metrics", "schema/openapi.json")),
            *(f"{server.base_url}/{path}" for path in ("test", "voicebox/models")),
        ):
            assert status(url) == 200, url
        early = httpx.get(f"{server.url}/readyz", timeout=TIMEOUT)
        assert (early.status_code, early.json()["status"]) == (503, "starting")
        held.release()
        server.wait_ready()
        assert httpx.get(f"{server.url}/readyz", timeout=TIMEOUT).json()["status"] == "ok"


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["one process", "two processes"])
def test_a_start_that_takes_longer_than_requests_wait(
    tmp_path: Path, held: HeldWorkers, args: tuple[str, ...]
) -> None:
    """Where nothing works yet after the time that requests may wait, each is told so with 503, when to come again, and
    OpenAI's error object: no list is empty; and once the engines have started all is answered.
    """
    with listening(tmp_path / "server", args, admission={"wait": 0.2}) as server:
        for path in (*PATHS, "/voicebox/profiles"):
            answer = ask(server, path)
            assert answer.status_code == 503, (path, answer.text)
            assert int(answer.headers["retry-after"]) >= 1
            error = answer.json()["error"]
            assert (error["type"], error["param"], error["code"]) == ("server_error", None, None)
            assert "still starting" in error["message"]
        held.release()
        server.wait_ready()
        patient = {"x-voicebox-deadline": str(TIMEOUT)}
        assert [path for path in PATHS if ask(server, path, patient).status_code != 200] == []


def test_what_is_there_while_others_start(tmp_path: Path, held: HeldWorkers) -> None:
    """Where a model is there, and engines do not come up in time, the lists hold what there is."""
    write_voice(tmp_path / "anna", "en_US-anna-medium", espeak={"voice": "en-us"})
    models = {"own": {"anna": {"folder": str(tmp_path / "anna")}}}
    with listening(tmp_path / "server", admission={"wait": 0.2}, models=models) as server:
        wait_until(lambda: ask(server, "/models").status_code == 200, "the model is known")
        listed = {model["id"] for model in ask(server, "/models").json()["data"]}
        voices = {voice["engine"] for voice in ask(server, "/audio/voices").json()["voices"]}
        assert status(f"{server.url}/readyz") == 503
        held.release()

    assert {"anna", "tts-1"} <= listed
    assert "tone" not in listed
    assert voices == {"anna"}


def test_a_client_waits_no_longer_than_it_says(tmp_path: Path, held: HeldWorkers) -> None:
    """What a client says of its patience counts while the server starts, too."""
    with listening(tmp_path / "server", admission=FOR_EVER) as server:
        for name in ("x-voicebox-deadline", "x-stainless-read-timeout"):
            answers = [ask(server, path, {name: "0.2"}) for path in ("/models", "/audio/speech")]
            assert {answer.status_code for answer in answers} == {503}
        held.release()


def test_a_server_without_engines_does_not_start_for_ever(tmp_path: Path) -> None:
    """Where the settings leave no engine, and no model is there, a request learns so at once."""
    none = {name: {"enabled": False} for name in ("hibari", "espeak", "pocketsphinx", "tone")}
    with listening(tmp_path / "server", engines=none, admission=FOR_EVER) as server:
        assert ask(server, "/models").json()["data"] == []
        assert ask(server, "/audio/speech").status_code == 503
        assert status(f"{server.url}/readyz") == 503
