"""Tests that long work on model files ends when nobody waits for it, and keeps neither uploads nor the end of the
server waiting.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
from recordings import coded, piece
from servers import TIMEOUT, Server, running, wait_until

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

NAME = "whisper-tiny"
REPO = "openai/whisper-tiny"
WEIGHTS = "model.safetensors"
FILES = {
    "config.json": b"{}",
    "generation_config.json": b"{ }",
    WEIGHTS: b"not one" * 20_000,
    "tokenizer.json": b"{  }",
}
OTHERS = (
    "whisper-base",
    "whisper-small",
    "whisper-medium",
    "whisper-tiny.en",
    "whisper-base.en",
    "whisper-small.en",
)
HUGE = 400_000_000_000
"""bytes of a sparse file, whose hash takes many minutes"""


@pytest.fixture(params=[(), ("--workers", "2")], ids=["one process", "several"])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A gateway with one model, whose weights have become huge."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.publish(REPO, FILES)
    folder = tmp_path / "hub"
    config = {"models": {"folder": str(folder)}, "server": {"drain_timeout": 2.0}}
    with running(tmp_path, config, request.param) as server:
        assert post(server, NAME, "pull").status_code == 200
        wait_until(lambda: state(server, NAME) not in ("pulling", "absent", "incomplete"), "it is pulled")
        repo = folder / f"models--{REPO.replace('/', '--')}"
        (tree,) = repo.glob("trees/*.json")
        listing = json.loads(tree.read_text())
        listing["files"][WEIGHTS] |= {"size": HUGE, "lfs_size": HUGE}
        tree.write_text(json.dumps(listing))
        (weights,) = repo.glob(f"snapshots/*/{WEIGHTS}")
        os.truncate(weights, HUGE)
        yield server


def post(server: Server, name: str, action: str) -> httpx.Response:
    return httpx.post(f"{server.base_url}/voicebox/models/{name}/{action}", timeout=TIMEOUT)


def state(server: Server, name: str) -> str:
    return str(httpx.get(f"{server.base_url}/voicebox/models/{name}", timeout=TIMEOUT).json()["state"])


def begin_verify(server: Server) -> socket.socket:
    """Have the model verified, and wait until its weights are read."""
    connection = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
    path = f"/v1/voicebox/models/{NAME}/verify"
    connection.sendall(f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n".encode())
    wait_until(lambda: is_read(server), "the weights are read")
    return connection


def is_read(server: Server) -> bool:
    """Return whether some process of the server has a file of its models open that is huge."""
    for pid in (server.process.pid, *server.worker_pids()):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if link.stat().st_size == HUGE:
                    return True
            except OSError:
                continue
    return False


def test_verifying_ends_with_its_client(served: Server) -> None:
    """The files of a model are not read any further once the client that wanted them compared has left."""
    begin_verify(served).close()
    wait_until(lambda: not is_read(served), "the weights are read no more")


def test_the_server_ends_at_once(served: Server, hub: FakeHub) -> None:
    """While a model is verified and six are pulled, uploads are heard; and the server ends without waiting
    for any of that, and what was pulled is kept.
    """
    for name in OTHERS:
        hub.publish(f"openai/{name}", FILES)
    hub.add_fault(WEIGHTS, stall_after=70_000)
    with begin_verify(served):
        for name in OTHERS:
            assert post(served, name, "pull").status_code == 200
        wait_until(lambda: all(hub_part(served, name) for name in OTHERS), "all are being pulled")
        heard = httpx.post(
            f"{served.base_url}/audio/transcriptions",
            data={"model": "pocketsphinx"},
            files={"file": ("a.wav", coded(piece(5, 2)))},
            timeout=TIMEOUT,
        )
        assert heard.status_code == 200, heard.text
        assert served.stop() == 0
    assert all(hub_part(served, name) for name in OTHERS)


def hub_part(server: Server, name: str) -> bool:
    """Return whether a part of a model's weights is on the disk."""
    return any((server.folder / "hub" / f"models--openai--{name}").glob("blobs/*.incomplete"))


def test_followers_of_a_pull_see_it_end(served: Server, hub: FakeHub) -> None:
    """Who follows a pull when the server goes away is told that it was cancelled."""
    hub.publish(f"openai/{OTHERS[0]}", FILES)
    hub.add_fault(WEIGHTS, stall_after=70_000)
    assert post(served, OTHERS[0], "pull").status_code == 200
    wait_until(lambda: hub_part(served, OTHERS[0]), "it is being pulled")
    url = f"{served.base_url}/voicebox/models/{OTHERS[0]}/progress"
    lines: list[str] = []
    with httpx.stream("GET", url, timeout=TIMEOUT) as answer:
        stopping = threading.Thread(target=served.stop)
        for line in answer.iter_lines():
            if line and not lines:
                stopping.start()
            lines.append(line)
    stopping.join()
    assert "pull_cancelled" in "\n".join(lines)
