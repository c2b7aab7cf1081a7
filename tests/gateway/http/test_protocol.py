"""Tests of requests below HTTP's semantics: heads are bounded in size and time, and refused in OpenAI's error
envelope.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest
from servers import Server, running


def refusal(data: bytes) -> tuple[int, dict[str, object]]:
    """Read status and error out of a raw answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"x-request-id: req_" in head
    return int(head.split()[1]), json.loads(body)["error"]


def exchange(server: Server, pieces: list[bytes]) -> bytes:
    """Send pieces on a connection, and read the answer."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass  # refused before all was sent
        data = b""
        try:
            while chunk := connection.recv(65536):
                data += chunk
        except ConnectionResetError:
            pass
        return data


@pytest.mark.parametrize(
    "rubbish",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
    ],
)
def test_bytes_that_are_no_http(server: Server, rubbish: bytes) -> None:
    """Bytes that are no HTTP are a 400 in the envelope."""
    status, error = refusal(exchange(server, [rubbish]))

    assert status == 400
    assert set(error) == {"message", "type", "param", "code"}


def test_a_head_without_end(server: Server) -> None:
    """A head without an end is cut off early, and the server goes on."""
    pieces = [b"GET /livez HTTP/1.1\r\nHost: localhost\r\n", *[b"X-Filler: " + b"a" * 60_000 + b"\r\n"] * 50]
    data = exchange(server, pieces)

    assert not data or refusal(data)[0] == 431
    assert httpx.get(f"{server.url}/livez").status_code == 200


def test_headers_over_the_limit_at_once(server: Server) -> None:
    """One header over the limit is a 431."""
    assert (
        refusal(
            exchange(server, [b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"])
        )[0]
        == 431
    )


def test_long_bodies_are_no_heads(server: Server) -> None:
    """The limit concerns the head alone: large bodies pass, also several on one connection."""
    with httpx.Client() as client:
        for _ in range(3):
            body = (
                b'{"model":"tts-1","input":"'
                + b"a " * 90_000
                + b'","response_format":"pcm","voice":"nobody"}'
            )
            assert client.post(f"{server.base_url}/audio/speech", content=body).status_code == 400


def test_an_incomplete_head_times_out(tmp_path: Path) -> None:
    """A connection that sends nothing, or half a head, is closed with a 408."""
    with running(tmp_path, {"server": {"body_timeout": 0.3}}) as server:
        assert refusal(exchange(server, []))[0] == 408
        assert refusal(exchange(server, [b"GET /livez HT"]))[0] == 408
