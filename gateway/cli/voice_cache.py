"""The commands `voicebox cache`: what is kept of voices, and what nothing names any more."""

from __future__ import annotations

import os
from argparse import Namespace

import msgspec

from engines.errors import SpeechError
from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.cli.temporary_server import NOTHING
from gateway.cli.voice_lookup import find_profile_path
from gateway.config import load
from gateway.services.container import open_library


def clear(args: Namespace) -> int:
    """Delete the voice prompts of all voices, or of one."""
    count = remote.run(_clear(args))
    output.print_note(f"{count} prompts forgotten; they are made anew when their voices next speak")
    return 0


def sweep(args: Namespace) -> int:
    """Delete recordings that no voice names, and print their keys."""
    deleted = remote.run(_sweep(args))
    output.print_note(f"{len(deleted)} deleted")
    for key in deleted:
        print(key)
    return 0


async def _clear(args: Namespace) -> int:
    async with remote.connect(args, needs=NOTHING) as server:
        path = f"{await find_profile_path(server, args.voice)}/cache" if args.voice else "/v1/voicebox/cache"
        async with server.request("DELETE", path) as response:
            return msgspec.json.decode(await response.read(), type=dict[str, int])["prompts"]


async def _sweep(args: Namespace) -> list[str]:
    settings = load.load(args.config, os.environ, {})
    library = open_library(settings)
    if await library.is_empty():
        return []
    from voices.storage import sweep

    try:
        return await sweep.sweep(await library.open(), 0.0 if args.all else sweep.SPARE_SECONDS)
    except SpeechError as exc:
        raise Failure(exc.message) from exc
    finally:
        await library.close()
