"""Unit tests of the guards: hosts, origins, binding, keys in headers, and paths."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

import pytest

import gateway.routes
from compat.errors import NotPermitted
from gateway.config.settings import AdmissionSettings, ServerSettings, Settings
from gateway.http import urls
from gateway.http.rate_limits import LocalRateLimiter
from gateway.observability.request_log import RequestLog
from gateway.security import auth, cors
from gateway.security.hosts import HostGuard, UnsafeBinding, check_binding


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.168.1.5", "app.localhost", "host.docker.internal:1",
     "LOCALHOST.", "speech.example:443"],
)  # fmt: skip
def test_own_hosts_pass(host: str) -> None:
    """Addresses, localhost and configured names pass."""
    HostGuard(["speech.example"], []).check(host, None)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "",
        "a b",
        "[::1",
        "evil.example@127.0.0.1",
        "127.0.0.1/evil",
    ],
)
def test_unknown_hosts_are_refused(host: str) -> None:
    """A host name that is not ours is refused: it may have been rebound to our address."""
    with pytest.raises(NotPermitted) as caught:
        HostGuard([], []).check(host, None)

    assert caught.value.status == 403


def test_origins() -> None:
    """Pages of this server's own origin and of those in the settings may call it, of no other."""
    guard = HostGuard([], ["app://obsidian.md"])

    guard.check("localhost:8000", "http://localhost:8000")
    guard.check("localhost:8000", "app://obsidian.md")
    for origin in ("http://evil.example", "null", "http://localhost:9999"):
        with pytest.raises(NotPermitted):
            guard.check("localhost:8000", origin)
    HostGuard([], ["*"]).check("localhost:8000", "null")


@pytest.mark.parametrize(
    ("host", "no_auth", "has_keys", "starts"),
    [("127.0.0.1", False, False, True), ("::1", False, False, True), ("localhost", False, False, True),
     ("0.0.0.0", False, False, False), ("::", False, False, False), ("192.168.1.5", False, False, False),
     ("0.0.0.0", True, False, True), ("0.0.0.0", False, True, True), ("speech.example", False, False, False)],
)  # fmt: skip
def test_binding_beyond_loopback(host: str, no_auth: bool, has_keys: bool, starts: bool) -> None:
    """Without keys the server listens beyond loopback only when `--no-auth` says so."""
    settings = Settings(server=ServerSettings(host=host, no_auth=no_auth))
    if starts:
        check_binding(settings, has_keys=has_keys)
    else:
        with pytest.raises(UnsafeBinding, match="--no-auth"):
            check_binding(settings, has_keys=has_keys)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({b"authorization": b"Bearer abc"}, "abc"),
        ({b"authorization": b"bearer  abc "}, "abc"),
        ({b"authorization": b"Bearer"}, None),
        ({b"authorization": b"Bearer "}, None),
        ({b"authorization": b"undefined"}, "undefined"),
        ({b"authorization": b"Basic " + base64.b64encode(b"user:abc")}, "abc"),
        ({b"x-api-key": b"abc"}, "abc"),
        ({b"api-key": b"abc"}, "abc"),
    ],
)
def test_keys_in_every_header(headers: dict[bytes, bytes], key: str | None) -> None:
    """The key is found in each header that clients use."""
    assert auth.find_secret(headers) == key


def test_keys_are_masked() -> None:
    """No error shows a whole key, nor most of a short one."""
    assert auth.masked("sk-vb-0123456789abcdef") == "sk-v***cdef"
    assert auth.masked("short") == "***"


@pytest.mark.parametrize(
    ("path", "route"),
    [("/v1/audio/speech", "/v1/audio/speech"), ("/audio/speech", "/v1/audio/speech"), ("/v1/v1/audio/speech/", "/v1/audio/speech"),
     ("/models/org/name", "/v1/models/org/name"), ("/readyz", "/readyz"), ("/v1/readyz", "/v1/readyz"), ("/", "/"), ("/v1/", "/v1"),
     ("//audio//speech", "/v1/audio/speech"), ("/v1/foo", "/v1/foo"), ("/foo", "/foo")],
)  # fmt: skip
def test_paths(path: str, route: str) -> None:
    """Every form of joining a base URL leads to the same route; the server's own paths stay where they are."""
    assert urls.canonical(path) == route


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("moz-extension://*", ["moz-extension://0a1b-2c"], ["chrome-extension://0a1b", "http://moz-extension"]),
        ("chrome-extension://*", ["chrome-extension://abcdef"], ["chrome-extension://a/b"]),
        ("http://localhost:*", ["http://localhost:3000"], ["http://localhost", "http://localhost.evil:1"]),
        ("https://*.example.com", ["https://a.b.example.com"], ["https://example.com", "https://evilexample.com"]),
        ("https://*", ["https://a.example", "https://a.example:8443"], ["http://a.example"]),
        ("https://App.example.com/", ["https://app.example.com"], ["https://appxexample.com"]),
        ("null", ["null"], ["https://null"]),
    ],
)  # fmt: skip
def test_patterns_of_origins(pattern: str, fits: list[str], others: list[str]) -> None:
    """A star in an origin of the settings stands for any host of a scheme, any subdomain, any port."""
    guard = HostGuard([], [pattern])
    assert all(guard.known_origin(origin) for origin in fits)
    assert not any(guard.known_origin(origin) for origin in others)


@pytest.mark.parametrize("origin", ["http://[", "https://[::1", "", "null", "\x00"])
def test_origins_that_are_none(origin: str) -> None:
    """What is no origin is refused like an unknown one, in words that name the setting."""
    with pytest.raises(NotPermitted, match=r"server\.cors_origins") as caught:
        HostGuard([], []).check("localhost", origin)
    assert caught.value.status == 403


def test_browsers_may_use_every_route() -> None:
    """A page of an allowed origin may use every method that some route has, and read every header of ours."""
    asked = {
        b"access-control-request-method": b"PUT",
        b"access-control-request-headers": b"x-voicebox-priority",
    }
    preflight = dict(cors.preflight_headers(asked))
    allowed = preflight[b"access-control-allow-methods"].decode().split(", ")
    routes = Path(gateway.routes.__file__).parent
    source = "".join(path.read_text() for path in routes.glob("*.py"))
    used = {name.upper() for name in re.findall(r"@(get|post|put|patch|delete)\(", source)}
    for listed in re.findall(r"http_method=\[([^\]]*)\]", source):
        used |= set(re.findall(r"[A-Z]+", listed))
    assert used == {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert used <= set(allowed)
    assert preflight[b"access-control-allow-headers"] == b"x-voicebox-priority"

    exposed = dict(cors.allowed_origin_headers("https://a.example"))[
        b"access-control-expose-headers"
    ].decode()
    bucket = AdmissionSettings(requests_per_minute=5, audio_seconds_per_minute=60.0)
    permit = asyncio.run(LocalRateLimiter(bucket).acquire("anna", "tts-1", 1.0))
    log_entry = RequestLog(
        "POST", "/", engine="e", voice="v", language="de", verify="w", ignored=["a"], mapped=["b"]
    )
    assert {*permit.headers, *log_entry.headers()} <= set(exposed.split(", "))
