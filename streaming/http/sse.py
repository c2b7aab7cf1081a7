"""Server-sent events as OpenAI frames them: `data:` lines only, CRLF, an empty line behind each record,
`[DONE]` last.

No `event:`, `id:` or `retry:` lines: the Python SDK dies on records without data.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

BLOCK = 4096
"""bytes of audio in one delta at most, as upstream cuts them"""
DONE = b"data: [DONE]\r\n\r\n"


def event(payload: msgspec.Struct | dict[str, object]) -> bytes:
    """Frame one event."""
    return b"data: " + msgspec.json.encode(payload) + b"\r\n\r\n"


def error_event(error: msgspec.Struct) -> bytes:
    """Frame an error in the one form that the SDKs raise on: an object under `error`."""
    return event({"error": error})


def blocks(data: bytes) -> Iterator[bytes]:
    """Cut bytes into blocks of at most 4096."""
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]
