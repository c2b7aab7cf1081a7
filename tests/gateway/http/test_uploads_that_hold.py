"""Tests of uploads and imports by which one caller could stop the server for all: each is over soon, and holds
neither threads, memory, nor a place among the requests.
"""

from __future__ import annotations

import io
import itertools
import json
import socket
import struct
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest
from recordings import coded, piece
from servers import TIMEOUT, Server, running

CHUNKS = b"RIFF\xff\xff\xff\x7fWAVE" + b"junk\0\0\0\0" * 8_000_000
"""64 MB: each of eight million empty chunks is looked at before there is any sound"""
MEGABYTE = 1 << 20
NUMBERS = itertools.count()
BOUNDARY = "part"


def form(data: bytes, field: str = "file", **fields: str) -> bytes:
    """Return a multipart body with a file."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"; filename="a.wav"\r\n\r\n'
    return b"".join([*parts, head.encode(), data, f"\r\n--{BOUNDARY}--\r\n".encode()])


def send(server: Server, path: str, body: bytes, *, length: int | None = None) -> socket.socket:
    """Send a POST with a body, of which more is announced if `length` is given; the answer is not read."""
    connection = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
    head = (
        f"POST /v1{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"content-length: {len(body) if length is None else length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def transcribed(server: Server) -> httpx.Response:
    """Transcribe a short recording."""
    return httpx.post(
        f"{server.base_url}/audio/transcriptions",
        data={"model": "whisper-1"},
        files={"file": ("a.wav", coded(piece(5, 2)))},
        timeout=TIMEOUT,
    )


def test_uploads_whose_clients_leave(server: Server) -> None:
    """After six uploads of empty chunks whose clients leave, the next upload is heard."""
    body = form(CHUNKS, model="whisper-1")
    with ExitStack() as connections:
        for _ in range(6):
            connections.enter_context(send(server, "/audio/transcriptions", body))
    assert transcribed(server).status_code == 200


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that lets one request work at a time, and clones voices."""
    config = {"engines": {"mimic": {"enabled": True}}, "admission": {"streams": 1}}
    with running(tmp_path_factory.mktemp("narrow"), config) as server:
        yield server


def created(server: Server) -> str:
    """Create a cloned voice without a sample, and return its id."""
    body = {"name": f"Voice {next(NUMBERS)}", "voice_type": "cloned"}
    answer = httpx.post(f"{server.base_url}/voicebox/profiles", json=body, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    "path",
    [
        "/audio/voices", "/audio/voice_consents", "/audio/transcriptions", "/audio/translations",
        "/voicebox/profiles/import", "/voicebox/profiles/{id}/samples",
    ],
)  # fmt: skip
def test_bodies_that_are_awaited_hold_no_place(narrow: Server, path: str) -> None:
    """A request whose body has not come yet holds no place among those that may run at once."""
    path = path.format(id=created(narrow))
    body = form(coded(piece(5, 2)), name="x", model="whisper-1")
    with send(narrow, path, body[: len(body) // 2], length=len(body)):
        # it is read as far as it came: a request that began later is answered
        for _ in range(3):
            spoken = httpx.post(
                f"{narrow.base_url}/audio/speech", json={"model": "tts-1", "input": "Hi."}, timeout=TIMEOUT
            )
            assert spoken.status_code == 200, spoken.text


def peak_memory(pid: int) -> int:
    """Return the most bytes of a process that were resident at once since the last call of `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak(pid: int) -> None:
    """Begin to measure the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def bomb(samples: int, megabytes: int) -> bytes:
    """Return an archive of some hundred kilobytes whose samples are silence of so many megabytes each."""
    head = b"RIFF" + struct.pack("<I", megabytes * MEGABYTE - 8) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 8000, 16_000, 2, 16
    ) + b"data" + struct.pack("<I", megabytes * MEGABYTE - 44)  # fmt: skip
    names = [f"samples/{number}" for number in range(1, samples + 1)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = {"name": "Silence", "voice_type": "cloned", "samples": [{"file": name} for name in names]}
        archive.writestr("profile.json", json.dumps(manifest))
        for name in names:
            with archive.open(name, "w") as entry:
                entry.write(head)
                for _ in range(megabytes - 1):
                    entry.write(bytes(MEGABYTE))
    return file.getvalue()


@pytest.mark.parametrize("many", [True, False], ids=["many samples", "one sample"])
@pytest.mark.parametrize("at_once", [1, 4])
def test_imports_are_unpacked_to_disk(server: Server, at_once: int, many: bool) -> None:
    """An import takes a small part of the memory that its archive has unpacked, several at once too."""
    archive, unpacked = (bomb(20, 10), 200 * MEGABYTE) if many else (bomb(1, 250), 250 * MEGABYTE)
    assert len(archive) < MEGABYTE
    pid = server.process.pid

    def import_it() -> int:
        return httpx.post(
            f"{server.base_url}/voicebox/profiles/import",
            content=archive,
            headers={"content-type": "application/zip"},
            timeout=TIMEOUT,
        ).status_code

    answers: list[int] = []
    forget_peak(pid)
    before = peak_memory(pid)
    threads = [threading.Thread(target=lambda: answers.append(import_it())) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [400] * at_once, "a recording of hours is none of a voice"
    assert peak_memory(pid) - before < unpacked / 3
