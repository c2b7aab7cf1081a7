"""Cross-origin headers for browsers, where the settings allow any origin (CORS)."""

from __future__ import annotations

from collections.abc import Mapping

ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = b"authorization, content-type, x-api-key, api-key, x-voicebox-priority, x-voicebox-deadline"
"""what a request may have, where the browser does not say what it is going to send"""
EXPOSED_HEADERS = ", ".join(
    (
        "x-request-id",
        "openai-processing-ms",
        "retry-after",
        "content-disposition",
        "accept-ranges",
        "content-range",
        "etag",
        *(
            f"x-ratelimit-{what}-{kind}"
            for what in ("limit", "remaining", "reset")
            for kind in ("requests", "tokens")
        ),
        *(f"x-voicebox-{name}" for name in ("engine", "voice", "language", "verify", "ignored", "mapped")),
    )
)


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request is a browser's preflight."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def allowed_origin_headers(origin: str) -> list[tuple[bytes, bytes]]:
    """Return the headers that every response to an allowed origin carries."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        (b"vary", b"Origin"),
    ]


def preflight_headers(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers of the response to a preflight.

    The headers asked for are echoed, since `*` leaves out Authorization.
    """
    requested = headers.get(b"access-control-request-headers", ALLOWED_HEADERS)
    return [
        (b"access-control-allow-methods", ALLOWED_METHODS.encode()),
        (b"access-control-allow-headers", requested),
        (b"access-control-max-age", b"600"),
    ]
