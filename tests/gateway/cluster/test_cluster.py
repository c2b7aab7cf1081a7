"""Tests of several gateway processes behind one address: one set of engines, one set of limits, and no harm
when a process dies.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import TIMEOUT, Server, parent_of, running, status, wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run three processes with four requests at once in all, and two workers of the test engine."""
    config = {"engines": {"tone": {"enabled": True, "workers": 2}}, "admission": {"streams": 4}}
    with running(tmp_path_factory.mktemp("cluster"), config, ("--workers", "3"), first=True) as server:
        yield server


def named(server: Server, part: str) -> list[int]:
    """Return the server's child processes whose command line contains `part`."""
    children = server.worker_pids()
    return [pid for pid in children if part.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def speak(server: Server, text: str, **more: Any) -> httpx.Response:
    body = {"model": "tone", "voice": "tone-1", "input": text, "response_format": "pcm", **more}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


def engine(server: Server, name: str = "tone") -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{server.url}/health").json()["engines"][name]
    return state


def test_one_set_of_engines(cluster: Server) -> None:
    """The processes share the workers that one process would have: none is started twice."""
    commands = [
        Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in named(cluster, "engines.worker")
    ]
    adapters = Counter(command[command.index("--engine") + 1] for command in commands)

    assert adapters == {"tone": 2, "espeak": 2, "pocketsphinx": 1}
    assert len(named(cluster, "gateway.cluster.supervisor")) == 3


def test_answers_are_those_of_a_single_process(cluster: Server, server: Server) -> None:
    """Speech, lists, errors and transcriptions are those of a single process, whichever process answers."""
    for _ in range(6):
        assert speak(cluster, "one two three").content == speak(server, "one two three").content
        assert speak(cluster, "one", voice="nobody").status_code == 400
    for path in ("/v1/models", "/v1/audio/voices"):
        assert httpx.get(f"{cluster.url}{path}").status_code == 200
    with (Path(__file__).parents[2] / "data" / "jfk.flac").open("rb") as recording:
        answer = httpx.post(
            f"{cluster.base_url}/audio/transcriptions",
            files={"file": recording},
            data={"model": "tone"},
            timeout=60,
        )
    assert answer.json()["text"] == "sound of 110 tenths"


def test_limits_hold_for_all_together(cluster: Server) -> None:
    """Four streams are admitted, however they are spread over processes; the fifth is refused until one has
    ended.
    """
    body = {
        "model": "tone",
        "voice": "tone-1",
        "input": "[slow 0.5] one two three four. " * 60,
        "response_format": "pcm",
    }
    with ExitStack() as held:
        for _ in range(4):  # each is open for two minutes, or until it is closed
            stream = httpx.stream("POST", f"{cluster.base_url}/audio/speech", json=body, timeout=TIMEOUT)
            assert held.enter_context(stream).status_code == 200
        wait_until(lambda: engine(cluster)["streams"] == 4, "all four are in")
        refused = [speak(cluster, "one") for _ in range(6)]

    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    wait_until(lambda: speak(cluster, "one").status_code == 200, "a place is free again")


def test_metrics_add_up(cluster: Server) -> None:
    """Any process reports the counts of all."""

    def counted() -> set[float]:
        found = set()
        for _ in range(6):
            text = httpx.get(f"{cluster.url}/metrics").text
            found.add(
                sum(
                    float(line.rsplit(" ", 1)[1])
                    for line in text.splitlines()
                    if line.startswith("voicebox_requests_total{")
                    and 'status="200"' in line
                    and 'engine="tone"' in line
                )
            )
        return found

    before = counted()
    for _ in range(9):
        speak(cluster, "one")
    wait_until(lambda: counted() == {max(before) + 9}, "all nine are in the counts of all")


def test_a_process_that_dies_releases_its_permits(cluster: Server) -> None:
    """kill -9 of a gateway process breaks its own requests only; their slots and permits are free again, and
    it is restarted.
    """
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(speak, cluster, "[wait 5] one") for _ in range(4)]
        wait_until(lambda: engine(cluster)["streams"] == 4, "all four are in")
        for pid in named(cluster, "gateway.cluster.supervisor"):
            os.kill(pid, signal.SIGKILL)
        results = [job.exception() for job in jobs]
    assert all(isinstance(result, httpx.TransportError) for result in results)
    wait_until(lambda: len(named(cluster, "gateway.cluster.supervisor")) == 3, "they are started again")
    wait_until(lambda: status(f"{cluster.url}/readyz") == 200, "they serve")
    assert engine(cluster)["streams"] == 0
    with ThreadPoolExecutor(4) as pool:
        assert [answer.status_code for answer in pool.map(lambda _: speak(cluster, "one"), range(4))] == [
            200
        ] * 4


