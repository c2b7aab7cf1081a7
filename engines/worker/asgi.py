"""The little of ASGI that a worker needs: read a body, send JSON, listen for the client's leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Gone(Exception):
    """The client left."""


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Give a request's body as it comes. Raises Gone."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)


async def whole_body(receive: Receive) -> bytes:
    """Read a request's body. Raises Gone."""
    return b"".join([chunk async for chunk in body_chunks(receive)])


async def until_gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def start(send: Send, status: int, media_type: str, headers: Headers | None = None) -> None:
    """Begin an answer."""
    fields = [(b"content-type", media_type.encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": fields})


async def more(send: Send, chunk: bytes) -> None:
    """Send a part of the answer's body."""
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def end(send: Send) -> None:
    """End the answer."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def json(send: Send, status: int, value: object) -> None:
    """Answer with JSON."""
    await start(send, status, "application/json")
    await send({"type": "http.response.body", "body": msgspec.json.encode(value)})
