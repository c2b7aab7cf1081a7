"""Tests of clients that leave, workers that die and servers that stop: nothing is left behind, and no other
request is hurt.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import Server, parent_of, running, wait_until

SLOW = "[slow 0.05] one two three four. " * 100


def tone(server: Server, text: str, **fields: object) -> dict[str, object]:
    return {
        "url": f"{server.base_url}/audio/speech",
        "json": {"model": "tone", "input": text, "response_format": "pcm", **fields},
    }


def busy(server: Server, engine: str = "tone") -> int:
    """Count the jobs an engine's pool has running and waiting."""
    state = httpx.get(f"{server.url}/health").json()["engines"][engine]
    return int(state["running"]) + int(state["queued"])


@pytest.fixture
def breakable(tmp_path: Path) -> object:
    """Run a server that a test may break."""
    with running(
        tmp_path, {"engines": {"tone": {"enabled": True, "workers": 2}}, "server": {"drain_timeout": 15}}
    ) as server:
        yield server


def test_a_client_that_leaves_stops_its_jobs(server: Server) -> None:
    """A client that leaves during its stream frees its worker soon, and the log says that it left."""
    with httpx.stream("POST", **tone(server, SLOW)) as answer:  # type: ignore[arg-type]
        chunks = answer.iter_raw()  # dropping it would close the connection
        next(chunks)
        request_id = answer.headers["x-request-id"]
        assert busy(server) >= 1

    wait_until(lambda: busy(server) == 0, "the work has stopped")
    wait_until(lambda: any(line["id"] == request_id for line in server.requests()), "its line is written")
    assert next(line for line in server.requests() if line["id"] == request_id)["outcome"] == "client_gone"


