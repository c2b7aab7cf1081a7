"""The commands `voicebox voices consents`: recordings in which people agree to be cloned."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from gateway.cli import output, remote, tables
from gateway.cli.temporary_server import NOTHING
from gateway.cli.voices import read_recording, recording_form

CONSENTS = "/v1/audio/voice_consents"


def show(args: Namespace) -> int:
    """Print the consents."""
    found = remote.run(_list(args))
    if args.json:
        output.print_json(found)
    else:
        rows = [(one["id"], one["name"], one["language"], _day(one["created_at"])) for one in found]
        empty = "there is no consent; `voicebox voices consents add` keeps one"
        tables.print_table(("consent", "name", "language", "made"), rows, whole=("made",), empty=empty)
    return 0


def add(args: Namespace) -> int:
    """Keep a consent, and print its id."""
    consent = remote.run(_add(args))
    if args.json:
        output.print_json(consent)
    else:
        output.print_note(f"this is the consent {consent['name']!r}, for `voices create --consent`")
        print(consent["id"])
    return 0


def delete(args: Namespace) -> int:
    """Delete a consent."""
    remote.run(_delete(args))
    output.print_note(f"deleted: {args.consent}")
    return 0


async def _list(args: Namespace) -> list[dict[str, Any]]:
    async with remote.connect(args, needs=NOTHING) as server:
        return await server.pages(CONSENTS)


async def _add(args: Namespace) -> dict[str, Any]:
    form = recording_form("recording", *read_recording(args.file))
    form.add_field("name", args.name)
    form.add_field("language", args.language)
    async with (
        remote.connect(args, needs=NOTHING) as server,
        server.request("POST", CONSENTS, data=form) as response,
    ):
        return await server.read_object(response)


async def _delete(args: Namespace) -> None:
    async with remote.connect(args, needs=NOTHING) as server:
        await server.send("DELETE", f"{CONSENTS}/{remote.quoted(args.consent)}")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
