"""Tests that every answer in JSON says so, and that it is UTF-8: PowerShell takes it for Latin-1 otherwise."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx2 as httpx
import pytest
from cloning_server import call, create_profile, new_name
from recordings import coded, piece
from servers import TIMEOUT, Server

JSON = "application/json; charset=utf-8"


def test_every_list(server: Server) -> None:
    """Whatever can be looked at without naming anything says that its JSON is UTF-8."""
    paths = httpx.get(f"{server.url}/schema/openapi.json", timeout=TIMEOUT).json()["paths"]
    found = 0
    for path, methods in paths.items():
        if "get" not in methods or "{" in path:
            continue
        answer = httpx.get(f"{server.url}{path}", timeout=TIMEOUT)
        if answer.content[:1] in (b"{", b"["):
            found += 1
            assert answer.headers["content-type"] == JSON, path
    assert found > 8


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("GET", "/nothing", None, 404), ("PUT", "/audio/speech", None, 405), ("POST", "/audio/speech", b"{", 400),
     ("POST", "/audio/speech", b'{"model":"tts-1","voice":"\xc3\xa9","input":"x"}', 400), ("GET", "/models/nothing", None, 404),
     ("GET", "/audio/voices/nothing", None, 404), ("POST", "/audio/transcriptions", b"", 400), ("GET", "/" + "x" * 5000, None, 414)],
)  # fmt: skip
def test_errors(server: Server, method: str, path: str, body: bytes | None, status: int) -> None:
    """Errors do, from routes and from what stands before them."""
    answer = httpx.request(method, f"{server.base_url}{path}", content=body, timeout=TIMEOUT)

    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json()["error"]["message"]


def test_errors_below_the_application(server: Server) -> None:
    """So does what the server answers to a request that it cannot read."""
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        head = connection.makefile("rb").read().partition(b"\r\n\r\n")[0].decode().lower()

    assert f"content-type: {JSON}" in head


def test_transcripts(server: Server) -> None:
    """Transcripts in JSON do; others keep their own types."""
    kinds = {
        "json": JSON,
        "verbose_json": JSON,
        "text": "text/plain; charset=utf-8",
        "srt": "text/plain; charset=utf-8",
    }
    for response_format, kind in kinds.items():
        answer = httpx.post(
            f"{server.base_url}/audio/transcriptions",
            data={"model": "whisper-1", "response_format": response_format},
            files={"file": ("a.wav", coded(piece(0, 1)))},
            timeout=TIMEOUT,
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


def test_what_is_made_and_changed(cloning: Server) -> None:
    """So does what is made, changed and deleted, and letters beyond ASCII come back as they are."""
    name = new_name("Zoë Ångström")
    voice = create_profile(cloning, name=name)
    path = f"/voicebox/profiles/{voice['id']}"
    answers: list[Any] = [
        call(cloning, "GET", path),
        call(cloning, "PATCH", path, json={"description": "große Straße"}),
        call(cloning, "GET", f"{path}/samples"),
        call(cloning, "DELETE", path),
    ]

    assert [answer.headers["content-type"] for answer in answers] == [JSON] * 4
    assert json.loads(answers[0].content.decode())["name"] == name
    assert answers[1].json()["description"] == "große Straße"


def test_audio_is_none(server: Server) -> None:
    """Audio has no charset, nor have pictures."""
    body = {"model": "tts-1", "voice": "alloy", "input": "One.", "response_format": "wav"}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)

    assert answer.headers["content-type"] == "audio/wav"
