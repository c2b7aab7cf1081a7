"""Talking to a server: the one that runs, or one of our own for the call; its refusals as one sentence."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from gateway.cli import output, temporary_server
from gateway.cli.output import Failure
from gateway.security.hosts import is_loopback

CONNECT_LIMIT = 10.0
SILENCE_LIMIT = 600.0
"""seconds without a byte after which a server is given up; OpenAI's own clients take as long"""
TERMINATED = 143
Result = TypeVar("Result")


class ErrorBody(msgspec.Struct):
    """What we read of OpenAI's error."""

    message: str


class ErrorEnvelope(msgspec.Struct):
    """OpenAI's error envelope."""

    error: ErrorBody


class Remote:
    """A server, and the key for it."""

    def __init__(self, url: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._session = session

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, json: object = None, data: aiohttp.FormData | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and give its good answer. Raises Failure when it is refused or breaks off."""
        try:
            async with self._session.request(
                method, self.url + path, headers=self._headers, json=json, data=data
            ) as answer:
                if answer.status != 200:
                    raise Failure(_refusal(self.url, answer.status, await answer.read()))
                yield answer
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise Failure(f"the answer of {self.url} broke off ({type(exc).__name__}): {exc}") from exc

    async def get(self, path: str) -> dict[str, Any]:
        """Fetch a JSON object."""
        async with self.ask("GET", path) as answer:
            body: dict[str, Any] = msgspec.json.decode(await answer.read(), type=dict)
            return body


@asynccontextmanager
async def connected(args: Namespace, *, alone: bool = True) -> AsyncIterator[Remote]:
    """Connect to the server of `--url`; where none runs on this machine, run one for the block if `alone`.
    Raises Failure.
    """
    async with session() as opened:
        if await answers(opened, args.url):
            yield Remote(args.url, args.api_key, opened)
            return
        if not alone or not is_loopback(urlsplit(args.url).hostname or ""):
            raise Failure(f"no server answers at {args.url}", temporary_server.NO_SERVER)
        output.note(f"no server runs at {args.url}; starting one for this call")
        async with temporary_server.started(args.config) as server:
            yield Remote(server.url, server.key, opened)


def session() -> aiohttp.ClientSession:
    """Make a session that waits as long as work may take."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT, sock_read=SILENCE_LIMIT)
    return aiohttp.ClientSession(timeout=limits)


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Tell whether anybody speaks HTTP there."""
    try:
        async with session.get(f"{url}/livez"):
            return True
    except (aiohttp.ClientConnectionError, TimeoutError):
        return False
    except aiohttp.ClientError as exc:
        raise Failure(
            f"what answers at {url} is no server of ours: {exc}", temporary_server.NO_SERVER
        ) from exc


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work to its result; SIGTERM lets it tidy up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED))
    return asyncio.run(work)


def tell_changes(answer: aiohttp.ClientResponse) -> None:
    """Say what the server did otherwise than asked."""
    for header, what in (("x-voicebox-mapped", "taken as"), ("x-voicebox-ignored", "ignored")):
        if header in answer.headers:
            output.note(f"{what}: {answer.headers[header]}")


def _refusal(url: str, status: int, body: bytes) -> str:
    try:
        return f"{msgspec.json.decode(body, type=ErrorEnvelope).error.message} (status {status})"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{url} answered with status {status}, not as a speech server does; is --url right?"
