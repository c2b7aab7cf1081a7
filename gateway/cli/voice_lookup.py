"""Voices as a server knows them, by the names that people give them."""

from __future__ import annotations

from typing import Any

from gateway.cli.output import Failure
from gateway.cli.remote import Refused, ServerClient, quoted
from voices.naming.matching import did_you_mean

VOICES = "/v1/audio/voices"
PROFILES = "/v1/voicebox/profiles"
NOT_FOUND = 404

Object = dict[str, Any]


async def find_voice(server: ServerClient, name: str) -> Object:
    """Return a voice by its id or name; one of the library has `created_at`. Raises Failure."""
    try:
        return await server.get(f"{VOICES}/{quoted(name)}")
    except Refused as exc:
        if exc.http_status != NOT_FOUND:
            raise
    known = await server.pages(VOICES)
    names = dict.fromkeys(name for voice in known for name in (voice["name"], voice["id"]))
    raise Failure(f"there is no voice {name!r}.{did_you_mean(name, names)} `voicebox voices` lists them")


async def find_own_voice(server: ServerClient, name: str) -> Object:
    """Return a voice of the library. Raises Failure, also for one that an engine brings along."""
    voice = await find_voice(server, name)
    if "created_at" not in voice:
        engine = voice.get("engine", "an engine")
        raise Failure(f"{voice['id']!r} is a voice of {engine}, none of your own: it stays as it is")
    return voice


async def find_profile_path(server: ServerClient, name: str) -> str:
    """Return the path of the profile of a voice of the library. Raises Failure."""
    return f"{PROFILES}/{(await find_own_voice(server, name))['id']}"


async def speaking_engines(server: ServerClient, id: str) -> list[Object]:
    """Return every engine, and whether it can speak a voice of the library. Raises Failure."""
    found: list[Object] = (await server.get(f"{PROFILES}/{id}/engines"))["data"]
    return found


def origin(profile: Object) -> str:
    """Return in a few words what a voice of the library was made of."""
    if profile["voice_type"] == "preset":
        return f"{profile.get('preset_engine', '')}/{profile.get('preset_voice_id', '')} under another name"
    if profile["voice_type"] == "designed":
        return f"designed: {profile.get('design_prompt', '')}"
    samples = profile["samples"]
    seconds = sum(sample["seconds"] for sample in samples)
    count = f"{len(samples)} recording{'' if len(samples) == 1 else 's'}"
    return f"cloned from {count} of {seconds:.1f} s" if samples else "cloned, without a recording yet"
