"""Waiting until the running server can use what `voicebox setup` has brought."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from pathlib import Path

from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.remote import ServerClient
from gateway.cli.server_address import server_url

FIND_SECONDS = 60.0
"""a server with our folders has found new models within these"""
POLL_SECONDS = 0.5


def wait_for_server(config: Path | None, models: Collection[str]) -> bool:
    """Wait until the server of this machine can use some models; return whether it can.

    False also where none runs, it uses other folders, or it does not tell us.
    """
    return bool(models) and remote.run(_wait(server_url(config), frozenset(models)))


async def _wait(url: str, models: frozenset[str]) -> bool:
    async with remote.session() as session:
        try:
            if not await remote.is_running(session, url):
                return False
            server = ServerClient(url, os.environ.get(remote.KEY_VARIABLE), session)
            with output.waiting("waiting for the server"):
                return await _find(server, models) and await _load(server, models)
        except Failure:
            return False


async def _find(server: ServerClient, models: frozenset[str]) -> bool:
    """Wait until a server lists some models, for a minute at most."""
    until = time.monotonic() + FIND_SECONDS
    while not models <= {model["id"] for model in await server.pages("/v1/models")}:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _load(server: ServerClient, models: frozenset[str]) -> bool:
    """Wait until a server loads none of some models any more; return whether all can be used."""
    states = dict.fromkeys(models, "starting")
    while "starting" in states.values():
        await asyncio.sleep(POLL_SECONDS)
        states = {name: (await server.get(f"/v1/voicebox/models/{name}"))["state"] for name in models}
    return set(states.values()) <= {"ready", "resting"}
