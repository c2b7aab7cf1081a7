"""The commands `voicebox voices show`, `create`, `rename`, `edit` and `delete`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from gateway.cli import output, remote, tables
from gateway.cli.output import Failure
from gateway.cli.remote import ServerClient
from gateway.cli.temporary_server import NOTHING, SPEECH
from gateway.cli.voice_lookup import (
    PROFILES,
    VOICES,
    Object,
    find_own_voice,
    find_profile_path,
    find_voice,
    origin,
    speaking_engines,
)

FACTS = ("model", "speed", "instructions", "text_format", "consent")
"""of a profile, which are told where they were set"""


def show(args: Namespace) -> int:
    """Print all that is known of a voice."""
    return remote.run(_show(args))


def create(args: Namespace) -> int:
    """Create a voice of recordings, a description or an engine's voice, and print its id."""
    if bool(args.files) + bool(args.design) + bool(args.preset) != 1:
        raise Failure("give a recording, --design TEXT or --preset ENGINE/VOICE: one of the three", 2)
    voice, fits = remote.run(_create(args))
    if args.json:
        output.print_json(voice)
    else:
        output.print_note(f"this is the voice {voice['name']!r}; it goes by that name, too")
        if not any(fit["can"] for fit in fits):
            mend = engine_command(fits) or f"voicebox voices show {voice['id']}"
            output.print_note(f"no engine here can speak it yet: {mend}")
        print(voice["id"])
    return 0


def rename(args: Namespace) -> int:
    """Give a voice another name."""
    profile = remote.run(_change(args, {"name": args.new}))
    output.print_note(f"{args.voice!r} is called {profile['name']!r} now")
    return 0


def edit(args: Namespace) -> int:
    """Change what is given of a voice."""
    fields = _facts(args)
    fields |= {name: getattr(args, name) for name in ("name", "languages", "engines", *FACTS)}
    fields |= {"design_prompt": args.design, "design_script": args.script}
    if args.pronounce is not None:
        fields["pronunciations"] = list(map(_pronunciation, filter(None, args.pronounce)))
    fields = {name: value for name, value in fields.items() if value is not None}
    if not fields:
        raise Failure("nothing is given that is to be changed; `voicebox voices edit --help` lists it", 2)
    profile = remote.run(_change(args, fields))
    if args.json:
        output.print_json(profile)
    else:
        output.print_note(f"{profile['name']!r} is changed: {', '.join(fields)}")
    return 0


def delete(args: Namespace) -> int:
    """Delete voices with all their recordings, after asking."""
    if not args.yes and not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; --yes agrees that the voices are deleted for good", 2)
    return remote.run(_delete(args))


async def _show(args: Namespace) -> int:
    async with remote.connect(args, needs=SPEECH) as server:
        voice = await find_voice(server, args.voice)
        is_own = "created_at" in voice
        facts = await server.get(f"{PROFILES}/{voice['id']}") if is_own else voice
        fits = await speaking_engines(server, voice["id"]) if is_own else []
    if args.json:
        output.print_json(facts | {"can_be_spoken_by": fits} if is_own else facts)
        return 0
    rows = list(_own_rows(facts, fits) if is_own else _preset_rows(facts))
    tables.print_table(("what", args.voice), rows)
    return 0


def _own_rows(profile: Object, fits: list[Object]) -> Iterator[tuple[str, str]]:
    yield "id", profile["id"]
    yield "name", profile["name"]
    yield "kind", origin(profile)
    yield "languages", " ".join(profile["languages"]) or "any"
    if profile["description"]:
        yield "description", profile["description"]
    yield "whose", _owner(profile)
    able = [fit["engine"] for fit in fits if fit["can"]]
    yield "spoken by", ", ".join(able) or "no engine that is ready"
    if not able and (command := engine_command(fits)):
        others = f", or another of: {', '.join(would)}" if (would := engines_to_pull(fits)) else ""
        yield "would be", f"after `{command}`{others}"
    for name in FACTS:
        if profile.get(name):
            yield name.replace("_", " "), str(profile[name])
    for one in profile["pronunciations"]:
        yield "says", f"{one['word']} as {one.get('respelling') or one.get('ipa', '')}"
    for number, sample in enumerate(profile["samples"], 1):
        yield f"recording {number}", f"{sample['seconds']:.1f} s: {sample['transcript'] or 'words not known'}"


def _preset_rows(voice: Object) -> Iterator[tuple[str, str]]:
    yield "id", voice["id"]
    yield "kind", f"a voice of {voice.get('engine', 'an engine')}"
    yield "languages", " ".join(voice.get("languages", ()))
    for name in ("gender", "description"):
        if voice.get(name):
            yield name, voice[name]


