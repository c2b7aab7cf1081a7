"""The commands `voicebox clone` and `voicebox cache`, for custom voices."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import aiohttp
import msgspec

from engines.errors import SpeechError
from gateway.cli import output, remote
from gateway.cli.output import Failure
from gateway.config import load
from gateway.services.container import open_library


def clone(args: Namespace) -> int:
    """Create a voice from a recording, and print its id."""
    voice = remote.run(_clone(args))
    if args.json:
        output.print_json(voice)
    else:
        output.print_note(f"this is the voice {voice['name']!r}; it goes by that name, too")
        print(voice["id"])
    return 0


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


async def _clone(args: Namespace) -> dict[str, str]:
    form = aiohttp.FormData(default_to_multipart=True)
    for field in ("name", "consent", "transcript", "language"):
        if getattr(args, field):
            form.add_field(field, getattr(args, field))
    path = Path(args.file)
    try:
        data = path.read_bytes()  # noqa: ASYNC240 - nothing else runs here
    except OSError as exc:
        raise Failure(f"cannot read {path}: {exc.strerror}", 2) from exc
    form.add_field("audio_sample", data, filename=path.name, content_type="application/octet-stream")
    async with (
        remote.connect(args) as server,
        server.request("POST", "/v1/audio/voices", data=form) as response,
    ):
        voice: dict[str, str] = msgspec.json.decode(await response.read(), type=dict)
        return voice


async def _clear(args: Namespace) -> int:
    async with remote.connect(args) as server:
        path = "/v1/voicebox/cache"
        if args.voice:
            voice = await server.get(f"/v1/audio/voices/{args.voice}")
            path = f"/v1/voicebox/profiles/{voice['id']}/cache"
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
