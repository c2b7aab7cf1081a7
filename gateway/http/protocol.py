"""HTTP/1.1 as uvicorn speaks it, with limits on the head of a request: its size, and the time it takes.

uvicorn's httptools protocol has neither, and an application never sees a request whose head does not end.
What is not HTTP is answered in OpenAI's envelope like every other mistake.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from compat.errors import Envelope, ErrorBody
from gateway.observability.request_log import new_request_id


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on a request's head; `bounded` sets them."""

    head_bytes = 65_536
    head_timeout = 60.0
    _head_received = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse some bytes. Too many before the head has ended are refused."""
        if self._in_head:
            self._start_timer()
            self._head_received += len(data)
            # The last piece may hold the end of the head, and a body.
            if self._head_received > self.head_bytes + len(data):
                self._refuse_head()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        self._head_received = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head has ended, and check its size: what came with it may have been a body."""
        self._in_head = False
        self._stop_timer()
        if sum(len(name) + len(value) for name, value in self.headers) > self.head_bytes:
            self._refuse_head()
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request has ended: what comes next is the head of another."""
        self._in_head = True
        self._head_received = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse_head(self) -> None:
        message = f"The head of the request is over {self.head_bytes} bytes."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        if self.transport.is_closing():
            return
        body = msgspec.json.encode(Envelope(ErrorBody(message, "invalid_request_error")))
        head = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"x-request-id: {new_request_id()}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()

    def _start_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout, self._refuse_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_slow(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            f"The head of the request did not come within {self.head_timeout:g} seconds.",
        )


def bounded(head_bytes: int, head_timeout: float) -> type[BoundedProtocol]:
    """Return a protocol class with limits: bytes of a request's head, and seconds in which it has to come."""
    return type("Bounded", (BoundedProtocol,), {"head_bytes": head_bytes, "head_timeout": head_timeout})
