"""The commands `voicebox voices samples`: the recordings of a cloned voice."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from gateway.cli import output, remote, tables
from gateway.cli.output import Failure
from gateway.cli.output_file import open_output
from gateway.cli.remote import ServerClient
from gateway.cli.temporary_server import NOTHING, TRANSCRIPTION
from gateway.cli.voice_lookup import Object, find_profile_path
from gateway.cli.voices import read_recording, recording_form


def list(args: Namespace) -> int:
    """Print the recordings of a voice."""
    found = remote.run(_list(args))
    if args.json:
        output.print_json(found)
    else:
        rows = [
            (str(number), one["id"], f"{one['seconds']:.1f} s", _made(one), one["transcript"])
            for number, one in enumerate(found, 1)
        ]
        columns = ("sample", "id", "length", "words by", "words")
        tables.print_table(columns, rows, whole=("id", "length"), empty=f"{args.voice!r} has no recording")
    return 0


def add(args: Namespace) -> int:
    """Add a recording to a voice, and print its id."""
    return _print_sample(args, remote.run(_add(args)), "added")


def edit(args: Namespace) -> int:
    """Set the words of a recording."""
    changed = remote.run(_send(args, "PATCH", "", {"transcript": args.transcript}))
    return _print_sample(args, changed, "has these words")


def transcribe(args: Namespace) -> int:
    """Find out the words of a recording."""
    return _print_sample(args, remote.run(_send(args, "POST", "/transcribe")), "transcribed")


def trim(args: Namespace) -> int:
    """Use only a part of a recording."""
    body = {"start": args.start, "end": args.end}
    return _print_sample(args, remote.run(_send(args, "POST", "/trim", body)), "trimmed")


def export(args: Namespace) -> int:
    """Write a recording to a file."""
    size = remote.run(_export(args))
    if args.output != "-":
        output.print_note(f"wrote {args.output} ({size:,} bytes)")
    return 0


def delete(args: Namespace) -> int:
    """Delete a recording."""
    deleted = remote.run(_send(args, "DELETE", ""))
    output.print_note(f"deleted: {deleted['id']}")
    return 0


async def _list(args: Namespace) -> Any:  # noqa: ANN401 - a list, whose name is taken here
    async with remote.connect(args, needs=NOTHING) as server:
        return (await server.get(f"{await find_profile_path(server, args.voice)}/samples"))["data"]


async def _add(args: Namespace) -> Object:
    form = recording_form("file", *read_recording(args.file))
    if args.transcript:
        form.add_field("transcript", args.transcript)
    async with remote.connect(args, needs=NOTHING if args.transcript else TRANSCRIPTION) as server:
        path = f"{await find_profile_path(server, args.voice)}/samples"
        with output.waiting("adding the recording"):
            async with server.request("POST", path, data=form) as response:
                return await server.read_object(response)


async def _send(args: Namespace, method: str, action: str, body: object = None) -> Object:
    """Do something with one recording, and return what answers it."""
    transcribes = action in ("/transcribe", "/trim")
    async with remote.connect(args, needs=TRANSCRIPTION if transcribes else NOTHING) as server:
        path = await _find_sample(server, args) + action
        with output.waiting("working on the recording"):
            return await server.send(method, path, json=body)


async def _export(args: Namespace) -> int:
    async with remote.connect(args, needs=NOTHING) as server:
        path = f"{await _find_sample(server, args)}/audio{'?original=true' if args.original else ''}"
        async with server.request("GET", path) as response:
            data = await response.read()
    with open_output(args.output) as file:
        file.write(data)
    return len(data)


async def _find_sample(server: ServerClient, args: Namespace) -> str:
    """Return the path of a recording that is named by its number or id. Raises Failure."""
    path = f"{await find_profile_path(server, args.voice)}/samples"
    ids = [sample["id"] for sample in (await server.get(path))["data"]]
    if args.sample in ids:
        return f"{path}/{args.sample}"
    if args.sample.isdecimal() and 1 <= int(args.sample) <= len(ids):
        return f"{path}/{ids[int(args.sample) - 1]}"
    count = f"it has {len(ids)}" if ids else "it has none"
    raise Failure(
        f"{args.voice!r} has no recording {args.sample!r}: {count};"
        f" `voicebox voices samples list {args.voice!r}` lists them"
    )


def _print_sample(args: Namespace, sample: Object, done: str) -> int:
    if args.json:
        output.print_json(sample)
    else:
        output.print_note(f"{done}: {sample['seconds']:.1f} s, {sample['transcript'] or 'words not known'}")
        print(sample["id"])
    return 0


def _made(sample: Object) -> str:
    by: str = sample.get("transcribed_by") or ("you" if sample["transcript"] else "")
    return by
