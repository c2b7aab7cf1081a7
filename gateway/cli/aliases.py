"""The commands `voicebox voices aliases`: further names of voices."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from gateway.cli import output, remote, tables
from gateway.cli.temporary_server import SPEECH

ALIASES = "/v1/voicebox/aliases"
SOURCES = {"api": "made by you or for all", "settings": "the settings", "engine": "an engine"}


def show(args: Namespace) -> int:
    """Print the names."""
    found = remote.run(_send(args, "GET", ALIASES))["data"]
    if args.json:
        output.print_json(found)
    else:
        rows = [(one["name"], one["target"], SOURCES.get(one["source"], one["source"])) for one in found]
        empty = "there are no further names; `voicebox voices aliases set NAME VOICE` gives one"
        tables.print_table(("name", "leads to", "comes from"), rows, empty=empty)
    return 0


def set_alias(args: Namespace) -> int:
    """Give a voice a further name."""
    path = f"{ALIASES}/{remote.quoted(args.name)}"
    alias = remote.run(_send(args, "PUT", path, {"target": args.voice}))
    output.print_note(f"{alias['name']!r} leads to {alias['target']!r} now")
    return 0


def delete(args: Namespace) -> int:
    """Take a further name away."""
    remote.run(_send(args, "DELETE", f"{ALIASES}/{remote.quoted(args.name)}"))
    output.print_note(f"{args.name!r} leads nowhere now")
    return 0


async def _send(args: Namespace, method: str, path: str, body: object = None) -> dict[str, Any]:
    async with remote.connect(args, needs=SPEECH) as server:
        return await server.send(method, path, json=body)
