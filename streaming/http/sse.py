"""Server-sent events as OpenAI frames them: `data:` lines only, CRLF, an empty line behind each event,
`[DONE]` last.

No `event:`, `id:` or `retry:` lines: the Python SDK dies on events without data.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import msgspec

EVENT_STREAM = "text/event-stream; charset=utf-8"
"""the content type of a stream of events"""
BLOCK = 4096
"""bytes of audio in one delta at most, as upstream cuts them"""
DONE = b"data: [DONE]\r\n\r\n"


def event(payload: msgspec.Struct | dict[str, object]) -> bytes:
    """Frame one event."""
    return b"data: " + msgspec.json.encode(payload) + b"\r\n\r\n"


def error_event(error: msgspec.Struct) -> bytes:
    """Frame an error in the one form that the SDKs raise on: an object under `error`."""
    return event({"error": error})


async def with_error_event(
    events: AsyncGenerator[bytes, None], on_failure: Callable[[Exception], msgspec.Struct]
) -> AsyncGenerator[bytes, None]:
    """Yield `events`; if they fail after the first one, yield the error that `on_failure` returns, and end.

    Raises what `events` raises before the first one: until then an error can still have a status of its own.
    """
    started = False
    try:
        async with aclosing(events):
            async for framed in events:
                yield framed
                started = True
    except Exception as exc:  # the status has been sent: only an event can tell the client of any failure
        if not started:
            raise
        yield error_event(on_failure(exc))


def blocks(data: bytes) -> Iterator[bytes]:
    """Cut bytes into blocks of at most 4096."""
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]