def test_a_worker_that_dies_is_replaced(cluster: Server) -> None:
    """The engines' process restarts a worker that died, for all gateway processes: the new one answers once the
    other is dead too.
    """
    before = set(named(cluster, "engines.fakes.tone"))
    dead, other = before
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: parent_of(dead) is None, "it is dead")

    assert all(speak(cluster, "one two").status_code == 200 for _ in range(5))
    wait_until(lambda: ready_workers(cluster) - before, "another one is ready in its place")
    wait_until(lambda: len(ready_workers(cluster)) == 2, "both are ready")
    os.kill(other, signal.SIGKILL)
    wait_until(lambda: parent_of(other) is None, "the other is dead too")
    assert all(speak(cluster, "one two").status_code == 200 for _ in range(5))
    wait_until(lambda: len(ready_workers(cluster) - before) == 2, "both are replaced")


def ready_workers(server: Server) -> set[int]:
    """Return the processes of the test engine that are ready."""
    running_now = set(named(server, "engines.fakes.tone"))
    ready = sum(worker["state"] == "ready" for worker in engine(server)["workers"])
    return running_now if ready == len(running_now) else set()


def test_a_port_is_not_shared_with_another_server(cluster: Server, tmp_path: Path) -> None:
    """A second server at the same port reports that it cannot listen, and ends: else each would get some of
    the requests.
    """
    port = cluster.url.rpartition(":")[2]
    config = tmp_path / "config.yaml"
    config.write_text(f'{{"data_dir": "{tmp_path}", "engines": {{"pocketsphinx": {{"enabled": false}}}}}}')
    command = [
        sys.executable,
        "-m",
        "gateway",
        "serve",
        "--config",
        str(config),
        "--port",
        port,
        "--workers",
        "2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1, done.stderr
    assert "cannot listen" in done.stderr + done.stdout


def test_sigterm_ends_all_processes(tmp_path: Path) -> None:
    """SIGTERM lets running requests finish and ends all processes; nothing is left, the port is free, and the log
    tells of no error.
    """
    config = {"engines": {"tone": {"enabled": True}, "espeak": {"enabled": False}}}
    with running(tmp_path / "server", config, ("--workers", "2")) as server, ThreadPoolExecutor(2) as pool:
        children = server.worker_pids()
        job = pool.submit(speak, server, "[slow 0.3] one two three")
        wait_until(lambda: engine(server)["running"] == 1, "it is being spoken")
        server.process.send_signal(signal.SIGTERM)
        assert job.result().status_code == 200
        assert server.process.wait(30) == 0

    assert [line for line in server.lines() if line["level"] == "error"] == []
    assert all(parent_of(pid) is None for pid in children)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", server.port))


def test_killing_the_first_process_ends_all(tmp_path: Path) -> None:
    """kill -9 of the process that runs the engines ends all others with it."""
    with running(
        tmp_path / "server", {"engines": {"espeak": {"enabled": False}}}, ("--workers", "2")
    ) as server:
        children = server.worker_pids()
        assert len(children) >= 2
        server.process.kill()
        wait_until(lambda: all(parent_of(pid) is None for pid in children), "all are gone")
