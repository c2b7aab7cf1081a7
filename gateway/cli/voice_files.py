"""The commands `voicebox voices preview`, `export` and `import`."""

from __future__ import annotations

import re
import time
from argparse import Namespace
from pathlib import Path
from urllib.parse import quote

from gateway.cli import output, remote, speech
from gateway.cli.output import Failure
from gateway.cli.output_file import open_output
from gateway.cli.temporary_server import NOTHING, SPEECH
from gateway.cli.voice_lookup import PROFILES, find_own_voice, find_voice

NO_FILE_NAME = re.compile(r"[^\w.+ -]")
ARCHIVE_SUFFIX = ".voicebox.zip"


def preview(args: Namespace) -> int:
    """Have a voice say something."""
    return remote.run(_preview(args))


def export(args: Namespace) -> int:
    """Write a voice to a ZIP file."""
    return remote.run(_export(args))


def import_(args: Namespace) -> int:
    """Create a voice from a ZIP file, and print its id."""
    return remote.run(_import(args))


async def _preview(args: Namespace) -> int:
    target = speech.choose_target(args, file_name(args.voice))
    async with remote.connect(args, needs=SPEECH) as server:
        voice = await find_voice(server, args.voice)
        body = {"input": args.text, "model": args.model, "response_format": target.audio_format}
        path = f"{PROFILES}/{voice['id']}/preview"
        if "created_at" not in voice:  # an engine's own
            if not args.text:
                raise Failure(f"give --text: what {voice['id']!r} is to say, in its language", 2)
            body["voice"] = voice["id"]
            path = "/v1/audio/speech"
        began = time.monotonic()
        async with server.request("POST", path, json=body | {"stream_format": "sse"}) as response:
            await speech.receive_speech(response, target, began)
    return 0


async def _export(args: Namespace) -> int:
    async with remote.connect(args, needs=NOTHING) as server:
        voice = await find_own_voice(server, args.voice)
        target = args.output or f"{file_name(voice['name'])}{ARCHIVE_SUFFIX}"
        done = 0
        async with server.request("GET", f"{PROFILES}/{voice['id']}/export") as response:
            with open_output(target) as file, output.progress("export") as show_progress:
                async for chunk in response.content.iter_any():
                    file.write(chunk)
                    show_progress(done := done + len(chunk))
    if target != "-":
        output.print_note(f"wrote {target} ({done:,} bytes)")
    return 0


async def _import(args: Namespace) -> int:
    try:
        file = Path(args.file).open("rb")  # noqa: ASYNC230, SIM115 - nothing else runs here; closed below
    except OSError as exc:
        raise Failure(f"cannot read {args.file}: {exc.strerror}", 2) from exc
    with file:
        query = f"?name={quote(args.name)}" if args.name else ""
        async with remote.connect(args, needs=NOTHING) as server:
            with output.waiting("reading the voice"):
                async with server.request("POST", f"{PROFILES}/import{query}", data=file) as response:
                    profile = await server.read_object(response)
    if args.json:
        output.print_json(profile)
    else:
        output.print_note(f"this is the voice {profile['name']!r}; it goes by that name, too")
        print(profile["id"])
    return 0


def file_name(name: str) -> str:
    """Return a voice's name as a file may have it on every system."""
    return NO_FILE_NAME.sub("_", name).strip(" .") or "voice"