def test_a_client_that_leaves_before_the_first_byte(server: Server) -> None:
    """A client that leaves before the first byte frees its worker too."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(**tone(server, "[hang] never"), timeout=0.5)  # type: ignore[arg-type]

    wait_until(lambda: busy(server) == 0, "the work has stopped")


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac"])
def test_clients_that_leave_during_encoding(server: Server, format: str) -> None:
    """Clients that leave at any moment of the encoding never take the server down."""
    for number in range(25):
        with httpx.stream(
            "POST", f"{server.base_url}/audio/speech",
            json={"model": "tts-1", "input": "Hello there, how are you? " * (1 + number), "response_format": format},
        ) as answer:  # fmt: skip
            chunks = answer.iter_raw()
            for _ in range(number % 4):
                next(chunks, b"")

    assert httpx.get(f"{server.url}/livez").status_code == 200
    wait_until(lambda: busy(server, "espeak") == 0, "the work has stopped")


def test_a_worker_killed_mid_stream(breakable: Server) -> None:
    """kill -9 of the workers breaks the running stream, and the next request works."""
    asked: Any = tone(breakable, SLOW)
    with pytest.raises(httpx.RemoteProtocolError), httpx.stream("POST", **asked, timeout=30) as answer:
        for number, _ in enumerate(answer.iter_raw()):
            if number == 2:
                for pid in breakable.worker_pids():
                    os.kill(pid, signal.SIGKILL)

    again = httpx.post(**tone(breakable, "one two"), timeout=60)  # type: ignore[arg-type]
    assert again.status_code == 200
    spoken = httpx.post(
        f"{breakable.base_url}/audio/speech", json={"model": "tts-1", "input": "Hello."}, timeout=60
    )
    assert spoken.status_code == 200


def test_killing_the_gateway_leaves_no_worker(tmp_path: Path) -> None:
    """kill -9 of the gateway leaves no worker behind, and the next gateway deletes its temporary files."""
    server = Server(tmp_path).wait_ready()
    workers = server.worker_pids()
    assert workers

    server.process.kill()
    server.process.wait()

    wait_until(lambda: all(parent_of(pid) is None for pid in workers), "the workers are gone")
    left = f"voicebox-{server.process.pid}-*"
    assert list(Path(tempfile.gettempdir()).glob(left))
    with running(tmp_path / "next"):
        assert not list(Path(tempfile.gettempdir()).glob(left))


def test_sigterm_lets_streams_finish(breakable: Server) -> None:
    """After SIGTERM the running stream ends whole, a new request gets 503 and Retry-After, then all processes
    end.
    """
    workers = breakable.worker_pids()
    text = "[slow 0.05] one two three four. " * 8
    whole = httpx.post(**tone(breakable, text), timeout=60).content  # type: ignore[arg-type]
    received: list[bytes] = []
    started = threading.Event()

    def play() -> None:
        with httpx.stream("POST", **tone(breakable, text), timeout=60) as answer:  # type: ignore[arg-type]
            for chunk in answer.iter_raw():
                received.append(chunk)
                started.set()

    player = threading.Thread(target=play)
    player.start()
    assert started.wait(30)
    breakable.process.send_signal(signal.SIGTERM)
    wait_until(lambda: httpx.get(f"{breakable.url}/readyz").status_code == 503, "it is going")
    refused = httpx.post(**tone(breakable, "new"))  # type: ignore[arg-type]
    player.join(60)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert b"".join(received) == whole
    assert breakable.process.wait(30) == 0
    wait_until(lambda: all(parent_of(pid) is None for pid in workers), "the workers are gone")


@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_to_the_group_lets_streams_finish(tmp_path: Path, processes: int) -> None:
    """A SIGTERM to all processes at once, which `timeout` and systemd send, leaves slow readers' streams whole."""
    text = "[slow 0.05] one two three four. " * 40
    config = {
        "engines": {"tone": {"enabled": True, "workers": 3}},  # one a stream: none waits on a slow machine
        "server": {"drain_timeout": 60, "processes": processes},
    }
    received: list[bytes] = [b"", b"", b""]
    started = threading.Barrier(4, timeout=60)

    with running(tmp_path, config, new_group=True) as server:
        workers = server.worker_pids()
        request = tone(server, text, response_format="mp3")
        whole = httpx.post(**request, timeout=60).content  # type: ignore[arg-type]

        def play(number: int) -> None:
            with httpx.stream("POST", **request, timeout=60) as answer:  # type: ignore[arg-type]
                chunks = answer.iter_raw()
                received[number] += next(chunks)
                started.wait()
                for chunk in chunks:
                    received[number] += chunk
                    time.sleep(0.02)

        players = [threading.Thread(target=play, args=(number,)) for number in range(3)]
        for player in players:
            player.start()
        started.wait()
        os.killpg(server.process.pid, signal.SIGTERM)
        for player in players:
            player.join(60)

        assert [len(audio) for audio in received] == [len(whole)] * 3
        assert server.process.wait(30) == 0
        wait_until(lambda: all(parent_of(pid) is None for pid in workers), "its children are gone")


def test_a_client_that_stops_reading_delays_no_other(server: Server) -> None:
    """A client that reads nothing fills its own buffer only: the engine is free and others are served."""
    with socket.create_connection(("127.0.0.1", server.port)) as stalled:
        body = b'{"model":"tts-1","input":"' + b"This is a long text. " * 2000 + b'","response_format":"pcm"}'
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        stalled.sendall(head.encode() + body)
        stalled.recv(100)

        wait_until(lambda: busy(server, "espeak") == 0, "no worker waits for the reader")
        assert (
            httpx.post(f"{server.base_url}/audio/speech", json={"model": "tts-1", "input": "Hi."}).status_code
            == 200
        )


def test_an_announced_body_that_is_not_sent(tmp_path: Path) -> None:
    """A client that announces a body and sends none is answered after a time limit."""
    with (
        running(tmp_path, {"server": {"body_timeout": 0.5}}) as server,
        socket.create_connection(("127.0.0.1", server.port)) as idle,
    ):
        idle.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        idle.settimeout(30)

        assert idle.recv(100).startswith(b"HTTP/1.1 408")
