"""A client of a server: of the one that runs, or of a temporary one; refusals become one sentence."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from engines.catalogue.engines import Kind
from gateway.cli import output, temporary_server
from gateway.cli.complaints import Complaint, read_complaints
from gateway.cli.output import Failure
from gateway.cli.temporary_server import KINDS
from gateway.security.hosts import is_loopback

KEY_VARIABLE = "VOICEBOX_API_KEY"
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
    code: str | None = None


class ErrorEnvelope(msgspec.Struct):
    """OpenAI's error envelope."""

    error: ErrorBody


class Refused(Failure):
    """The server has answered with an error.

    `http_status` is its status, `code` its code, and `complaints` what it says of fields of the request.
    """

    def __init__(
        self, message: str, http_status: int, code: str | None = None, complaints: Sequence[Complaint] = ()
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.complaints = complaints


class ServerClient:
    """A client of one server, with a key for it."""

    def __init__(self, url: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._session = session

    @asynccontextmanager
    async def request(
        self, method: str, path: str, json: object = None, data: aiohttp.FormData | IO[bytes] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield its response. Raises Refused, or Failure when it breaks off."""
        request = ""
        try:
            async with self._session.request(
                method, self.url + path, headers=self._headers, json=json, data=data
            ) as response:
                request = response.headers.get("x-request-id", "")
                if response.status != 200:
                    raise self._refused(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise Failure(self._broken(exc, request)) from exc

    async def send(self, method: str, path: str, json: object = None) -> dict[str, Any]:
        """Send a request and return the JSON object that answers it. Raises Failure."""
        async with self.request(method, path, json=json) as response:
            return await self.read_object(response)

    async def read_object(self, response: aiohttp.ClientResponse) -> dict[str, Any]:
        """Return the JSON object of a response, and print its warnings. Raises Failure."""
        print_changes(response)
        try:
            body: dict[str, Any] = msgspec.json.decode(await response.read(), type=dict)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise Failure(_no_speech_server(self.url, response.status)) from exc
        return body

    async def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object of a path. Raises Failure."""
        return await self.send("GET", path)

    async def pages(self, path: str) -> list[dict[str, Any]]:
        """Return all objects of a list, page by page. Raises Failure."""
        found: list[dict[str, Any]] = []
        query = ""
        while True:
            body = await self.get(path + query)
            page = body.get("data") or body.get("voices") or []
            found += page
            if not (body.get("has_more") and body.get("last_id")):
                return found
            query = f"?after={quote(body['last_id'])}"

    def _refused(self, status: int, body: bytes) -> Refused:
        """Return the error of a refusal, in the server's own words where it is one of ours."""
        try:
            error = msgspec.json.decode(body, type=ErrorEnvelope).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Refused(_no_speech_server(self.url, status), status)
        hint = ""
        if status == 401:
            wrong = "This key is none of the server's" if self._headers else "The server asks for a key"
            hint = f" {wrong}: give one with --api-key KEY, or in the variable {KEY_VARIABLE}."
        complaints = read_complaints(error.message)
        message = "; ".join(map(str, complaints)) or error.message
        return Refused(f"{message} (status {status}){hint}", status, error.code, complaints)

    def _broken(self, exc: Exception, request: str) -> str:
        """Return what to tell of a connection that failed; `request` is the server's id of the request."""
        if isinstance(exc, aiohttp.ClientConnectorError):
            return f"no server answers at {self.url} any more"
        if isinstance(exc, TimeoutError):
            return f"{self.url} sent nothing for {READ_TIMEOUT:.0f} s and was given up"
        if isinstance(exc, aiohttp.ClientPayloadError) and request:
            return (
                f"the answer of {self.url} broke off: the server gave it up halfway."
                f" Its log says why, at the request {request}"
            )
        if isinstance(exc, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
            return f"the answer of {self.url} broke off: the connection ended. Was the server stopped?"
        return f"{self.url} sent what is no answer of a speech server; is --url right?"


@asynccontextmanager
async def connect(
    args: Namespace, *, start_server: bool = True, needs: Collection[Kind] = KINDS
) -> AsyncIterator[ServerClient]:
    """Connect to the server of `--url` for the block.

    Where none runs on this machine, a temporary one is started if `start_server`; of its engines those are
    waited for that do what the command `needs`. Raises Failure.
    """
    async with session() as opened:
        if await is_running(opened, args.url):
            yield ServerClient(args.url, args.api_key, opened)
            return
        if not start_server or not is_loopback(urlsplit(args.url).hostname or ""):
            raise Failure(_no_server(args.url), temporary_server.NO_SERVER)
        output.print_note(
            f"no server runs at {args.url}; starting one for this call (`voicebox serve` keeps one)"
        )
        async with AsyncExitStack() as stack:
            with output.waiting("starting a server"):
                starting = temporary_server.run_temporary_server(args.config, needs)
                server = await stack.enter_async_context(starting)
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
    except aiohttp.ClientSSLError as exc:
        what = (
            "no certificate that this machine trusts"
            if _is_certificate(exc)
            else "no TLS: http://, not https://?"
        )
        raise Failure(f"what answers at {url} speaks {what}", temporary_server.NO_SERVER) from exc
    except (aiohttp.ClientConnectionError, TimeoutError):
        return False
    except aiohttp.ClientError as exc:
        raise Failure(
            f"what answers at {url} is no server of ours: {exc}", temporary_server.NO_SERVER
        ) from exc


def _is_certificate(exc: aiohttp.ClientSSLError) -> bool:
    return isinstance(exc, aiohttp.ClientConnectorCertificateError)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work and return its result; SIGTERM lets it clean up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED))
    return asyncio.run(work)


def quoted(name: str) -> str:
    """Return a name as one part of a URL's path."""
    return quote(name, safe="")


def print_changes(response: aiohttp.ClientResponse) -> None:
    """Print what the server mapped or ignored of a request, and what verifies its speech."""
    told = {"mapped": "taken as", "ignored": "ignored", "verify": "verification", "warning": "note"}
    for header, what in ((f"x-voicebox-{name}", words) for name, words in told.items()):
        if header in response.headers:
            output.print_note(f"{what}: {response.headers[header]}")


def _no_server(url: str) -> str:
    """Return what to tell where no server answers."""
    start = "Start one with: voicebox serve"
    if not is_loopback(urlsplit(url).hostname or ""):
        start = "Is it running (voicebox serve), and is the address right (--url, VOICEBOX_URL)?"
    return f"no server answers at {url}. {start}"


def _no_speech_server(url: str, status: int) -> str:
    return f"{url} answered with status {status}, not as a speech server does; is --url right?"
