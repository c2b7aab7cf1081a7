"""The commands `voicebox voices list` and `voicebox models`, which list what a server has."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from typing import Any

from engines.catalogue.engines import CATALOGUE, FAKES
from engines.catalogue.models import MODELS
from engines.languages import read_language
from gateway.cli import output, remote, tables
from gateway.cli.output import Failure
from gateway.cli.remote import ServerClient
from gateway.cli.temporary_server import SPEECH
from gateway.cli.voice_lookup import PROFILES, VOICES, Object, origin, speaking_engines
from voices.naming.matching import did_you_mean

AT_ONCE = 16
"""voices whose engines are asked for at once"""
COLUMNS = ("voice", "name", "languages", "gender", "engine", "description")


def voices(args: Namespace) -> int:
    """Print the voices."""
    found = remote.run(_voices(args))
    if args.json:
        output.print_json(found)
    else:
        tables.print_table(COLUMNS, list(map(_voice_row, found)), spare=("gender", "description"))
    return 0


def models(args: Namespace) -> int:
    """Print the models."""
    found = remote.run(_models(args))
    if args.json:
        output.print_json(found)
    else:
        rows = [(model["id"], model.get("task", ""), model.get("owned_by", "")) for model in found]
        tables.print_table(("model", "task", "owner"), rows)
    return 0


async def _models(args: Namespace) -> list[Object]:
    async with remote.connect(args) as server:
        return await server.pages("/v1/models")


async def _voices(args: Namespace) -> list[Object]:
    """Return the voices that the arguments ask for, those of the library with what speaks them.

    Raises Failure where there are none.
    """
    async with remote.connect(args, needs=SPEECH) as server:
        listed = await server.pages(VOICES)
        own = [voice for voice in listed if "created_at" in voice]
        if own:
            await _add_profiles(server, own)
        found = [voice for voice in listed if _matches(voice, args)]
        if not found and args.engine:
            await _check_engine(server, args.engine, listed)
    if not found:
        by = f" of {args.engine!r}" if args.engine else ""
        speaks = f" speaks {args.language!r}" if args.language else " is there"
        raise Failure(f"no voice{by}{speaks}; `voicebox voices` lists all")
    return found


async def _add_profiles(server: ServerClient, own: list[Object]) -> None:
    """Add to voices of the library what they were made of, and what can speak them."""
    profiles = {profile["id"]: profile for profile in await server.pages(PROFILES)}
    places = asyncio.Semaphore(AT_ONCE)

    async def add(voice: Object) -> None:
        async with places:
            fits = await speaking_engines(server, voice["id"])
        voice["engines"] = [fit["engine"] for fit in fits if fit["can"]]
        if profile := profiles.get(voice["id"]):
            voice["origin"] = origin(profile)

    await asyncio.gather(*(add(voice) for voice in own))


async def _check_engine(server: ServerClient, engine: str, listed: list[Object]) -> None:
    """Raise Failure where there is no engine of a name, or where it is not ready."""
    ready = {voice["engine"] for voice in listed if "engine" in voice}
    known = ready | {engine.name for engine in CATALOGUE} | {model.name for model in MODELS}
    known |= set((await server.get("/health"))["engines"])
    names = {name.casefold(): name for name in known}
    if engine.casefold() not in names:
        here = ", ".join(sorted(ready))
        meant = did_you_mean(engine, known - (FAKES - ready))
        raise Failure(f"there is no engine {engine!r}.{meant} These speak here: {here}")
    if names[engine.casefold()] not in ready:
        raise Failure(
            f"{engine!r} has no voices here: it does not speak, or is not ready."
            " `voicebox models available` tells what is here of it"
        )


def _matches(voice: Object, args: Namespace) -> bool:
    """Return whether a voice is of the engine and the language in the arguments."""
    if args.engine and args.engine.casefold() not in map(str.casefold, _engines(voice)):
        return False
    languages = _languages(voice)
    return not args.language or any(_suits(args.language, language) for language in languages)


def _suits(wanted: str, language: str) -> bool:
    """Return whether a voice's language is the wanted one, a variety of it, or what it is a variety of: en
    covers en-GB, and who wants de-DE is served by a voice of de. A name such as German is its tag.
    """
    one, other = f"{(read_language(wanted) or wanted).casefold()}-", f"{language.casefold()}-"
    return one.startswith(other) or other.startswith(one)


def _engines(voice: Object) -> list[str]:
    return voice.get("engines") or ([voice["engine"]] if voice.get("engine") else [])


def _languages(voice: dict[str, Any]) -> list[str]:
    return voice.get("languages") or ([voice["language"]] if voice.get("language") else [])


def _voice_row(voice: Object) -> tuple[str, ...]:
    own = "created_at" in voice
    made = [voice.get("description", ""), voice.get("origin", "")]
    return (
        voice["id"],
        voice["name"] if voice["name"] != voice["id"] else "",
        " ".join(_languages(voice)) or ("any" if own else ""),
        voice.get("gender", "") or ("not known" if own else ""),
        " ".join(_engines(voice)) or ("none that is ready" if own else ""),
        "; ".join(filter(None, made)),
    )
