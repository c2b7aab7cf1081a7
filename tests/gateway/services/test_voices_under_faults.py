"""Tests of voices while things break: workers are killed, the gateway is, and clients leave during requests."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    CLONER,
    WORDS,
    call,
    clone,
    design,
    female,
    json_of,
    new_name,
    sample_brightness,
    short,
    speak,
    spoken_brightness,
)
from servers import TIMEOUT, Server, running, wait_until

QUICK: dict[str, Any] = {
    "engines": {**CLONER, "pocketsphinx": {"enabled": False}, "espeak": {"enabled": False}},
    "workers": {"restart_delay": 0.02, "restart_delay_max": 0.1},
}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with mimic alone, whose worker is restarted at once."""
    with running(tmp_path_factory.mktemp("fragile"), QUICK) as server:
        yield server


def worker(server: Server) -> int:
    """Return the process id of the cloner's worker, once it is ready."""
    found = 0

    def ready() -> bool:
        nonlocal found
        state = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"]["mimic"]
        found = state["workers"][0]["pid"] if state["ready"] else 0
        return bool(found)

    wait_until(ready, "the worker is ready")
    return found


@contextmanager
def kill_workers(server: Server, times: int) -> Iterator[threading.Event]:
    """Kill mimic's worker `times` times, each time that it has come back; the event is set when this is over."""
    over = threading.Event()

    def kill() -> None:
        try:
            for number in range(times):
                pid = worker(server)
                time.sleep(0.03 * number)  # at another point of the work each time
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: worker(server) != pid, "another has come")  # noqa: B023 - called at once
        finally:
            over.set()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield over
    finally:
        killer.join()


def repeat_until(act: Callable[[], httpx.Response], over: threading.Event) -> list[int]:
    """Repeat a request until the killing is over, and once more; return the statuses, 0 for an answer that
    broke off after its begin.
    """
    statuses: list[int] = []
    while True:
        last = over.is_set()
        try:
            answer = act()
            if answer.status_code != 200:
                assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
            statuses.append(answer.status_code)
        except httpx.RemoteProtocolError:
            statuses.append(0)
        if last:
            return statuses


def new_design(server: Server) -> httpx.Response:
    return call(
        server,
        "POST",
        "/audio/voices",
        json={"name": new_name("Designed"), "type": "prompt", "prompt": new_name()},
    )


def first_words(server: Server) -> httpx.Response:
    return speak(server, clone(server, short(), transcript="")["id"])  # an engine hears the words


def test_workers_are_killed_over_and_over(fragile: Server) -> None:
    """While workers are killed each call about voices ends well or with a clean error, and no voice is half
    created.
    """
    known = clone(fragile, female())["id"]
    acts = (
        lambda: new_design(fragile),
        lambda: first_words(fragile),
        lambda: speak(fragile, known, f"{WORDS} " * 20),
    )
    with kill_workers(fragile, 4) as over, ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda act: repeat_until(act, over), acts))

    assert all(set(one) <= {0, 200, 500, 503} for one in statuses)
    assert all(one[-1] == 200 for one in statuses)
    assert 0 not in statuses[0]
    listed = all_speak(fragile)
    designed = json_of(call(fragile, "GET", "/voicebox/profiles", params={"voice_type": "designed"}))["data"]
    assert len(designed) == statuses[0].count(200)
    assert known in listed


# Clients that leave...


def upload(name: str) -> bytes:
    """Return the bytes of a request that creates a voice."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    head, tail = f"{part.format('name')}{name}\r\n{part.format('audio_sample')}".encode(), b"\r\n--x--\r\n"
    body = head + female() + tail
    line = f"POST /v1/audio/voices HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return f"{line}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode() + body


def send(server: Server, data: bytes) -> None:
    """Send and leave, without waiting for an answer."""
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as client:
        client.sendall(data)


def stored(server: Server) -> set[str]:
    """Return the names of the recordings in the data folder."""
    folder = server.folder / "data" / "voices"
    return {
        str(path)
        for kind in ("profiles", "consents")
        for path in (folder / kind).rglob("*")
        if path.is_file()
    }


def test_a_client_that_leaves_during_an_upload(cloning: Server) -> None:
    """Of an upload that ends in the middle nothing stays, no voice and no recording."""
    before, blobs = json_of(call(cloning, "GET", "/voicebox/profiles")), stored(cloning)
    whole = upload("Half a voice")
    for sent in (200, 300, 400, 1000, len(whole) // 2, len(whole) - 10):
        send(cloning, whole[:sent])

    wait_until(
        lambda: len([line for line in cloning.requests() if "Disconnected" in line.get("error", "")]) >= 6,
        "all have left",
    )
    assert json_of(call(cloning, "GET", "/voicebox/profiles")) == before
    assert stored(cloning) == blobs


def test_a_client_that_leaves_before_the_answer(fragile: Server) -> None:
    """A client that leaves before the answer has created a voice or none, never half of one."""
    began = ended_calls(fragile)
    for _ in range(5):
        send(fragile, upload(new_name()))

    wait_until(lambda: ended_calls(fragile) >= began + 5, "all have been worked on")
    all_speak(fragile)


def ended_calls(server: Server) -> int:
    """Return the number of calls of OpenAI's voices routes that have ended."""
    return len([line for line in server.requests() if line["route"] == "voices"])


def all_speak(server: Server) -> list[str]:
    """Check that every listed voice speaks as it should; return their ids."""
    listed = [voice["id"] for voice in json_of(call(server, "GET", "/voicebox/profiles"))["data"]]
    for id in listed:
        assert spoken_brightness(server, id) == pytest.approx(
            sample_brightness(server, id), rel=BRIGHTNESS_TOLERANCE
        )
    return listed


# A gateway that dies...


def upload_until_killed(server: Server, number: int, confirmed: list[str]) -> None:
    """Create voices until the server is gone, and add to a list those that it confirmed."""
    with suppress(httpx.TransportError):
        while True:
            confirmed.append((design(server, new_name()) if number else clone(server, short()))["id"])


def kill_during_uploads(server: Server, confirmed: list[str]) -> None:
    """Create voices in three threads at once until the server is killed."""
    enough = len(confirmed) + 4
    with ThreadPoolExecutor(3) as pool:
        for kind in (0, 0, 1):
            pool.submit(upload_until_killed, server, kind, confirmed)
        wait_until(lambda: len(confirmed) >= enough, "some voices are confirmed")
        server.process.kill()


def test_a_gateway_killed_during_uploads(tmp_path: Path) -> None:
    """After kill -9 of the gateway during uploads, three times, every voice that it confirmed exists, and
    every voice that exists speaks.
    """
    confirmed: list[str] = []
    config = {**QUICK, "data_dir": str(tmp_path / "data")}
    for number in range(3):
        with running(tmp_path / str(number), config) as server:
            assert set(confirmed) <= set(all_speak(server))
            kill_during_uploads(server, confirmed)
    with running(tmp_path / "last", config) as server:
        assert set(confirmed) <= set(all_speak(server))
