"""A response whose body is sent while it is made: one ASGI application that owns its generator of chunks.

Rules. Headers wait for the first chunk, so whatever fails before it is still an error with a status of its
own. A disconnect of the client cancels the work at any time. The generator is closed however the response
ends, here and not by the garbage collector. A failure after the first chunk is raised with the body left
open: the server then breaks the connection, which is the only honest end of half an audio file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any

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
        self._sending_since: float | None = None
        """when the message was given to the server that it has not taken yet, by time.monotonic"""
        self._stalled = False
        self._clock: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Send the response. Raises what the chunks raise, and ClientStalled."""
        async with aclosing(self._chunks):
            ending = asyncio.timeout(None)
            listening: asyncio.Task[None] | None = None
            try:
                async with ending:
                    listening = asyncio.create_task(self._end_on_disconnect(receive, ending))
                    self._end_on_stall(ending)
                    await self._send_all(send)
            except TimeoutError:
                if not ending.expired():
                    raise
            finally:
                if listening:
                    listening.cancel()
                if self._clock:
                    self._clock.cancel()
        if self._stalled:
            raise ClientStalled(f"the client took no bytes for {self._send_timeout:g} s")

    async def _send_all(self, send: Send) -> None:
        started = False
        async for chunk in self._chunks:
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self._raw_headers()})
                started = True
            if chunk:
                await self._send_watched(
                    send, {"type": "http.response.body", "body": chunk, "more_body": True}
                )
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": self._raw_headers()})
        self._complete = True
        await self._send_watched(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_watched(self, send: Send, message: Message) -> None:
        """Send a message, which `_end_on_stall` ends where the client takes nothing."""
        self._sending_since = time.monotonic()
        await send(message)
        self._sending_since = None

    def _end_on_stall(self, ending: asyncio.Timeout) -> None:
        """End the response once one message waits for the client as long as it may.

        One clock for the whole response: a time limit for each message costs more than to send it.
        """
        loop = asyncio.get_running_loop()
        waited = 0.0 if self._sending_since is None else time.monotonic() - self._sending_since
        if waited < self._send_timeout:
            self._clock = loop.call_later(self._send_timeout - waited, self._end_on_stall, ending)
            return
        self._stalled = True
        self._on_disconnect()
        ending.reschedule(loop.time())

    def _raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]

    async def _end_on_disconnect(self, receive: Receive, ending: asyncio.Timeout) -> None:
        while True:
            try:
                if (await receive())["type"] == "http.disconnect":
                    break
            except Exception:  # whatever breaks the rest of a request, its answer goes on to its end
                await asyncio.sleep(LISTEN_PAUSE)
        if not self._complete:  # a server reports a disconnect once all is sent, too
            self._on_disconnect()
            ending.reschedule(asyncio.get_running_loop().time())


class ClientStalled(Exception):
    """The client read no bytes for longer than the send timeout, and its response was given up."""
