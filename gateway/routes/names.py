"""/v1/voicebox/presets, aliases and pronunciations: what names lead to, and how words are pronounced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from compat.voicebox import names as dialect
from compat.voicebox.bodies import read
from compat.voicebox.profiles import Deleted
from engines.api import EngineInfo
from engines.errors import BadInput, NotFound, StorageFull, UnknownVoice, Unsupported
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi.operation import DOCUMENTED, JSON_TYPE, NAMES_TAG, Documented, Query
from gateway.http.paging import HIGHEST_LIMIT
from gateway.services.profile_mapping import checked_entries, pronunciation_bodies
from gateway.services.voice_selection import meaning_of, select_voice
from voices.naming.characters import usual_characters
from voices.naming.matching import did_you_mean
from voices.naming.meaning import lasting_target
from voices.profile import NOBODY, checked_name

ALIASES = "/v1/voicebox/aliases"
ALIAS = ALIASES + "/{name:path}"
PRONUNCIATIONS = "/v1/voicebox/pronunciations"
ANY_MODEL = "tts-1"
"""a model that leaves the choice of the engine open"""


@get(
    "/v1/voicebox/presets",
    operation_id="listPresets",
    tags=[NAMES_TAG],
    summary="List the voices that engines bring along",
    opt={DOCUMENTED: Documented(query=(Query("engine", "Only those of this engine."),), raises=(NotFound,))},
)
async def presets(context: NamedDependency[RequestContext]) -> dialect.Presets:
    """Return the presets of all engines, or of the one in `?engine=`. Raises NotFound."""
    engine = context.query("engine")
    infos = context.engines.infos
    if engine and engine not in infos:
        raise _no_engine(engine, context.engines.infos)
    return dialect.Presets(
        tuple(
            preset for info in infos.values() if engine in (None, "", info.name) for preset in _presets(info)
        )
    )


@get(
    "/v1/voicebox/engines/{engine:str}/presets",
    operation_id="listEnginePresets",
    tags=[NAMES_TAG],
    summary="List the voices that an engine brings along",
    opt={DOCUMENTED: Documented(raises=(NotFound,))},
)
async def of_engine(context: NamedDependency[RequestContext], engine: FromPath[str]) -> dialect.Presets:
    """Return the presets of one engine. Raises NotFound."""
    info = context.engines.infos.get(engine)
    if info is None:
        raise _no_engine(engine, context.engines.infos)
    return dialect.Presets(tuple(_presets(info)))


@get(
    ALIASES,
    operation_id="listAliases",
    tags=[NAMES_TAG],
    summary="List further names of voices: of the API, the settings, and OpenAI's",
    opt={ROUTE: "aliases"},
)
async def aliases(context: NamedDependency[RequestContext]) -> dialect.Aliases:
    """Return all aliases; of those with one name only the one that counts."""
    services = context.services
    own: dict[str, str] = {}
    common: dict[str, str] = {}
    if not await services.library.is_empty():
        kept = (await context.library()).aliases
        own = await kept.list(context.caller)
        common = await kept.list(NOBODY) if context.caller else {}
    found = [dialect.Alias(*pair, "api") for pair in own.items()]
    found += [dialect.Alias(*pair, "settings") for pair in services.settings.compat.voice_aliases.items()]
    found += [
        dialect.Alias(name, f"{meant.engine}/{meant.preset}", "engine")
        for name, meant in usual_characters(context.engines.infos).items()
    ]
    found += [dialect.Alias(*pair, "api") for pair in common.items()]
    return dialect.Aliases(tuple({alias.name.casefold(): alias for alias in reversed(found)}.values())[::-1])


@put(
    ALIAS,
    operation_id="setAlias",
    tags=[NAMES_TAG],
    summary="Make or change an alias: yours where you have a key, everybody's where there are none",
    opt={
        ROUTE: "aliases",
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.AliasBody}, raises=(UnknownVoice, Unsupported, NotFound, StorageFull)
        ),
    },
)
async def put_alias(context: NamedDependency[RequestContext], name: FromPath[str]) -> dialect.Alias:
    """Make or change an alias, and return it. Raises BadInput, UnknownVoice or Unsupported."""
    target = read(await context.read_json(), dialect.AliasBody).target.strip()
    alias = checked_name(name.lstrip("/"))
    await select_voice(context.services, context.engines, ANY_MODEL, target, context.caller)
    found = await meaning_of(context.services, context.engines, target, context.caller, is_target=True)
    opened = await context.library()
    if found.source == "nothing":
        named = await opened.look_up(target, context.caller)
        if leads_to := named.alias or named.common_alias:
            raise BadInput(f"'{target}' is an alias itself; it leads to '{leads_to}'.", param="target")
    target = lasting_target(target, found, context.caller)
    await opened.aliases.put(alias, target, context.caller)
    return dialect.Alias(alias, target, "api")


@delete(
    ALIAS,
    status_code=200,
    operation_id="deleteAlias",
    tags=[NAMES_TAG],
    summary="Take an alias away that was made here",
    opt={ROUTE: "aliases", DOCUMENTED: Documented(raises=(NotFound,))},
)
async def delete_alias(context: NamedDependency[RequestContext], name: FromPath[str]) -> Deleted:
    """Delete an alias of the caller's. Raises NotFound."""
    alias = name.lstrip("/")
    empty = await context.services.library.is_empty()
    if empty or not await (await context.library()).aliases.delete(alias, context.caller):
        raise NotFound(f"You have made no alias '{alias[:100]}'.")
    return Deleted(alias, "voicebox.alias")


