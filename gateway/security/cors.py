"""Cross-origin answers for browsers, when the settings let any origin in."""

from __future__ import annotations

from collections.abc import Mapping

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
EXPOSED = (
    "x-request-id, retry-after, x-voicebox-engine, x-voicebox-voice, x-voicebox-ignored, x-voicebox-mapped"
)


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether the browser only asks for leave."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def allowing(origin: str) -> list[tuple[bytes, bytes]]:
    """Make the headers that every answer to an allowed origin carries."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", EXPOSED.encode()),
        (b"vary", b"Origin"),
    ]


def preflight(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Make the headers of a preflight's answer; what is asked for is echoed, since `*` leaves out
    Authorization.
    """
    asked = headers.get(b"access-control-request-headers", b"authorization, content-type")
    return [
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"600"),
    ]
