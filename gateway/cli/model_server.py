"""The running server as the one that does work on model files: it knows what it has in memory."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.remote import Refused, ServerClient
from gateway.cli.temporary_server import NO_SERVER
from gateway.security.hosts import is_loopback

MODELS_PATH = "/v1/voicebox/models"
NO_KEY = 401
NOT_ALLOWED = (NO_KEY, 403)


@asynccontextmanager
async def model_server(args: Namespace) -> AsyncIterator[ServerClient | None]:
    """Yield a client of the server of `--url`, or None where none runs on this machine. Raises Failure where
    none answers on another.
    """
    async with remote.session() as session:
        if await remote.is_running(session, args.url):
            yield ServerClient(args.url, args.api_key, session)
        elif is_loopback(urlsplit(args.url).hostname or ""):
            yield None
        else:
            raise Failure(f"no server answers at {args.url}", NO_SERVER)


def tell_whether_allowed(refused: Refused, args: Namespace, doing: str) -> None:
    """Say where the server does not let us do this, that it is done without the server. Raises Failure for a
    key that was given and is wrong.
    """
    if refused.http_status == NO_KEY and args.api_key:
        raise refused
    if refused.http_status in NOT_ALLOWED:
        output.print_note(
            f"the server at {args.url} asks for a key (--api-key, {remote.KEY_VARIABLE});"
            f" {doing} without the server, which finds out by itself"
        )
