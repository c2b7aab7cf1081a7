"""`voicebox voices` and `voicebox models`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from gateway.cli import output, remote


def voices(args: Namespace) -> int:
    """List the voices."""
    found = [voice for voice in remote.run(_fetch(args, "/v1/audio/voices")) if _wanted(voice, args)]
    if args.json:
        output.show_json(found)
    else:
        columns = ("voice", "name", "languages", "gender", "engine", "description")
        output.show_table(columns, [_voice_row(voice) for voice in found])
    return 0


def models(args: Namespace) -> int:
    """List the models."""
    found = remote.run(_fetch(args, "/v1/models"))
    if args.json:
        output.show_json(found)
    else:
        rows = [(model["id"], model.get("task", ""), model.get("owned_by", "")) for model in found]
        output.show_table(("model", "task", "owner"), rows)
    return 0


async def _fetch(args: Namespace, path: str) -> list[dict[str, Any]]:
    async with remote.connected(args) as server:
        body = await server.get(path)
    found: list[dict[str, Any]] = body.get("data") or body.get("voices") or []
    return found


def _wanted(voice: dict[str, Any], args: Namespace) -> bool:
    if args.engine and voice.get("engine", "").casefold() != args.engine.casefold():
        return False
    return not args.language or any(_speaks(language, args.language) for language in _languages(voice))


def _speaks(language: str, asked: str) -> bool:
    return f"{language.casefold()}-".startswith(f"{asked.casefold()}-")


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
