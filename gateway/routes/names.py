"""/v1/voicebox/presets, aliases and pronunciations: what names lead to, and how words are said."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from compat.voicebox import names as dialect
from compat.voicebox.bodies import read
from compat.voicebox.profiles import Deleted
from engines.api import EngineInfo
from engines.errors import BadInput, NotFound
from gateway.http.context import HttpRequest, RequestContext, query
from gateway.http.openapi import documented
from gateway.services.container import Services
from gateway.services.profile_mapping import entries, pronunciation_bodies
from gateway.services.voice_selection import select_voice
from voices.profile import checked_name

ALIAS = "/v1/voicebox/aliases/{name:path}"


def name_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/v1/voicebox/presets", summary="List the voices that engines bring along")
    async def presets(request: HttpRequest) -> dialect.Presets:
        wanted = query(request, "engine")
        infos = services.infos()
        if wanted and wanted not in infos:
            raise NotFound(f"There is no engine `{wanted[:100]}` that is ready.")
        return dialect.Presets(
            tuple(one for info in infos.values() if wanted in (None, "", info.name) for one in _presets(info))
        )

    @get("/v1/voicebox/engines/{engine:str}/presets", summary="List the voices that an engine brings along")
    async def of_engine(engine: FromPath[str]) -> dialect.Presets:
        info = services.infos().get(engine)
        if info is None:
            raise NotFound(f"There is no engine `{engine[:100]}` that is ready.")
        return dialect.Presets(tuple(_presets(info)))

    return [presets, of_engine, *_aliases(services), *_pronunciations(services)]


def _aliases(services: Services) -> list[HTTPRouteHandler]:
    @get(
        "/v1/voicebox/aliases", summary="List further names of voices: of the API, the settings, and OpenAI's"
    )
    async def aliases(request: HttpRequest) -> dialect.Aliases:
        context = RequestContext(services, request, "aliases")
        made = (
            {}
            if await services.library.is_empty()
            else await (await context.library()).aliases.list(context.caller)
        )
        found = [dialect.Alias(name, target, "api") for name, target in made.items()]
        found += [dialect.Alias(*pair, "settings") for pair in services.settings.compat.voice_aliases.items()]
        for engine, info in services.infos().items():
            found += [
                dialect.Alias(name, f"{engine}/{preset}", "engine")
                for name, preset in info.characters.items()
            ]
        return dialect.Aliases(
            tuple({alias.name.casefold(): alias for alias in reversed(found)}.values())[::-1]
        )

    @put(
        ALIAS,
        operation_class=documented(dialect.AliasBody),
        summary="Make or change an alias: yours where you have a key, everybody's where there are none",
    )
    async def put_alias(request: HttpRequest, name: FromPath[str]) -> dialect.Alias:
        context = RequestContext(services, request, "aliases")
        target = read(await context.json(), dialect.AliasBody).target.strip()
        known = checked_name(name.lstrip("/"))
        await select_voice(services, "tts-1", target, context.caller)
        opened = await context.library()
        looked = await opened.look_up(target, context.caller)
        if looked.alias and not looked.profile and not services.resolver().is_voice(target):
            raise BadInput(f"'{target}' is an alias itself; it leads to '{looked.alias}'.", param="target")
        await opened.aliases.put(known, target, context.caller)
        return dialect.Alias(known, target, "api")

    @delete(ALIAS, status_code=200, summary="Take an alias away that was made here")
    async def delete_alias(request: HttpRequest, name: FromPath[str]) -> Deleted:
        context = RequestContext(services, request, "aliases")
        known = name.lstrip("/")
        if await services.library.is_empty() or not await (await context.library()).aliases.delete(
            known, context.caller
        ):
            raise NotFound(f"You have made no alias '{known[:100]}'.")
        return Deleted(known, "voicebox.alias")

    return [aliases, put_alias, delete_alias]


def _pronunciations(services: Services) -> list[HTTPRouteHandler]:
    @get("/v1/voicebox/pronunciations", summary="How you want words to be said, in every voice")
    async def get_words(request: HttpRequest) -> dialect.Dictionary:
        context = RequestContext(services, request, "pronunciations")
        known = (
            ()
            if await services.library.is_empty()
            else await (await context.library()).dictionaries.get(context.caller)
        )
        return dialect.Dictionary(pronunciation_bodies(known))

    @put(
        "/v1/voicebox/pronunciations",
        operation_class=documented(dialect.Dictionary),
        summary="Say how you want words to be said, in every voice; replaces what was there",
    )
    async def put_words(request: HttpRequest) -> dialect.Dictionary:
        context = RequestContext(services, request, "pronunciations")
        checked = entries(read(await context.json(), dialect.Dictionary).pronunciations)
        await (await context.library()).dictionaries.put(context.caller, checked)
        return dialect.Dictionary(pronunciation_bodies(checked))

    @delete(
        "/v1/voicebox/cache", status_code=200, summary="Forget the prompts of all voices that you may change"
    )
    async def clear(request: HttpRequest) -> dialect.Cleared:
        context = RequestContext(services, request, "cache")
        own = [one for one in await services.library.visible(context.caller) if one.editable(context.caller)]
        if not own:
            return dialect.Cleared(0)
        opened = await context.library()
        return dialect.Cleared(sum([await opened.prompts.clear(profile.id) for profile in own]))

    return [get_words, put_words, clear]


def _presets(info: EngineInfo) -> list[dialect.Preset]:
    leading: dict[str, list[str]] = {}
    for name, preset in info.characters.items():
        leading.setdefault(preset, []).append(name)
    return [
        dialect.Preset(
            f"{info.name}/{voice.id}",
            info.name,
            voice.id,
            voice.name,
            voice.languages,
            voice.gender or UNSET,
            voice.description or UNSET,
            tuple(leading.get(voice.id, ())),
        )
        for voice in info.voices
    ]