def engines_to_pull(fits: list[Object]) -> list[str]:
    """Return the models that would speak a voice, were they here."""
    pull = "voicebox models pull "
    return [fit["engine"] for fit in fits if fit.get("would") and fit.get("reason", "").startswith(pull)]


def engine_command(fits: list[Object]) -> str:
    """Return the command that comes first on the way to an engine that speaks a voice; nothing where none is
    known. A model to pull comes before an environment to install, which is larger.
    """
    if would := engines_to_pull(fits):
        return f"voicebox models pull {would[0]}"
    commands = (fit.get("reason", "").rpartition(": ")[2] for fit in fits if fit.get("would"))
    return next((command for command in commands if command.startswith("voicebox engines install ")), "")


def _owner(profile: Object) -> str:
    if not profile["mine"]:
        return "another key's, shared with you"
    return "yours, shared with all keys" if profile["shared"] else "yours"


async def _create(args: Namespace) -> tuple[Object, list[Object]]:
    """Create a voice; return it, and which engines can speak it."""
    async with remote.connect(args, needs=SPEECH) as server:
        make = _clone if args.files else _make
        with output.waiting("making the voice"):
            voice = await make(server, args)
        return voice, await speaking_engines(server, voice["id"])


async def _make(server: ServerClient, args: Namespace) -> Object:
    """Create a voice of a description, or of an engine's own."""
    fields = _facts(args) | {"name": args.name, "languages": [args.language] if args.language else None}
    fields |= {"design_prompt": args.design, "design_script": args.script, "consent": args.consent}
    if args.preset:
        fields["preset_engine"], _, fields["preset_voice_id"] = args.preset.partition("/")
        if not fields["preset_voice_id"]:
            raise Failure(f"{args.preset!r} is no ENGINE/VOICE, such as hibari/nova", 2)
    given = {name: value for name, value in fields.items() if value is not None}
    return await server.send("POST", PROFILES, json=given)


async def _clone(server: ServerClient, args: Namespace) -> Object:
    """Create a voice of all recordings; where one is refused, none is made."""
    recordings = [read_recording(file) for file in args.files]
    if args.transcript and len(recordings) > 1:
        raise Failure("--transcript goes with one recording; for more: voicebox voices samples edit", 2)
    form = recording_form("audio_sample", *recordings[0])
    for field in ("name", "consent", "transcript", "language"):
        if getattr(args, field):
            form.add_field(field, getattr(args, field))
    async with server.request("POST", VOICES, data=form) as response:
        voice = await server.read_object(response)
    path = f"{PROFILES}/{voice['id']}"
    try:
        for name, data in recordings[1:]:
            async with server.request("POST", f"{path}/samples", data=recording_form("file", name, data)):
                pass
        if given := {name: value for name, value in _facts(args).items() if value is not None}:
            await server.send("PATCH", path, json=given)
    except Failure:
        await server.send("DELETE", path)
        raise
    return voice


async def _change(args: Namespace, fields: Object) -> Object:
    async with remote.connect(args, needs=NOTHING) as server:
        return await server.send("PATCH", await find_profile_path(server, args.voice), json=fields)


async def _delete(args: Namespace) -> int:
    async with remote.connect(args, needs=NOTHING) as server:
        found = {voice["id"]: voice for voice in [await find_own_voice(server, name) for name in args.voices]}
        names = ", ".join(repr(voice["name"]) for voice in found.values())
        if not args.yes and not output.confirm(f"Delete {names} with all recordings?"):
            raise Failure("nothing was deleted")
        for id in found:
            await server.send("DELETE", f"{PROFILES}/{id}")
    output.print_note(f"deleted: {names}")
    return 0


def read_recording(file: str) -> tuple[str, bytes]:
    """Return a recording's name and content. Raises Failure."""
    path = Path(file).expanduser()
    try:
        return path.name, path.read_bytes()
    except OSError as exc:
        raise Failure(f"cannot read {file}: {exc.strerror}", 2) from exc


def recording_form(field: str, name: str, data: bytes) -> aiohttp.FormData:
    """Return a form with a recording."""
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field(field, data, filename=name, content_type="application/octet-stream")
    return form


def _facts(args: Namespace) -> dict[str, Any]:
    return {"description": args.description, "shared": args.shared}


def _pronunciation(text: str) -> dict[str, str]:
    word, equals, respelling = text.partition("=")
    if not equals or not word.strip() or not respelling.strip():
        raise Failure(f"{text!r} is no pronunciation; write WORD=RESPELLING, as in Nguyen=win", 2)
    return {"word": word.strip(), "respelling": respelling.strip()}
