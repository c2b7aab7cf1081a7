"""Answers to clients of HTTP/1.0, which know no chunks: the end of the connection is the end of a body."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

LINGER = "hh" if sys.platform == "win32" else "ii"
"""the layout of struct linger: whether to wait, and for how many seconds"""


def unframed(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """Return the application with answers that are not framed, where they do not say their length.

    An answer that breaks off is told from a whole one by a reset of the connection; nothing else can say so.
    """
    cycle.waiting_for_100_continue = False
    closes = False

    async def run(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def send_unframed(message: ASGISendEvent) -> None:
            nonlocal closes
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", [])}
                closes = b"content-length" not in names
                if closes:
                    cycle.chunked_encoding = False
            elif closes and message["type"] == "http.response.body":
                # uvicorn counts down what the answer said that would come; this one says nothing
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receive, send_unframed)
        finally:
            if closes and cycle.response_started and not cycle.response_complete:
                _reset(cycle.transport)

    return run


def _reset(transport: asyncio.Transport) -> None:
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER, 1, 0))
    transport.abort()