@get(
    PRONUNCIATIONS,
    operation_id="retrievePronunciations",
    tags=[NAMES_TAG],
    summary="How you want words to be said, in every voice",
    opt={ROUTE: "pronunciations"},
)
async def get_words(context: NamedDependency[RequestContext]) -> dialect.Dictionary:
    """Return the caller's pronunciations."""
    if await context.services.library.is_empty():
        return dialect.Dictionary(())
    entries = await (await context.library()).dictionaries.get(context.caller)
    return dialect.Dictionary(pronunciation_bodies(entries))


@put(
    PRONUNCIATIONS,
    operation_id="setPronunciations",
    tags=[NAMES_TAG],
    summary="Say how you want words to be said, in every voice; replaces what was there",
    opt={
        ROUTE: "pronunciations",
        DOCUMENTED: Documented(body={JSON_TYPE: dialect.Dictionary}, raises=(StorageFull,)),
    },
)
async def put_words(context: NamedDependency[RequestContext]) -> dialect.Dictionary:
    """Replace the caller's pronunciations, and return them. Raises BadInput."""
    bodies = read(await context.read_json(), dialect.Dictionary).pronunciations
    entries = await asyncio.to_thread(checked_entries, bodies)
    await (await context.library()).dictionaries.put(context.caller, entries)
    return dialect.Dictionary(pronunciation_bodies(entries))


@delete(
    "/v1/voicebox/cache",
    status_code=200,
    operation_id="clearCache",
    tags=[NAMES_TAG],
    summary="Forget the prompts of all voices that you may change",
    opt={ROUTE: "cache"},
)
async def clear(context: NamedDependency[RequestContext]) -> dialect.Cleared:
    """Delete the voice prompts of the caller's voices, and return how many there were."""
    cleared, after, more = 0, "", True
    while more:
        found, more = await context.services.library.page(context.caller, after, HIGHEST_LIMIT)
        for profile in found:
            after = profile.id
            if profile.editable(context.caller):
                cleared += await (await context.library()).prompts.clear(profile.id)
    return dialect.Cleared(cleared)


NAME_ROUTES = (presets, of_engine, aliases, put_alias, delete_alias, get_words, put_words, clear)


def _no_engine(name: str, ready: Iterable[str]) -> NotFound:
    return NotFound(f"There is no engine `{name[:100]}` that is ready.{did_you_mean(name, ready)}")


def _presets(info: EngineInfo) -> list[dialect.Preset]:
    """Return an engine's presets, each with OpenAI's names that lead to it."""
    characters: dict[str, list[str]] = {}
    for name, preset in info.characters.items():
        characters.setdefault(preset, []).append(name)
    return [
        dialect.Preset(
            f"{info.name}/{voice.id}",
            info.name,
            voice.id,
            voice.name,
            voice.languages,
            voice.gender or UNSET,
            voice.description or UNSET,
            tuple(characters.get(voice.id, ())),
        )
        for voice in info.voices
    ]
