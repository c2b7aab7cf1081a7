"""Requests that offer another protocol: they are answered as if they did not (RFC 9110, 7.8).

Java's HttpClient offers HTTP/2 with its first request, whatever that holds. The parser takes all that stands
behind the head of such a request for the other protocol, its body too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FRAMING = frozenset({b"content-length", b"transfer-encoding"})
"""headers that say where a body ends"""


class PlainParser(httptools.HttpRequestParser):
    """uvicorn's parser for a protocol that is never left: behind an offer, a new one reads on.

    `callbacks` are told of what is found in the place of the protocol.
    """

    def __init__(self, protocol: HttpToolsProtocol, callbacks: BehindHead | None = None) -> None:
        super().__init__(callbacks or protocol)
        # as uvicorn has it: a request that says `Connection: close` may have others behind it
        self.set_dangerous_leniencies(lenient_data_after_close=True)
        self._protocol = protocol

    def feed_data(self, data: bytes | bytearray | memoryview | array[int]) -> None:
        """Parse some bytes. Raises HttpParserError."""
        parser, rest = self, data
        while True:
            try:
                httptools.HttpRequestParser.feed_data(parser, rest)
            except httptools.HttpParserUpgrade as exc:
                rest = memoryview(rest)[exc.args[0] :]
                parser = self._protocol.parser = PlainParser(self._protocol, BehindHead(self._protocol))
                parser.feed_data(_head(self._protocol.headers))
            else:
                return


class BehindHead:
    """Passes on to a protocol what a parser finds behind the first head, which the protocol has already."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._is_behind = False

    def on_message_begin(self) -> None:
        """Pass on that a message begins."""
        if self._is_behind:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Pass on some of a URL."""
        if self._is_behind:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Pass on a header, or a trailer."""
        if self._is_behind:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass on that a head has ended."""
        if self._is_behind:
            self._protocol.on_headers_complete()
        self._is_behind = True

    def on_chunk_header(self) -> None:
        """Pass on that a chunk begins."""
        self._protocol.on_chunk_header()  # type: ignore[attr-defined]

    def on_body(self, body: bytes) -> None:
        """Pass on some of a body."""
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        """Pass on that a message has ended."""
        self._protocol.on_message_complete()


def _head(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request that has the same body as one with these headers, and offers nothing."""
    framing = [b"%s: %s\r\n" % header for header in headers if header[0] in FRAMING]
    return b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n"])
