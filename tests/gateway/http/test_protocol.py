"""Tests of requests below HTTP's semantics: heads are bounded in size and time, and refused in OpenAI's error
envelope.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from servers import Server, running

from gateway.security.keys import KeyStore


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


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that waits a moment only for what a client sends, with an engine that takes its time."""
    engines = {"pace": {"enabled": True, "options": {"rtf": 0.15}}, "tone": {"enabled": True, "workers": 1}}
    config = {"server": {"body_timeout": 0.3}, "engines": engines}
    with running(tmp_path_factory.mktemp("impatient"), config) as started:
        yield started


def test_an_incomplete_head_times_out(impatient: Server) -> None:
    """A connection that sends nothing, or half a head, is closed with a 408."""
    assert refusal(exchange(impatient, []))[0] == 408
    assert refusal(exchange(impatient, [b"GET /livez HT"]))[0] == 408


HEAD = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SPEECH = b'{"model":"tts-1","input":"One sentence. And another one.","response_format":"pcm"}'


def chunked(body: bytes, trailers: bytes) -> bytes:
    """Return a request with a chunked body, and trailers behind it."""
    framed = b"%x\r\n%s\r\n0\r\n" % (len(body), body)
    return HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + trailers + b"\r\n"


def test_trailers_are_no_headers(server: Server) -> None:
    """What stands behind a body is dropped: neither a key nor a host name counts there."""
    foreign = chunked(SPEECH, b"Host: evil.example\r\n")
    assert exchange(server, [foreign]).startswith(b"HTTP/1.1 200")
    own = foreign.replace(b"Host: localhost", b"Host: evil.example", 1)
    own = own.replace(b"0\r\nHost: evil.example", b"0\r\nHost: localhost", 1)
    assert refusal(exchange(server, [own]))[0] == 403


def test_a_key_in_a_trailer_is_none(tmp_path: Path) -> None:
    """A right key behind the body does not let a request in."""
    store = KeyStore(tmp_path / "data" / "keys.json")
    _, secret = store.create("anna", None)
    with running(tmp_path) as server:
        data = exchange(server, [chunked(SPEECH, b"Authorization: Bearer %s\r\n" % secret.encode())])
        assert refusal(data)[0] == 401


@pytest.mark.parametrize(
    "trailers",
    [b"X: " + b"a" * 9_000 + b"\r\n", b"X: y\r\n" * 65, b"X: " + b"a" * 4_000_000],
    ids=["long", "many", "without end"],
)
def test_trailers_are_bounded(server: Server, trailers: bytes) -> None:
    """Too many or too long trailers are refused as soon as that is known, whether the body was read or not."""
    pieces = [
        chunked(SPEECH, b"")[:-2],
        *[trailers[at : at + 60_000] for at in range(0, len(trailers), 60_000)],
    ]
    data = exchange(server, [*pieces, b"\r\n"])

    assert not data or b" 431 " in data.partition(b"\r\n")[0]
    assert httpx.get(f"{server.url}/livez").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nx-api-key: a\r\nX-API-Key: b\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_decides_is_said_once(server: Server, head: bytes) -> None:
    """A request without Host, with two of it, or with two keys is a 400: others could read it differently."""
    assert refusal(exchange(server, [head]))[0] == 400


def test_without_host_in_the_old_version(server: Server) -> None:
    """A request of HTTP/1.0 needs no Host."""
    assert exchange(server, [b"GET /livez HTTP/1.0\r\n\r\n"]).startswith(b"HTTP/1.1 200")


def test_many_small_headers_are_a_long_head(server: Server) -> None:
    """Headers count with what stands around them: tens of thousands of empty ones are over the limit."""
    head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 20_000 + b"\r\n"
    assert refusal(exchange(server, [head]))[0] == 431


