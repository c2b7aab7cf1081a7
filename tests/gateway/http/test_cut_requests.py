"""Tests of a server that is stopped while it works, or starts: what it cuts is a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from servers import TIMEOUT, Server, parent_of, running, wait_until
from terminal import plain
from with_parent import with_parent

ENDLESS = "[slow 0.2] one two three four. " * 500
LIBRARIES = ("Traceback", "Exception in", "Cancel ", "CancelledError", "KeyboardInterrupt", "sqlalchemy")


@contextmanager
def listening_to_endless_speech(server: Server) -> Iterator[None]:
    """Have a client hear speech that does not end by itself, from its first bytes on."""
    began = threading.Event()

    def listen() -> None:
        request = {"model": "tone", "input": ENDLESS, "response_format": "pcm", "voice": "alloy"}
        try:
            with httpx.stream(
                "POST", f"{server.base_url}/audio/speech", json=request, timeout=TIMEOUT
            ) as answer:
                assert answer.status_code == 200
                for _ in answer.iter_raw():
                    began.set()
        except httpx.RemoteProtocolError:  # as it is cut
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    assert began.wait(TIMEOUT)
    yield
    listener.join(TIMEOUT)
    assert not listener.is_alive()


def settings(log_format: str, drain_timeout: float, processes: int) -> dict[str, object]:
    return {
        "engines": {"tone": {"enabled": True}, "espeak": {"enabled": False}},
        "server": {"drain_timeout": drain_timeout, "processes": processes},
        "log": {"format": log_format},
    }


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_request_that_is_not_waited_for(tmp_path: Path, log_format: str, processes: int) -> None:
    """A request that goes on for longer than the server waits is cut, and the log says so in sentences."""
    with running(tmp_path, settings(log_format, 0.5, processes)) as server:
        with listening_to_endless_speech(server):
            server.process.send_signal(signal.SIGINT)
        assert server.process.wait(TIMEOUT) == 0
        said = server.log_path.read_text()

    assert not [word for word in LIBRARIES if word in said], said
    assert "the server was stopped before it had ended" in said
    if log_format == "console":
        assert "1 request may finish within 0.5 s, unless Ctrl-C is pressed again" in said
        assert "cutting 1 request " in said
    else:
        lines = [line for line in map(json.loads, said.splitlines()) if line["event"] == "request"]
        assert [line["outcome"] for line in lines if line["method"] == "POST"] == ["broken"]


@pytest.mark.parametrize("processes", [1, 2])
def test_another_signal_cuts_what_is_under_way(tmp_path: Path, processes: int) -> None:
    """At a second Ctrl-C nothing is waited for: requests are cut, and the server ends in order."""
    with running(tmp_path, settings("console", 1000, processes)) as server:
        workers = server.worker_pids()
        with listening_to_endless_speech(server):
            server.process.send_signal(signal.SIGINT)
            wait_until(lambda: "may finish" in server.log_path.read_text(), "it says that it waits")
            # one that comes at once is the same: `timeout` signals its child and then the child's group
            threading.Event().wait(0.7)
            server.process.send_signal(signal.SIGINT)
        assert server.process.wait(TIMEOUT) == 0
        said = server.log_path.read_text()
    wait_until(lambda: all(parent_of(pid) is None for pid in workers), "its children are gone")

    assert not [word for word in LIBRARIES if word in said], said
    assert "cutting 1 request " in said
    assert "the server was stopped before it had ended" in said


def test_a_request_without_an_answer_is_refused(tmp_path: Path) -> None:
    """A request that is cut before its answer has begun is told so, and may come again."""
    answers: list[httpx.Response] = []

    def ask(server: Server) -> None:
        request = {"model": "tone", "input": "[hang] one", "response_format": "pcm", "voice": "alloy"}
        answers.append(httpx.post(f"{server.base_url}/audio/speech", json=request, timeout=TIMEOUT))

    with running(tmp_path, settings("json", 0.5, 1)) as server:
        asking = threading.Thread(target=ask, args=(server,))
        asking.start()
        wait_until(
            lambda: httpx.get(f"{server.url}/health").json()["engines"]["tone"]["running"] == 1, "it runs"
        )
        server.process.send_signal(signal.SIGTERM)
        asking.join(TIMEOUT)
        assert server.process.wait(TIMEOUT) == 0
    assert answers[0].status_code == 503
    assert answers[0].headers["retry-after"]
    assert "going away" in answers[0].json()["error"]["message"]


@pytest.mark.parametrize("children", [1, 2])
def test_ctrl_c_at_the_terminal_while_it_starts(tmp_path: Path, children: int) -> None:
    """Ctrl-C reaches all processes in a terminal's foreground: children that begin at that moment do not die of it."""
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--log-format", "console"]
    variables = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path), "VOICEBOX_SERVER__PROCESSES": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            with_parent(command), stdout=log, stderr=log, env=variables, process_group=0, cwd=tmp_path
        )
    try:
        wait_until(
            lambda: children_of(process.pid) >= children or process.poll() is not None, "its children start"
        )
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(TIMEOUT) in (0, 130)
    finally:
        process.kill()
        process.wait()
    said = plain((tmp_path / "log").read_text())
    assert not [word for word in (*LIBRARIES, "died", "did not start") if word in said], said


def children_of(pid: int) -> int:
    """Return how many children a process has that run a program of their own already."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent_of(int(entry.name)) == pid:
            with suppress(OSError):
                count += b"bound_child" in (entry / "cmdline").read_bytes()
    return count
