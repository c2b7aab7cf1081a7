"""Tests of a server whose system refuses: each trouble is an answer in the envelope, a line in the log, and
over once the trouble is.
"""

from __future__ import annotations

import json
import re
import resource
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from cloning_server import CLONER, call, clone, json_of, male, new_name, pcm, short, speak
from servers import TIMEOUT, Server, running, wait_until

from engines.wire.wav import encode_wav
from gateway.security.keys import KEYS_FILE, KeyStore

SPOOLED = 2_000_000
"""bytes of an upload that goes to disk"""
FILE_LIMIT = 150_000
"""bytes that a file may have while the disk is as if it were full"""
INTERNALS = re.compile(
    r"Traceback|\w+Error\b|Exception|Errno|\[Errno|os error|/tmp/|/work/|/root/|site-packages|0x[0-9a-f]+"
)
"""what no answer holds: Python's words, and paths of this machine"""


def envelope(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return the error of an answer, which has the status, all four keys, and nothing of the server's inside."""
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert not INTERNALS.search(answer.text), answer.text
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1
    return error


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server whose system refuses now and then."""
    folder = tmp_path_factory.mktemp("troubled")
    with running(folder, {"engines": {**CLONER, "tone": {"enabled": True}}}) as server:
        yield server


@contextmanager
def limited(server: Server, limit: int, most: int) -> Iterator[None]:
    """Let the server's process have less of something."""
    before = resource.prlimit(server.process.pid, limit)
    resource.prlimit(server.process.pid, limit, (most, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, limit, before)


def troubles(server: Server) -> list[dict[str, Any]]:
    """Return the log lines of what the system refused."""
    return [line for line in server.lines() if line["event"] == "the system refuses"]


def test_no_room_on_the_disk(troubled: Server) -> None:
    """Where nothing more can be written an upload and a new voice are 507; the log says it once; then all works."""
    upload = {"file": ("a.wav", encode_wav(bytes(SPOOLED), 24_000))}
    begun = len(troubles(troubled))
    with limited(troubled, resource.RLIMIT_FSIZE, FILE_LIMIT):
        for _ in range(3):
            answer = call(troubled, "POST", "/audio/transcriptions", data={"model": "tone"}, files=upload)
            assert envelope(answer, 507)["code"] == "storage_full"
        sample = {"audio_sample": ("a.wav", short())}
        answer = call(troubled, "POST", "/audio/voices", data={"name": new_name()}, files=sample)
        envelope(answer, 507)
    assert len(troubles(troubled)) == begun + 1
    assert not [line for line in troubled.lines() if "exception" in line]
    json_of(call(troubled, "POST", "/audio/transcriptions", data={"model": "tone"}, files=upload))
    clone(troubled, short())


def test_no_descriptors(troubled: Server) -> None:
    """When there are no descriptors left the log says so, once; when there are again, requests are served."""
    used = len(list(Path(f"/proc/{troubled.process.pid}/fd").iterdir()))

    def told() -> int:
        return len([line for line in troubled.lines() if line["event"].startswith("no file descriptors")])

    with limited(troubled, resource.RLIMIT_NOFILE, used + 10), ExitStack() as clients:
        for _ in range(40):
            clients.enter_context(socket.create_connection(("127.0.0.1", troubled.port), TIMEOUT))
        wait_until(lambda: told() > 0, "the log tells it")
    assert told() == 1
    wait_until(lambda: speak(troubled, "low").status_code == 200, "it speaks")


def test_a_library_with_a_bug(troubled: Server) -> None:
    """What an engine's library raises is in the log, and not in the answer, before the first sound and after."""
    for fields in ({}, {"stream_format": "sse"}):
        answer = speak(troubled, "tone-1", "[fault]", model="tone", **fields)
        assert "KeyError" not in envelope(answer, 500)["message"]
    late = speak(troubled, "tone-1", "one two. " * 30 + "[fault]", model="tone", stream_format="sse")
    assert late.status_code == 200
    assert not INTERNALS.search(late.text.rpartition("data: ")[2])
    assert [line for line in troubled.requests() if "KeyError: 3" in line.get("error", "")]


def test_a_rotted_recording(troubled: Server) -> None:
    """A voice whose recording has rotted is a fault of the server's, told as that, and the other voices speak."""
    voice = clone(troubled, short())
    for path in (troubled.folder / "data" / "voices" / "profiles" / voice["id"]).rglob("*"):
        if path.is_file():
            path.write_bytes(b"rotten" * 100)
    call(troubled, "DELETE", f"/voicebox/profiles/{voice['id']}/cache")

    assert envelope(speak(troubled, voice["id"]), 500)["code"] == "recording_damaged"
    sample = json_of(call(troubled, "GET", f"/voicebox/profiles/{voice['id']}"))["samples"][0]["id"]
    cut = call(troubled, "POST", f"/voicebox/profiles/{voice['id']}/samples/{sample}/trim", json={"end": 2.0})
    assert envelope(cut, 500)["code"] == "recording_damaged"
    assert pcm(troubled, "low")
    json_of(call(troubled, "DELETE", f"/audio/voices/{voice['id']}"))


def test_a_locked_database(troubled: Server) -> None:
    """While another program holds the database a custom voice is 503 with a time to come back, as is a new
    voice; an engine's voice speaks, and says that custom ones are out of reach.
    """
    voice = clone(troubled, short())
    pcm(troubled, voice["id"])
    with sqlite3.connect(troubled.folder / "data" / "voices.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            envelope(speak(troubled, voice["id"]), 503)
        sample = {"audio_sample": ("a.flac", male())}
        envelope(call(troubled, "POST", "/audio/voices", data={"name": new_name()}, files=sample), 503)
        assert pcm(troubled, "low")
        other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: speak(troubled, voice["id"]).status_code == 200, "it speaks again")


def test_a_client_that_leaves_in_its_upload(troubled: Server) -> None:
    """A client that leaves while it sends is counted as gone, with the status that proxies use, and as no 400."""
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'
    )

    def gone() -> list[dict[str, Any]]:
        return [line for line in troubled.requests() if line["status"] == 499]

    begun = len(gone())
    with socket.create_connection(("127.0.0.1", troubled.port), TIMEOUT) as client:
        client.sendall(head.encode())
    wait_until(lambda: len(gone()) > begun, "its line is written")
    assert gone()[-1]["outcome"] == "client_gone"
    counts = httpx.get(f"{troubled.url}/metrics", timeout=TIMEOUT).text
    assert re.search(r'voicebox_requests_total\{[^}]*outcome="client_gone"[^}]*status="499"', counts)


def test_a_websocket(troubled: Server) -> None:
    """A WebSocket is refused as any other route that is not there, and the log advises nothing."""
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    answer = httpx.get(f"{troubled.base_url}/realtime", headers=upgrade, timeout=TIMEOUT)
    envelope(answer, 404)
    assert not [line for line in troubled.lines() if line.get("source") == "uvicorn.error"]


def test_a_damaged_key_file(tmp_path: Path) -> None:
    """When the key file is damaged while the server runs, requests are 500 in the envelope, and the log says why
    in one line; when it is mended, keys are valid again. Without a key nobody learns of processes or paths.
    """
    file = tmp_path / "data" / KEYS_FILE
    secret = KeyStore(file).create("anna", None)[1]
    with running(tmp_path) as server:
        good = file.read_bytes()
        file.write_bytes(b'{"keys": [')
        for _ in range(3):
            assert envelope(call(server, "GET", "/models", secret), 500)["code"] == "keys_unreadable"
        file.write_bytes(good)
        json_of(call(server, "GET", "/models", secret))
        assert len(troubles(server)) == 1
        assert not [line for line in server.lines() if "exception" in line]
        shown = {
            key: httpx.get(f"{server.url}/health", headers=key_header(key)).json()
            for key in ("", secret, "no")
        }
        for key, health in shown.items():
            assert health["status"] == "ok"
            assert health["engines"]["espeak"]["ready"]
            workers = health["engines"]["espeak"]["workers"]
            assert [worker["pid"] is not None for worker in workers] == [key == secret] * len(workers)


def key_header(key: str) -> dict[str, str]:
    """Return the header of a key, if there is one."""
    return {"authorization": f"Bearer {key}"} if key else {}


def test_health_behind_a_proxy(troubled: Server) -> None:
    """Without keys only who is on this machine learns of processes; whom a proxy stands for does not."""
    near = httpx.get(f"{troubled.url}/health").json()["engines"]["mimic"]["workers"]
    far = httpx.get(f"{troubled.url}/health", headers={"x-forwarded-for": "203.0.113.9"}).json()
    assert near[0]["pid"]
    assert far["engines"]["mimic"]["workers"][0]["pid"] is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"origin": "http://["}, 403), ({"host": "["}, 400), ({"content-type": "multipart/form-data; boundary=\xff".encode("latin-1")}, 400)],
)  # fmt: skip
def test_odd_headers(troubled: Server, headers: dict[str, Any], status: int) -> None:
    """A header that cannot be understood is refused like a wrong one."""
    answer = httpx.post(
        f"{troubled.base_url}/audio/transcriptions", headers=headers, content=b"x", timeout=TIMEOUT
    )
    envelope(answer, status)


@pytest.mark.parametrize(
    "part",
    [
        b'Content-Disposition: form-data; name="file"; filename="caf\xe9.wav"\r\n\r\nRIFF',
        b'Content-Disposition: form-data; name="file"; no-such-thing\r\n: \xff\r\n\r\nRIFF',
        b'Content-Disposition: form-data; name="prompt"\r\nContent-Type: text/plain; charset=no-such\r\n\r\nx',
        b'Content-Disposition: form-data; name="include[]"\r\n\r\n' + b"[" * 100_000,
        b'Content-Disposition: form-data; name="timestamp_granularities"\r\n\r\n' + b"[" * 100_000,
    ],
)
def test_odd_forms(troubled: Server, part: bytes) -> None:
    """Names in Latin-1, charsets that nobody knows, and lists without end are a mistake at most, told in our words."""
    body = (
        b"--x\r\n"
        + part
        + b'\r\n--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ntone\r\n--x--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = httpx.post(
        f"{troubled.base_url}/audio/transcriptions", headers=headers, content=body, timeout=TIMEOUT
    )
    error = envelope(answer, 400)
    assert "codec" not in error["message"]
    assert json.dumps(error)
