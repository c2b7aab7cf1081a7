"""HTTP/1.1 as uvicorn speaks it, with the rules of framing that it leaves out.

A request's head is bounded in size and time. What stands behind a body's last chunk (trailers) is dropped and
bounded, never taken for headers. A request has exactly one Host and one of each header that says who calls.
What is not HTTP is answered in OpenAI's envelope like every other mistake; but never into the middle of an
answer that has begun: then the connection ends behind that answer. A client of HTTP/1.0 gets no chunks, and
whoever offers another protocol gets its answer in this one.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from compat.errors import Envelope, ErrorBody
from gateway.http.media_types import JSON_UTF8
from gateway.http.unframed import unframed
from gateway.http.upgrades import PlainParser
from gateway.observability.request_log import new_request_id
from gateway.security.hosts import is_host

HEADER_OVERHEAD = 4
"""bytes that a header takes beside its name and value"""
TRAILER_BYTES = 8192
"""the most that may stand behind the last chunk of a body, as it is sent"""
MOST_TRAILERS = 64
FRAMING_BYTES = 16_384
"""the most that may stand around a body's chunks: extensions, which nobody reads, and trailers"""
CHUNK_OVERHEAD = 24
"""bytes of a chunk that are no extension: its size in hexadecimal digits and two line ends"""
VERSIONS = ("1.0", "1.1")
ONCE = frozenset({b"host", b"authorization", b"x-api-key", b"api-key", b"origin"})
"""headers that decide who may do what: two of one could be read differently by a proxy and by us"""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on what surrounds a request; `bounded` sets them."""

    head_bytes = 65_536
    head_timeout = 60.0
    _head_received = 0
    """bytes since the last request ended"""
    _head_size = 0
    """bytes of the headers that were parsed"""
    _in_head = True
    _head_begun = False
    """whether a byte of a head has come that is no empty line"""
    _ended_chunks = False
    """whether the last that came of a body was the head of a chunk: behind the last one stand the trailers"""
    _trailer_received = 0
    """bytes since the head of the last chunk"""
    _trailer_size = 0
    """bytes of the trailers that were parsed"""
    _trailers = 0
    _framing_received = 0
    """bytes of a body that belong to no chunk, counted from the first piece behind the head's"""
    _refused = False
    """whether nothing more of this connection is read"""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self.parser = PlainParser(self)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse some bytes. Too many before a head or behind the last chunk has ended are refused."""
        if self._refused or self.transport.is_closing():
            return
        # The last piece may hold the end of the head, and a body: only what came before it is counted.
        if self._in_head and self._head_received > self.head_bytes:
            self._refuse_head()
            return
        if self._ended_chunks and self._trailer_received > TRAILER_BYTES:
            self._refuse_trailers()
            return
        self._head_received += len(data)
        self._trailer_received += len(data)
        in_body = not self._in_head
        self._framing_received += len(data)
        super().data_received(data)
        if not in_body or self._in_head:
            self._framing_received = 0
        elif self._framing_received > FRAMING_BYTES:
            self._refuse_framing()
        self._framing_received = max(0, self._framing_received)
        if not (self._head_begun or self._is_answering() or self._timer) and self._in_head:
            self._wait_for_another()

    # What the parser calls...

    def on_message_begin(self) -> None:
        """Note that a head begins. It has to come in time, unless an answer keeps its client from sending."""
        self._in_head = self._head_begun = True
        self._head_size = self._trailers = self._trailer_size = 0
        if not self._is_answering():
            self._start_timer()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; count a trailer, and drop it."""
        if self._refused:
            return
        size = len(name) + len(value) + HEADER_OVERHEAD
        if not self._in_head:
            self._trailers += 1
            self._trailer_size += size
            if self._trailers > MOST_TRAILERS or self._trailer_size > TRAILER_BYTES:
                self._refuse_trailers()
            return
        self._head_size += size
        if self._head_size > self.head_bytes:
            self._refuse_head()
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request whose head has ended, if it has the headers that it must have."""
        if not self._refused:
            self._check_head()
        self._in_head = self._head_begun = self._ended_chunks = False
        self._stop_timer()
        if not self._refused:
            super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Note that a chunk begins. Nothing of it has come; if it is the last one, nothing ever will."""
        self._ended_chunks = True
        self._trailer_received = 0
        self._framing_received -= CHUNK_OVERHEAD

    def on_body(self, body: bytes) -> None:
        """Give a request some of its body."""
        self._ended_chunks = False
        self._framing_received -= len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request has ended: what comes next is the head of another."""
        if self.parser.should_upgrade():
            return  # only its head has ended: what stands behind that is parsed anew
        self._in_head = True
        self._head_begun = self._ended_chunks = False
        self._head_received = 0
        self._stop_timer()
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give the client its time for the rest of what it has begun to send."""
        super().on_response_complete()
        if self._head_begun or not self._in_head:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer a request."""
        if cycle.scope["http_version"] == "1.0":
            app = unframed(cycle, app)
        super()._start_asgi_task(cycle, app)

    # What is refused...

    def _check_head(self) -> None:
        """Refuse a head that has not what it must have; read the host out of an absolute URI."""
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            message = f"This server speaks HTTP/1.1 and HTTP/1.0, not HTTP/{version}."
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, message)
        elif wrong := self._wrong_headers() or self._wrong_target():
            self._refuse(HTTPStatus.BAD_REQUEST, wrong)

    def _wrong_target(self) -> str | None:
        """Return what is wrong with the request's target, None where nothing is.

        The host of an absolute URI takes the place of the header (RFC 9112, 3.2.2).
        """
        if self.url.startswith(b"/") or self.url == b"*" or self.parser.get_method() == b"CONNECT":
            return None
        try:
            parts = urlsplit(self.url.decode("latin-1"))
        except ValueError:
            return "The URI of the request is none."
        if parts.scheme not in ("http", "https") or not parts.netloc or not is_host(parts.netloc):
            return "The URI of the request is neither a path nor the URL of a server."
        self.headers[:] = [(name, value) for name, value in self.headers if name != b"host"]
        self.headers.append((b"host", parts.netloc.encode("latin-1")))
        query = f"?{parts.query}" if parts.query else ""
        self.url = f"{parts.path or '/'}{query}".encode("latin-1")
        return None

    def _wrong_headers(self) -> str | None:
        """Return what is wrong with the headers of a request, None where nothing is (RFC 9112, 3.2)."""
        names = [name for name, _ in self.headers]
        if names.count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            return f"A request of HTTP/1.1 has one Host header; this one has {names.count(b'host')}."
        if any(name == b"host" and not is_host(value.decode("latin-1")) for name, value in self.headers):
            return "The Host header is no host name or address, with a port or without."
        twice = next((name for name in sorted(ONCE) if names.count(name) > 1), None)
        return f"The header `{twice.decode()}` is there more than once." if twice else None

    def _refuse_head(self) -> None:
        message = f"The head of the request is over {self.head_bytes} bytes."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse_trailers(self) -> None:
        message = f"There is more than {TRAILER_BYTES} bytes or {MOST_TRAILERS} fields behind the body."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse_framing(self) -> None:
        message = f"There is more than {FRAMING_BYTES} bytes around the chunks of the body."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer with an error and close; where another answer is under way, close behind that one."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_timer()
        if self._is_answering() and (self._in_head or self.cycle.response_started or self.pipeline):
            self.cycle.keep_alive = False
            return
        body = msgspec.json.encode(Envelope(ErrorBody(message, "invalid_request_error")))
        head = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"content-type: {JSON_UTF8.decode()}",
            f"content-length: {len(body)}",
            f"x-request-id: {new_request_id()}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        """Return whether a request is waiting for its answer, or for the rest of it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_another(self) -> None:
        """Wait for the next request as long as after an answer: an empty line is no beginning of one."""
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_timeout, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """End a connection whose head, or whose rest of an answered request, did not come in time."""
        self._timer = None
        if self._is_answering():
            return
        if not self._in_head:
            self.transport.close()
            return
        seconds = f"{self.head_timeout:g} seconds"
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The head of the request did not come within {seconds}.")


def bounded(head_bytes: int, head_timeout: float) -> type[BoundedProtocol]:
    """Return a protocol class with limits: bytes of a request's head, and seconds in which it has to come."""
    return type("Bounded", (BoundedProtocol,), {"head_bytes": head_bytes, "head_timeout": head_timeout})
