"""The commands `voicebox voices` and `voicebox models`, which list what a server has."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from gateway.cli import output, remote, tables


def voices(args: Namespace) -> int:
    """Print the voices."""
    found = [voice for voice in remote.run(_fetch(args, "/v1/audio/voices")) if _matches(voice, args)]
    if args.json:
        output.print_json(found)
    else:
        columns = ("voice", "name", "languages", "gender", "engine", "description")
        tables.print_table(columns, [_voice_row(voice) for voice in found])
    return 0


def models(args: Namespace) -> int:
    """Print the models."""
    found = remote.run(_fetch(args, "/v1/models"))
    if args.json:
        output.print_json(found)
    else:
        rows = [(model["id"], model.get("task", ""), model.get("owned_by", "")) for model in found]
        tables.print_table(("model", "task", "owner"), rows)
    return 0


async def _fetch(args: Namespace, path: str) -> list[dict[str, Any]]:
    async with remote.connect(args) as server:
        body = await server.get(path)
    found: list[dict[str, Any]] = body.get("data") or body.get("voices") or []
    return found


def _matches(voice: dict[str, Any], args: Namespace) -> bool:
    """Return whether a voice is of the engine and the language in the arguments."""
    if args.engine and voice.get("engine", "").casefold() != args.engine.casefold():
        return False
    return not args.language or any(_covers(args.language, language) for language in _languages(voice))


def _covers(wanted: str, language: str) -> bool:
    """Return whether a language is the wanted one, or a variety of it: en covers en-GB."""
    return f"{language.casefold()}-".startswith(f"{wanted.casefold()}-")


def _languages(voice: dict[str, Any]) -> list[str]:
    return voice.get("languages") or ([voice["language"]] if voice.get("language") else [])


def _voice_row(voice: dict[str, Any]) -> tuple[str, ...]:
    return (
        voice["id"],
        voice["name"] if voice["name"] != voice["id"] else "",
        " ".join(_languages(voice)),
        voice.get("gender", ""),
        voice.get("engine", ""),
        voice.get("description", ""),
    )
