"""The first and last thing a request meets: its id, the guards, and the log line.

Plain ASGI around the whole application, so that it holds for every answer: unknown routes, refusals and
broken streams included. An error before the answer has started becomes OpenAI's envelope. After that nothing
can be said any more: the body is left unfinished, and the server breaks the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from structlog.typing import FilteringBoundLogger

from compat.errors import Refusal, SlowBody, TooLarge, refusal, unexpected
from engines.errors import SpeechError
from gateway.http import urls
from gateway.http.drain import Drain
from gateway.observability import request_log
from gateway.security import cors
from gateway.security.auth import Authenticator
from gateway.security.hosts import HostGuard
from streaming.http.response import ClientStalled, Message, Receive, Send

App = Callable[[Any, Any, Any], Any]
PROBES = frozenset({"/health", "/livez", "/readyz"})
UNCOUNTED = PROBES | {"/metrics"}
LEFTOVER_SECONDS = 20.0
"""how long the rest of a body that was refused for its length is still read, so that the client hears why"""


class RequestMiddleware:
    """Wraps the application; see the module."""

    def __init__(
        self,
        app: App,
        *,
        hosts: HostGuard,
        auth: Authenticator,
        drain: Drain,
        log: FilteringBoundLogger,
        body_timeout: float,
        ended: Callable[[request_log.RequestLog, Mapping[bytes, bytes]], None] = lambda _record, _headers: (
            None
        ),
    ) -> None:
        self._ended = ended
        self._app = app
        self._hosts = hosts
        self._auth = auth
        self._drain = drain
        self._log = log
        self._body_timeout = body_timeout

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or pass the lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._body_timeout)
        self._drain.enter()
        try:
            await self._serve(exchange)
        finally:
            self._drain.leave()
            self._write_line(exchange)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            self._check(exchange)
            if cors.is_preflight(exchange.method, exchange.headers):
                await exchange.answer_preflight()
            else:
                await self._app(exchange.inner_scope(), exchange.receive, exchange.send)
        except asyncio.CancelledError:
            exchange.record.outcome = "broken"
            raise
        except (
            Exception
        ) as exc:  # the last line of defence: whatever it is, the client gets an answer or a broken end
            await self._answer_failure(exchange, exc)

    def _check(self, exchange: Exchange) -> None:
        origin = exchange.header(b"origin")
        if origin is not None and self._hosts.known_origin(origin):
            exchange.extra = cors.allowing(origin)
        self._hosts.check(exchange.header(b"host"), origin)
        exchange.record.key = self._auth.check(exchange.path, exchange.method, exchange.headers)
        if exchange.path not in PROBES:
            self._drain.check()

    async def _answer_failure(self, exchange: Exchange, exc: Exception) -> None:
        cause = exc.__cause__ or exc if exchange.started else exc  # Litestar wraps what fails after the start
        exchange.record.error = f"{type(cause).__name__}: {cause}" + (
            f" ({cause.__cause__!r})" if cause.__cause__ else ""
        )
        if not isinstance(cause, SpeechError | ClientStalled):
            self._log.error("unexpected failure", request=exchange.record.id, exc_info=cause)
        if exchange.started:
            if not isinstance(cause, ClientStalled):
                exchange.record.outcome = "broken"
            return
        if isinstance(cause, TooLarge):
            await exchange.read_leftover()
        await exchange.answer(refusal(cause) if isinstance(cause, SpeechError) else unexpected())

    def _write_line(self, exchange: Exchange) -> None:
        line = exchange.record.line()
        quiet = exchange.path in PROBES and exchange.record.outcome == "ok"
        (self._log.debug if quiet else self._log.info)("request", **line)
        if exchange.path not in UNCOUNTED:
            self._ended(exchange.record, exchange.headers)


class Exchange:
    """One request and its answer, with what the answer must carry."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send, body_timeout: float) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_timeout = body_timeout
        self._body_begun = self._body_whole = False
        self.method: str = scope["method"]
        self.path = urls.canonical(scope["path"])
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.record = request_log.RequestLog(self.method, scope["path"])
        self.extra: list[tuple[bytes, bytes]] = []
        self.started = False

    def header(self, name: bytes) -> str | None:
        """Take a request header by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def inner_scope(self) -> dict[str, Any]:
        """Make the scope the application sees: canonical path; HEAD as GET, the server drops the body."""
        method = "GET" if self.method == "HEAD" else self.method
        return {
            **self._scope,
            "path": self.path,
            "raw_path": self.path.encode(),
            "method": method,
            request_log.KEY: self.record,
        }

    async def receive(self) -> Message:
        """Give the next part of the request; a body that stops coming is given up. Raises SlowBody."""
        self._body_begun = True
        message: Message
        if self._body_whole:
            message = await self._receive()
            return message
        try:
            message = await asyncio.wait_for(self._receive(), self._body_timeout)
        except TimeoutError as exc:
            raise SlowBody(f"The body stopped coming for {self._body_timeout:g} seconds.") from exc
        self._body_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.started = True
            self.record.status = message["status"]
            self.record.first_byte = time.monotonic()
            message["headers"] = [*message.get("headers", ()), *self._own_headers()]
        await self._send(message)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        spent = round(1000 * (time.monotonic() - self.record.began))
        return [
            (b"x-request-id", self.record.id.encode()),
            (b"openai-processing-ms", b"%d" % spent),
            (b"openai-version", b"2020-10-01"),
            *((name.encode(), value.encode()) for name, value in self.record.limits.items()),
            *self.extra,
        ]

    async def answer(self, refused: Refusal) -> None:
        """Answer with an error."""
        self.record.outcome = "failed" if refused.status >= 500 else "refused"
        body = msgspec.json.encode(refused.body)
        told = {name: value for name, value in refused.headers.items() if name not in self.record.limits}
        headers = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def answer_preflight(self) -> None:
        """Answer a browser's preflight; an origin that was not let in never gets here."""
        headers = cors.preflight(self.headers)
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})

    async def read_leftover(self) -> None:
        """Read the rest of a refused body away, within bounds, lest the client see a reset instead of the
        answer.
        """
        if self.headers.get(b"expect", b"").lower() == b"100-continue" and not self._body_begun:
            return
        try:
            async with asyncio.timeout(LEFTOVER_SECONDS):
                while not self._body_whole and (await self.receive())["type"] == "http.request":
                    pass
        except (TimeoutError, SlowBody):
            return
