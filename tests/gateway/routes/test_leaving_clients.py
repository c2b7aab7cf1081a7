"""Tests of clients that leave while an engine works on a voice of theirs: the work ends, and what was kept stays
whole.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from cloning_server import call, create_profile, json_of, profile, short
from servers import TIMEOUT, Server, running, wait_until
from verifying_server import copy_program

BOUNDARY = "part"


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway whose transcribing engine never ends unless it is stopped."""
    folder = tmp_path_factory.mktemp("endless")
    program = copy_program(folder / "program")
    names = {"odd": True, "ear": False, "forgetful": False, "pocketsphinx": False, "hibari": False}
    config = {"engines": {name: {"enabled": enabled} for name, enabled in names.items()}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(program))
        with running(folder, config, cwd=program) as server:
            yield server


def busy(server: Server) -> int:
    """Count the jobs that the transcribing engine has running and waiting."""
    state = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"]["odd"]
    return int(state["running"]) + int(state["queued"])


def begin(server: Server, path: str, body: bytes = b"", kind: str = "application/json") -> socket.socket:
    """Send a POST, and wait until the engine works on it."""
    connection = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
    head = f"POST /v1{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    wait_until(lambda: busy(server) == 1, "the engine works")
    return connection


def test_clients_that_leave_a_transcription(endless: Server) -> None:
    """Who adds a sample, or has one transcribed, and leaves frees the engine; the sample stays, without words."""
    id = create_profile(endless)["id"]
    path = f"/voicebox/profiles/{id}/samples"
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = head.encode() + short() + f"\r\n--{BOUNDARY}--\r\n".encode()
    begin(endless, path, body, f"multipart/form-data; boundary={BOUNDARY}").close()
    wait_until(lambda: busy(endless) == 0, "the engine is free")

    (sample,) = profile(endless, id)["samples"]
    assert sample["transcript"] == ""
    begin(endless, f"{path}/{sample['id']}/transcribe").close()
    wait_until(lambda: busy(endless) == 0, "the engine is free again")
    assert json_of(call(endless, "GET", path))["data"] == [sample]
