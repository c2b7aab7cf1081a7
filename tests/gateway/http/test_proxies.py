"""Tests of proxies before the server: whose word is believed, whom limits count, and URLs below a path."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, running, wait_until

from gateway.http.proxies import Forwarding, Proxies, caller_network

BEHIND = Proxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
FORWARDED, FOR = "forwarded", "x-forwarded-for"


def come(peer: str, **headers: str) -> Forwarding:
    """Return what is believed of a request that comes from an address with some headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return BEHIND.forwarding({"client": (peer, 1), "scheme": "http", "headers": raw})


@pytest.mark.parametrize(
    ("peer", "written", "caller"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, x" * 1000, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("fe80::1%eth0", "198.51.100.1", "fe80::1%eth0"),
    ],
)
def test_the_rightmost_that_is_not_trusted(peer: str, written: str, caller: str) -> None:
    """The caller is the right-most address that is no trusted proxy; what stands before it counts nothing."""
    assert come(peer, x_forwarded_for=written).address == caller


def test_the_standard_header() -> None:
    """Forwarded is read as its standard has it: quotes, several elements, the host and scheme of the caller."""
    way = 'for=198.51.100.1;host=evil.example, for="[2001:db8::1]:80";proto=https;host="speech.example", for=10.1.1.1'
    assert come("127.0.0.1", forwarded=way) == Forwarding("2001:db8::1", "https", "speech.example")
    assert come("127.0.0.1", forwarded='for="198.51.100.1').address == "127.0.0.1"
    assert come("127.0.0.1", x_forwarded_proto="https", x_forwarded_host="a.example") == Forwarding(
        "127.0.0.1", "https", "a.example"
    )


def test_two_headers_that_disagree() -> None:
    """Where one header contradicts the other, the caller wrote one of them: neither is believed."""
    both = {"forwarded": "for=198.51.100.1", "x_forwarded_for": "203.0.113.7"}
    assert come("127.0.0.1", **both).address == "127.0.0.1"
    assert come("127.0.0.1", **both | {"forwarded": "for=203.0.113.7"}).address == "203.0.113.7"


@given(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=200),
    st.sampled_from([FOR, FORWARDED]),
)
def test_nobody_becomes_another(written: str, header: str) -> None:
    """Whatever a caller writes before what its proxy adds, it stays who it is, or counts as the proxy."""
    added = {FOR: "203.0.113.7", FORWARDED: "for=203.0.113.7"}[header]
    raw = [(header.encode(), f"{written}, {added}".encode("latin-1"))]
    found = BEHIND.forwarding({"client": ("127.0.0.1", 1), "scheme": "http", "headers": raw})
    assert found.address in ("203.0.113.7", "127.0.0.1")


def test_one_caller_has_many_addresses() -> None:
    """All addresses of an IPv6 network of the size that one caller has count as one; of IPv4 each by itself."""
    assert caller_network("2001:db8:1:2::1") == caller_network("2001:db8:1:2:ffff::9")
    assert caller_network("2001:db8:1:2::1") != caller_network("2001:db8:1:3::1")
    assert caller_network("::ffff:192.0.2.1") == "192.0.2.1"


LIMITED: dict[str, Any] = {"engines": {"tone": {"enabled": True}}, "admission": {"requests_per_minute": 2}}
SPEECH = {"model": "tone", "input": "Hi.", "response_format": "pcm"}


def statuses(server: Server, count: int = 4) -> list[int]:
    """Speak a few times, each time with another address in the headers."""
    url = f"{server.base_url}/audio/speech"
    return [
        httpx.post(url, json=SPEECH, headers={"x-forwarded-for": f"203.0.113.{number}"}).status_code
        for number in range(count)
    ]


def test_addresses_in_headers_count_nothing(tmp_path: Path) -> None:
    """Without trusted proxies a caller cannot choose its own address: its limits hold."""
    with running(tmp_path, LIMITED) as server:
        assert statuses(server) == [200, 200, 429, 429]
        wait_until(lambda: len(server.requests()) == 4, "the log has all requests")
        assert {line.get("client") for line in server.requests() if line["status"] == 429} == {"127.0.0.1"}


def test_callers_behind_a_trusted_proxy(tmp_path: Path) -> None:
    """Behind a trusted proxy each caller has limits of its own, and the log tells its address."""
    with running(tmp_path, LIMITED | {"server": {"trusted_proxies": ["127.0.0.0/8"]}}) as server:
        assert statuses(server) == [200, 200, 200, 200]
        wait_until(
            lambda: "203.0.113.3" in {line.get("client") for line in server.requests()},
            "the log has the last caller's address",
        )


class Relay(http.server.BaseHTTPRequestHandler):
    """A proxy that shows a server below /voice."""

    protocol_version = "HTTP/1.1"
    port = 0
    strips = False

    def do_GET(self) -> None:
        """Pass a request on, and its answer back."""
        path = self.path.removeprefix("/voice") if self.strips else self.path
        upstream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"host": f"127.0.0.1:{self.port}", "x-forwarded-host": self.headers["host"]}
        upstream.request("GET", path or "/", headers=headers | {"x-forwarded-for": self.client_address[0]})
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def relay(server: Server, *, strips: bool) -> Iterator[str]:
    """Run a proxy before a server."""
    handler = type("Handler", (Relay,), {"port": server.port, "strips": strips})
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}/voice"
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()


@pytest.mark.parametrize("strips", [True, False])
def test_below_a_path(tmp_path: Path, strips: bool) -> None:
    """Below a path everything works whether the proxy takes the path away or not, and URLs that are told hold it."""
    base = {"server": {"trusted_proxies": ["127.0.0.1"], "base_path": "/voice/"}}
    with running(tmp_path, base) as server, relay(server, strips=strips) as url:
        told = httpx.get(f"{url}/").json()
        origin = url.removesuffix("/voice")
        assert httpx.get(origin + told["health"]).status_code == 200
        assert "swagger" in httpx.get(origin + told["schema"]).text.casefold()
        assert httpx.get(f"{url}/schema/openapi.json").json()["servers"] == [{"url": "/voice"}]
        assert httpx.get(f"{url}/v1/audio/voices").json()["voices"]
        made = httpx.post(
            f"{server.base_url}/voicebox/profiles",
            json={"name": "Anna", "preset_engine": "espeak", "preset_voice_id": "en-us"},
        ).json()
        picture = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
        path = f"{server.url}/voice/v1/voicebox/profiles/{made['id']}/avatar"
        shown = httpx.put(path, content=picture, headers={"content-type": "image/png"})
        assert shown.status_code == 200, shown.text
        assert httpx.get(origin + shown.json()["avatar"]).content == picture
