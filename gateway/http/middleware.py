"""The middleware around the whole application: a request's id, the guards, error answers, and the log line.

Plain ASGI around the whole application, so that it holds for every answer: unknown routes, refusals and
broken streams included. An error before the answer has started becomes OpenAI's envelope. After that nothing
can be said any more: the body is left unfinished, and the server breaks the connection.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from structlog.typing import FilteringBoundLogger

from compat.errors import (
    NotPermitted,
    Refusal,
    SlowBody,
    TooLarge,
    WrongRoute,
    known_error,
    refusal,
    unexpected,
)
from gateway.http import urls
from gateway.http.bodies import Disconnected
from gateway.http.drain import Drain, going_away
from gateway.http.failures import FailureLog, in_words, unwrapped
from gateway.http.media_types import JSON_UTF8, with_charset
from gateway.http.proxies import Forwarding, Proxies
from gateway.observability import request_log
from gateway.observability.levels import request_level
from gateway.security import cors
from gateway.security.auth import Authenticator
from gateway.security.hosts import HostGuard
from streaming.http.response import ClientStalled, Message, Receive, Send

App = Callable[[Any, Any, Any], Any]
PROBES = frozenset({"/health", "/livez", "/readyz"})
"""answered while the server is closing, and logged at debug level unless they fail"""
STATES = "/v1/voicebox/models/"
"""below which the states of models are, logged at debug level likewise"""
UNCOUNTED = PROBES | {"/metrics"}
"""left out of metrics and traces"""
MOST_ORIGINS = 100
"""refused origins that are told in the log"""
LONGEST_ORIGIN = 200
LONGEST_PATH = 4096
"""bytes of a URL's path, and of its query"""
LEFTOVER_SECONDS = 20.0
"""for which the rest of a body that was refused for its length is still read, so that the client reads why"""


class RequestMiddleware:
    """Wraps the application. `ended` is called with each request's log entry and headers once it is over."""

    def __init__(
        self,
        app: App,
        *,
        hosts: HostGuard,
        auth: Authenticator,
        drain: Drain,
        log: FilteringBoundLogger,
        body_timeout: float,
        ended: Callable[[request_log.RequestLog, Mapping[bytes, bytes]], None],
        proxies: Proxies | None = None,
        base_path: str = "",
    ) -> None:
        self._proxies = proxies or Proxies(())
        self._base_path = base_path
        self._refused_origins: set[str] = set()
        self._ended = ended
        self._app = app
        self._hosts = hosts
        self._auth = auth
        self._drain = drain
        self._log = log
        self._failures = FailureLog(log)
        self._body_timeout = body_timeout

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes to the application as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        came = self._proxies.forwarding(scope)
        exchange = Exchange(scope, receive, send, self._body_timeout, came, self._base_path)
        self._drain.enter()
        try:
            await self._serve(exchange)
        finally:
            self._drain.leave()
            self._log_request(exchange)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            self._check(exchange)
            if cors.is_preflight(exchange.method, exchange.headers):
                await exchange.answer_preflight()
            else:
                await self._app(exchange.inner_scope(), exchange.receive, exchange.send)
        except asyncio.CancelledError:  # the server stops, which is no failure of the application
            await self._cut(exchange)
        except Exception as exc:  # whatever it is, the client gets an error answer or a broken connection
            await self._answer_failure(exchange, exc)

    async def _cut(self, exchange: Exchange) -> None:
        """Say in the log that a request was cut, and to its client where its answer has not begun."""
        if not exchange.started:
            await exchange.answer(refusal(going_away()))
        exchange.log_entry.outcome = "broken"
        exchange.log_entry.error = "the server was stopped before it had ended"

    def _check(self, exchange: Exchange) -> None:
        exchange.check_length()
        origin = exchange.header(b"origin")
        if origin is not None and self._hosts.known_origin(origin):
            exchange.cors_headers = cors.allowed_origin_headers(origin)
        host = exchange.header(b"host")
        if exchange.came.host is None:
            self._hosts.check(host, origin)
        else:
            self._hosts.check(host, None)
            self._hosts.check(exchange.came.host, origin)
        exchange.log_entry.key = self._auth.check(exchange.path, exchange.method, exchange.headers)
        if exchange.path not in PROBES:
            self._drain.check()

    async def _answer_failure(self, exchange: Exchange, exc: Exception) -> None:
        cause = unwrapped(exc)
        exchange.log_entry.error = in_words(cause)
        if isinstance(cause, Disconnected):
            exchange.log_entry.mark_client_gone()
            return
        known = known_error(cause)
        if not isinstance(cause, ClientStalled):
            self._failures.tell(cause, known, exchange.log_entry.id)
        if isinstance(cause, NotPermitted) and cause.code == "origin_not_allowed":
            self._warn_of_origin(exchange.header(b"origin") or "")
        if exchange.started:
            if not isinstance(cause, ClientStalled):
                exchange.log_entry.outcome = "broken"
            return
        if isinstance(cause, TooLarge):
            await exchange.read_leftover()
        await exchange.answer(refusal(known) if known else unexpected())

    def _warn_of_origin(self, origin: str) -> None:
        """Say in the log, once for each, that pages are refused: a browser does not show its user why."""
        origin = origin[:LONGEST_ORIGIN]
        if origin not in self._refused_origins and len(self._refused_origins) < MOST_ORIGINS:
            self._refused_origins.add(origin)
            self._log.warning("pages are refused", origin=origin, setting="server.cors_origins")

    def _log_request(self, exchange: Exchange) -> None:
        fields = exchange.log_entry.line()
        entry = exchange.log_entry
        level = request_level(entry.outcome, entry.status, quiet=exchange.asks_again_and_again)
        if entry.advice:
            level = max(level, logging.WARNING)
        self._log.log(level, "request", **fields)
        if exchange.path not in UNCOUNTED:
            self._ended(exchange.log_entry, exchange.headers)