def read_all(connection: socket.socket) -> bytes:
    """Read what comes until the other side closes."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


@pytest.mark.parametrize("behind", [b"\r\n", b"\r\n\r\n", b"GET /livez HT", b"\x00rubbish\r\n\r\n"])
def test_nothing_is_written_into_an_answer(impatient: Server, behind: bytes) -> None:
    """An empty line, half a head or rubbish behind a body waits until the answer is whole: nothing else is in it."""
    body = b'{"model":"pace","input":"%s","response_format":"pcm"}' % (b"Some words to say. " * 8)
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", impatient.port), 30) as connection:
        connection.sendall(request)
        start = connection.recv(1)  # the answer has begun
        connection.sendall(behind)
        head, _, answer = (start + read_all(connection)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    whole, ended, rest = answer.partition(b"\r\n0\r\n\r\n")
    assert ended, answer[-100:]
    assert b"HTTP/1.1" not in whole
    assert rest.startswith(b"HTTP/1.1 408") if behind.startswith(b"GET") else not rest


def test_no_chunks_in_the_old_version(server: Server) -> None:
    """A client of HTTP/1.0 gets a stream's audio without framing, and the connection's end behind it."""
    body = SPEECH.replace(b"tts-1", b"tone")
    whole = httpx.post(
        f"{server.base_url}/audio/speech", content=body, headers={"content-type": "application/json"}
    ).content
    old = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Expect: 100-continue\r\nConnection: keep-alive\r\n"
    data = exchange(server, [old + b"Content-Length: %d\r\n\r\n" % len(body) + body])
    head, _, audio = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()
    assert audio == whole


def test_a_stream_that_breaks_off_in_the_old_version(impatient: Server) -> None:
    """A client of HTTP/1.0 learns by a reset that its stream is not whole."""
    body = b'{"model":"tone","input":"[slow 0.2] One two three. [crash] four.","response_format":"pcm"}'
    old = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", impatient.port), 30) as connection:
        connection.sendall(old)
        first = connection.recv(12)
        if first.endswith(b"200"):  # otherwise nothing was sent before it broke
            with pytest.raises(ConnectionResetError):
                read_all(connection)


@pytest.mark.parametrize(
    "line", [b"GET /livez", b"GET /livez HTTP/2.0", b"GET /livez HTTP/0.9", b"GET / HTTP/9.9"]
)
def test_other_versions_are_refused(server: Server, line: bytes) -> None:
    """A request of a version that the server does not speak is a 505, or a 400 where that is no version."""
    status, _ = refusal(exchange(server, [line + b"\r\nHost: localhost\r\n\r\n"]))
    assert status in (400, 505)


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"http://evil.example/livez", b"localhost", 403),
        (b"http://localhost/livez", b"evil.example", 200),
        (b"http://localhost:8000/livez?a=b", b"localhost", 200),
        (b"HTTP://[::1]:8000/livez", b"localhost", 200),
        (b"http://evil.example@127.0.0.1/livez", b"localhost", 400),
        (b"ftp://localhost/livez", b"localhost", 400),
        (b"/livez", b"evil.example@127.0.0.1", 400),
        (b"/livez", b"127.0.0.1/evil.example", 400),
        (b"/livez", b"127.0.0.1#evil.example", 400),
        (b"/livez", b"[::1]:8000", 200),
    ],
)
def test_the_host_that_counts(server: Server, target: bytes, host: bytes, status: int) -> None:
    """The host of an absolute URI counts before the header, and neither may hold more than host and port."""
    head = b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    data = exchange(server, [head])
    assert int(data.split()[1]) == status, data


def test_extensions_of_chunks_are_bounded(server: Server) -> None:
    """What stands behind the sizes of chunks is refused once it is too much; many small chunks are not."""
    start = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    long = exchange(server, [start, *[b"1;" + b"a" * 60_000] * 40])
    assert not long or refusal(long)[0] == 431
    many = exchange(server, [start, *[b"1;" + b"a" * 600 + b"\r\n \r\n"] * 2_000])
    assert not many or refusal(many)[0] == 431

    small = b"".join(b"1\r\n%c\r\n" % byte for byte in b" " * 20_000 + SPEECH)
    data = exchange(
        server, [start, *[small[at : at + 5_000] for at in range(0, len(small), 5_000)], b"0\r\n\r\n"]
    )
    assert data.startswith(b"HTTP/1.1 200"), data[:300]


OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}
LAST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("offer", list(OFFERS))
def test_offers_of_another_protocol(server: Server, offer: str) -> None:
    """A request that offers another protocol, as Java's HttpClient does, is answered with its body, chunked or
    not, however it is cut; so are those behind it.
    """
    head = HEAD + OFFERS[offer]
    plain = head + b"Content-Length: %d\r\n\r\n" % len(SPEECH)
    chunks = head + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n0\r\nHost: evil.example\r\n\r\n" % (len(SPEECH), SPEECH)
    bare = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + OFFERS[offer] + b"\r\n"
    for pieces in (
        [plain + SPEECH + LAST],
        [plain, SPEECH[:20], SPEECH[20:] + LAST],
        [chunks + chunk + LAST],
        [chunks, chunk[:50], chunk[50:], LAST],
        [bare + LAST],
        [bare, LAST],
    ):
        data = exchange(server, pieces)
        assert data.count(b"HTTP/1.1 200") == 2, (pieces, data[:300])
    many = exchange(server, [bare * 2_000 + LAST])
    assert many.count(b"HTTP/1.1 200") == 2_001


def test_a_length_of_many_digits(server: Server) -> None:
    """Zeros that lead in the length of a body mean nothing, however many they are."""
    data = exchange(
        server,
        [HEAD + b"Connection: close\r\nContent-Length: %s%d\r\n\r\n" % (b"0" * 5_000, len(SPEECH)) + SPEECH],
    )
    assert data.startswith(b"HTTP/1.1 200"), data[:300]
