"""The little of ASGI that a worker needs: read a body, send a response, wait until the client has left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class ClientDisconnected(Exception):
    """The client left."""


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes. Raises ClientDisconnected."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body. Raises ClientDisconnected."""
    return b"".join([chunk async for chunk in body_chunks(receive)])


async def wait_until_disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_start(send: Send, status: int, media_type: str, headers: Headers | None = None) -> None:
    """Send the status and the headers of a response."""
    fields = [(b"content-type", media_type.encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": fields})


async def send_chunk(send: Send, chunk: bytes) -> None:
    """Send a part of a response's body."""
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def send_end(send: Send) -> None:
    """Send the end of a response."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_json(send: Send, status: int, value: object) -> None:
    """Send a whole response of JSON."""
    await send_start(send, status, "application/json")
    await send({"type": "http.response.body", "body": msgspec.json.encode(value)})