class Exchange:
    """One request and its answer, with the headers that every answer carries."""

    def __init__(
        self,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
        body_timeout: float,
        came: Forwarding,
        base_path: str,
    ) -> None:
        self.came = came
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body_timeout = body_timeout
        self._body_begun = False
        self._body_complete = False
        self.method: str = scope["method"]
        self.path = urls.canonical(scope["path"], base_path)
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self.log_entry = request_log.RequestLog(self.method, scope["path"])
        self.log_entry.client = came.address
        self.cors_headers: list[tuple[bytes, bytes]] = []
        self.started = False

    def header(self, name: bytes) -> str | None:
        """Return a request header by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def asks_again_and_again(self) -> bool:
        """Whether it is a probe's or somebody's who waits for a model to be ready."""
        return self.path in PROBES or (self.method == "GET" and self.path.startswith(STATES))

    def inner_scope(self) -> dict[str, Any]:
        """Return the scope that the application sees: the canonical path, and GET for HEAD, whose body the
        server drops.
        """
        method = "GET" if self.method == "HEAD" else self.method
        return {
            **self._scope,
            "path": self.path,
            "raw_path": self.path.encode(),
            "method": method,
            "scheme": self.came.scheme,
            "client": (self.came.address, 0) if self.came.address else None,
            request_log.SCOPE_KEY: self.log_entry,
        }

    def check_length(self) -> None:
        """Raise WrongRoute where the URL is longer than any here: so names in it are bounded."""
        parts = (self._scope.get("raw_path", b""), self._scope["query_string"])
        if max(map(len, parts)) > LONGEST_PATH:
            raise WrongRoute(f"The URL has a part of more than {LONGEST_PATH} bytes.", status=414)

    async def receive(self) -> Message:
        """Return the next part of the request. Raises SlowBody for a body that stops coming."""
        self._body_begun = True
        message: Message
        if self._body_complete:
            message = await self._receive()
            return message
        try:
            # not wait_for, which forgets that it was cancelled when the message comes at that moment
            async with asyncio.timeout(self._body_timeout):
                message = await self._receive()
        except TimeoutError as exc:
            raise SlowBody(f"The body stopped coming for {self._body_timeout:g} seconds.") from exc
        self._body_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.started = True
            self.log_entry.status = message["status"]
            self.log_entry.first_byte = time.monotonic()
            message["headers"] = [*with_charset(message.get("headers", ())), *self._common_headers()]
        await self._send(message)

    def _common_headers(self) -> list[tuple[bytes, bytes]]:
        elapsed_ms = round(1000 * (time.monotonic() - self.log_entry.began))
        return [
            (b"x-request-id", self.log_entry.id.encode()),
            (b"openai-processing-ms", b"%d" % elapsed_ms),
            (b"openai-version", b"2020-10-01"),
            *((name.encode(), value.encode()) for name, value in self.log_entry.limits.items()),
            *((b"x-voicebox-warning", warning.encode()) for warning in self.log_entry.warnings),
            *self.cors_headers,
        ]

    async def answer(self, refused: Refusal) -> None:
        """Send an error."""
        self.log_entry.outcome = "failed" if refused.status >= 500 else "refused"
        body = msgspec.json.encode(refused.body)
        headers = [
            (name.encode(), value.encode("latin-1"))
            for name, value in refused.headers.items()
            if name not in self.log_entry.limits
        ]
        headers += [(b"content-type", JSON_UTF8), (b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def answer_preflight(self) -> None:
        """Answer a browser's preflight; that of an origin which is not allowed was refused before."""
        headers = cors.preflight_headers(self.headers)
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})

    async def read_leftover(self) -> None:
        """Read the rest of a refused body, within a time, or else the client may see a reset instead of the
        answer.
        """
        if self.headers.get(b"expect", b"").lower() == b"100-continue" and not self._body_begun:
            return
        try:
            async with asyncio.timeout(LEFTOVER_SECONDS):
                while not self._body_complete and (await self.receive())["type"] == "http.request":
                    pass
        except (TimeoutError, SlowBody):
            return
