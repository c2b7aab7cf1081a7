"""A response whose body is sent while it is made: one ASGI application that owns its generator of chunks.

Rules. Headers wait for the first chunk, so whatever fails before it is still an error with a status of its
own. A disconnect of the client cancels the work at any time. The generator is closed however the response
ends, here and not by the garbage collector. A failure after the first chunk is raised with the body left
open: the server then breaks the connection, which is the only honest end of half an audio file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any

import anyio

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
"""returns the next Message; typed Any, since ASGI frameworks declare its type differently"""
Send = Callable[[Any], Awaitable[None]]
"""sends a Message"""

LISTEN_PAUSE = 1.0
"""seconds until the client is listened to again whose request broke"""


class StreamingResponse:
    """Send `chunks` as the response's body with the given type and headers.

    `send_timeout` is how many seconds a client may read no bytes; `on_disconnect` is called when it
    disconnects or has read none for so long.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        media_type: str,
        *,
        headers: Mapping[str, str],
        send_timeout: float,
        on_disconnect: Callable[[], None],
    ) -> None:
        self._chunks = chunks
        self._headers = {"content-type": media_type, "x-accel-buffering": "no", **headers}
        self._send_timeout = send_timeout
        self._on_disconnect = on_disconnect
        self._complete = False

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Send the response. Raises what the chunks raise, and ClientStalled."""
        failure: Exception | None = None
        async with aclosing(self._chunks), anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_on_disconnect, receive, tasks.cancel_scope)
            try:
                await self._send_all(send)
            except Exception as exc:  # raised below, outside the task group, which would wrap it
                failure = exc
            tasks.cancel_scope.cancel()
        if failure:
            raise failure

    async def _send_all(self, send: Send) -> None:
        started = False
        async for chunk in self._chunks:
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self._raw_headers()})
                started = True
            if chunk:
                await self._send_in_time(
                    send, {"type": "http.response.body", "body": chunk, "more_body": True}
                )
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": self._raw_headers()})
        self._complete = True
        await self._send_in_time(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_in_time(self, send: Send, message: Message) -> None:
        """Send a message. Raises ClientStalled, which nothing else that takes too long does."""
        with anyio.move_on_after(self._send_timeout) as scope:
            await send(message)
        if scope.cancelled_caught:
            self._on_disconnect()
            raise ClientStalled(f"the client took no bytes for {self._send_timeout:g} s")

    def _raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]

    async def _cancel_on_disconnect(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while True:
            try:
                if (await receive())["type"] == "http.disconnect":
                    break
            except Exception:  # whatever breaks the rest of a request, its answer goes on to its end
                await anyio.sleep(LISTEN_PAUSE)
        if not self._complete:  # a server reports a disconnect once all is sent, too
            self._on_disconnect()
            scope.cancel()


class ClientStalled(Exception):
    """The client read no bytes for longer than the send timeout, and its response was given up."""
