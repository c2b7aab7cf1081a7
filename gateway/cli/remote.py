"""A client of a server: of the one that runs, or of a temporary one; refusals become one sentence."""

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

CONNECT_TIMEOUT = 10.0
"""seconds"""
READ_TIMEOUT = 600.0
"""seconds without a byte after which a server is given up; OpenAI's own clients take as long"""
TERMINATED = 143
"""exit status after SIGTERM"""
Result = TypeVar("Result")


class ErrorBody(msgspec.Struct):
    """The fields that are read of OpenAI's error."""

    message: str


class ErrorEnvelope(msgspec.Struct):
    """OpenAI's error envelope."""

    error: ErrorBody


class ServerClient:
    """A client of one server, with a key for it."""

    def __init__(self, url: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._session = session

    @asynccontextmanager
    async def request(
        self, method: str, path: str, json: object = None, data: aiohttp.FormData | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield its response. Raises Failure when it is refused or breaks off."""
        try:
            async with self._session.request(
                method, self.url + path, headers=self._headers, json=json, data=data
            ) as response:
                if response.status != 200:
                    raise Failure(_refusal(self.url, response.status, await response.read()))
                yield response
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise Failure(f"the answer of {self.url} broke off ({type(exc).__name__}): {exc}") from exc

    async def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object of a path. Raises Failure."""
        async with self.request("GET", path) as response:
            body: dict[str, Any] = msgspec.json.decode(await response.read(), type=dict)
            return body


@asynccontextmanager
async def connect(args: Namespace, *, start_server: bool = True) -> AsyncIterator[ServerClient]:
    """Connect to the server of `--url` for the block.

    Where none runs on this machine, a temporary one is started if `start_server`. Raises Failure.
    """
    async with session() as opened:
        if await is_running(opened, args.url):
            yield ServerClient(args.url, args.api_key, opened)
            return
        if not start_server or not is_loopback(urlsplit(args.url).hostname or ""):
            raise Failure(f"no server answers at {args.url}", temporary_server.NO_SERVER)
        output.print_note(f"no server runs at {args.url}; starting one for this call")
        async with temporary_server.run_temporary_server(args.config) as server:
            yield ServerClient(server.url, server.key, opened)


def session() -> aiohttp.ClientSession:
    """Return an HTTP session that waits as long as work may take."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
    return aiohttp.ClientSession(timeout=limits)


async def is_running(session: aiohttp.ClientSession, url: str) -> bool:
    """Return whether a server answers at a URL. Raises Failure when it does not speak HTTP."""
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
    """Run a command's work and return its result; SIGTERM lets it clean up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED))
    return asyncio.run(work)


def print_changes(response: aiohttp.ClientResponse) -> None:
    """Print what the server mapped or ignored of a request, and what verifies its speech."""
    told = {"mapped": "taken as", "ignored": "ignored", "verify": "verification"}
    for header, what in ((f"x-voicebox-{name}", words) for name, words in told.items()):
        if header in response.headers:
            output.print_note(f"{what}: {response.headers[header]}")


def _refusal(url: str, status: int, body: bytes) -> str:
    """Return the message of a refusal: the server's own, where it is one of ours."""
    try:
        return f"{msgspec.json.decode(body, type=ErrorEnvelope).error.message} (status {status})"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{url} answered with status {status}, not as a speech server does; is --url right?"
