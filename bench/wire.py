"""The cheapest client there is, since it shares the cores with what it measures: HTTP/1.1 by hand, on
asyncio's transports.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from bench.target import Target

Body = Callable[[bytes], None]
END = b"0\r\n\r\n"


class Chunks:
    """A parser that takes the framing off a chunked body."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._waiting = b""

    def feed(self, data: bytes) -> bool:
        """Pass the body on; return True at its end."""
        self._waiting += data
        while True:
            size, mark, rest = self._waiting.partition(b"\r\n")
            if not mark:
                return False
            length = int(size, 16)
            if length == 0:
                return rest.startswith(b"\r\n")
            if len(rest) < length + 2:
                return False
            self._body(rest[:length])
            self._waiting = rest[length + 2 :]


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._request = b""
        self._start = b""
        self._tail = b""
        self._chunks: Chunks | None = None
        self._done: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.status = 0
        self.head = b""
        """the answer's head, in lower case"""
        self.received = 0
        """bytes of its body, with their framing"""
        self.first = 0.0
        """when the first of them came, by time.perf_counter"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport of a new connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request: broken, unless all had come."""
        if self._done and not self._done.done():
            self._done.set_exception(ConnectionError("the connection broke off"))

    async def open(self) -> Connection:
        """Open a connection to the server."""
        parts = urlsplit(self._target.base_url)
        secure = parts.scheme == "https"
        loop = asyncio.get_running_loop()
        await loop.create_connection(
            lambda: self, parts.hostname or "", parts.port or (443 if secure else 80), ssl=secure or None
        )
        lines = [
            f"POST {parts.path}/audio/speech HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
        ]
        lines += [f"{name}: {value}" for name, value in self._target.headers().items()]
        self._request = "\r\n".join(lines).encode()
        return self

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until `resume`."""
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on reading."""
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def ask(self, fields: dict[str, object], body: Body | None = None) -> asyncio.Future[None]:
        """Send a request for speech; the future is done with the answer's last byte. `body` gets the body as
        it comes.
        """
        assert self._transport is not None  # noqa: S101 - opened
        data = json.dumps(fields).encode()
        self._start, self._tail, self._chunks = b"", b"", Chunks(body) if body else None
        self.status, self.head, self.received, self.first = 0, b"", 0, 0.0
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(self._request + b"\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        return self._done

    def data_received(self, data: bytes) -> None:
        """Parse bytes of the answer."""
        if not self.status:
            self._start += data
            self.head, mark, data = self._start.partition(b"\r\n\r\n")
            if not mark:
                return
            self.head = self.head.lower()
            self.status = int(self.head[9:12])
        if data:
            self.first = self.first or time.perf_counter()
            self.received += len(data)
            if self._ended(data) and self._done and not self._done.done():
                self._done.set_result(None)

    def _ended(self, data: bytes) -> bool:
        if b"\r\ntransfer-encoding: chunked" not in self.head:
            return True  # an error, which is short
        if self._chunks:
            return self._chunks.feed(data)
        self._tail = (self._tail + data)[-len(END) :]
        return self._tail == END


def speech(text: str, format: str, voice: str = "alloy", model: str = "tts-1") -> dict[str, object]:
    """Return the JSON body of a request for speech."""
    return {"model": model, "voice": voice, "input": text, "response_format": format}


async def fetched(target: Target, fields: dict[str, object]) -> bytes:
    """Send one request, and return the whole body. Raises ConnectionError when it is refused."""
    parts: list[bytes] = []
    connection = await Connection(target).open()
    await connection.ask(fields, parts.append)
    connection.close()
    if connection.status != 200:
        raise ConnectionError(f"status {connection.status}: {connection.head!r}")
    return b"".join(parts)
