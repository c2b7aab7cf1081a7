"""/v1/voicebox/profiles: voices of one's own with everything that is known of them."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadInput, NotFound
from gateway.http.context import HttpRequest, RequestContext, query
from gateway.http.openapi import FORM, documented
from gateway.services import voice_design
from gateway.services.container import Services
from gateway.services.profile_mapping import changed, profile_object
from voices.errors import not_yours, unknown
from voices.limits import VoiceLimits
from voices.naming import compatibility
from voices.profile import Profile

PATH = "/v1/voicebox/profiles"
ONE = PATH + "/{profile_id:str}"


def profile_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(PATH, summary="List the profiles")
    async def profiles(request: HttpRequest) -> dialect.ProfileList:
        context = RequestContext(services, request, "profiles")
        kind, language = query(request, "voice_type"), query(request, "language")
        found = [
            profile
            for profile in await services.library.visible(context.caller)
            if _matches(profile, kind, language)
        ]
        return dialect.ProfileList(tuple(profile_object(profile, context.caller) for profile in found))

    @post(PATH, status_code=200, operation_class=documented(dialect.ProfileBody), summary="Make a profile")
    async def create(request: HttpRequest) -> dialect.ProfileObject:
        context = RequestContext(services, request, "profiles")
        body = read(await context.json(), dialect.ProfileBody)
        return profile_object(await _create(context, body), context.caller)

    @get(ONE, summary="Look a profile up")
    async def retrieve(request: HttpRequest, profile_id: FromPath[str]) -> dialect.ProfileObject:
        context = RequestContext(services, request, "profiles")
        return profile_object(await profile_of(context, profile_id), context.caller)

    @delete(ONE, status_code=200, summary="Delete a profile with all its recordings")
    async def remove(request: HttpRequest, profile_id: FromPath[str]) -> dialect.Deleted:
        context = RequestContext(services, request, "profiles")
        await profile_of(context, profile_id)
        await (await context.voices()).delete(profile_id, context.caller)
        return dialect.Deleted(profile_id, "voicebox.profile")

    return [profiles, create, retrieve, remove, *_changes(services), *_facts(services)]


def _changes(services: Services) -> list[HTTPRouteHandler]:
    @route(
        ONE,
        http_method=["PATCH", "PUT"],
        status_code=200,
        operation_class=documented(dialect.ProfileBody),
        summary="Change a profile: what is sent is set",
    )
    async def change(request: HttpRequest, profile_id: FromPath[str]) -> dialect.ProfileObject:
        context = RequestContext(services, request, "profiles")
        body = read(await context.json(), dialect.ProfileBody)
        before = await profile_of(context, profile_id)
        voices = await context.voices()
        if body.consent or (body.consent == "" and before.voice_type == "cloned"):
            await voices.require_consent(str(body.consent), context.caller)
        profile = await voices.change(profile_id, context.caller, lambda one: changed(one, body, services))
        return profile_object(profile, context.caller)

    return [change]


def _facts(services: Services) -> list[HTTPRouteHandler]:
    @get(ONE + "/engines", summary="Which engines can speak a profile, and why the others cannot")
    async def engines(request: HttpRequest, profile_id: FromPath[str]) -> dialect.EngineFits:
        profile = await profile_of(RequestContext(services, request, "profiles"), profile_id)
        found = compatibility.fits(
            profile, compatibility.AvailableEngines(services.infos(), services.absent())
        )
        return dialect.EngineFits(
            tuple(
                dialect.EngineFit(fit.engine, fit.can, fit.reason or msgspec.UNSET, fit.would)
                for fit in found
            )
        )

    @get(ONE + "/audit", summary="What was done with a profile")
    async def audit(request: HttpRequest, profile_id: FromPath[str]) -> dialect.AuditLines:
        context = RequestContext(services, request, "profiles")
        await own_profile(context, profile_id)
        lines = await (await context.library()).store.audit(profile_id)
        return dialect.AuditLines(
            tuple(msgspec.convert(line, dialect.AuditLine, from_attributes=True) for line in lines)
        )

    @route(
        ONE + "/avatar",
        http_method=["POST", "PUT"],
        status_code=200,
        operation_class=documented(dialect.FileForm, FORM),
        summary="Give a profile a picture",
    )
    async def set_avatar(request: HttpRequest, profile_id: FromPath[str]) -> dialect.ProfileObject:
        context = RequestContext(services, request, "profiles")
        data = await context.file(VoiceLimits().avatar_bytes)
        await profile_of(context, profile_id)
        return profile_object(
            await (await context.voices()).avatar(profile_id, data, context.caller), context.caller
        )

    @get(ONE + "/avatar", summary="A profile's picture")
    async def avatar(request: HttpRequest, profile_id: FromPath[str]) -> Response[bytes]:
        context = RequestContext(services, request, "profiles")
        profile = await profile_of(context, profile_id)
        if not profile.avatar:
            raise NotFound("This profile has no picture.")
        data = await (await context.library()).blobs.get(profile.avatar)
        return Response(data, media_type=profile.avatar_type, headers={"x-content-type-options": "nosniff"})

    @delete(ONE + "/avatar", status_code=200, summary="Take a profile's picture away")
    async def remove_avatar(request: HttpRequest, profile_id: FromPath[str]) -> dialect.ProfileObject:
        context = RequestContext(services, request, "profiles")
        await profile_of(context, profile_id)
        voices = await context.voices()
        bare = await voices.change(
            profile_id, context.caller, lambda one: msgspec.structs.replace(one, avatar="", avatar_type="")
        )
        return profile_object(bare, context.caller)

    return [engines, audit, set_avatar, avatar, remove_avatar]


async def profile_of(context: RequestContext, id: str) -> Profile:
    """Give a profile that the caller may use. Raises UnknownProfile."""
    if await context.services.library.is_empty():
        raise unknown(id)
    return await (await context.library()).store.get(id, context.caller)


async def own_profile(context: RequestContext, id: str) -> Profile:
    """Give a profile that the caller may change. Raises UnknownProfile or NotYours."""
    profile = await profile_of(context, id)
    if not profile.editable(context.caller):
        raise not_yours()
    return profile


async def _create(context: RequestContext, body: dialect.ProfileBody) -> Profile:
    if body.name is msgspec.UNSET:
        raise BadInput("`name` is missing.", param="name", code="missing_required_parameter")
    kind: dialect.Kind = body.voice_type if isinstance(body.voice_type, str) else _kind(body)
    draft = changed(Profile("", "", kind, context.caller), body, context.services)
    voices = await context.voices()
    if draft.consent:
        await voices.require_consent(draft.consent, context.caller)
    profile = await voices.create(draft)
    if kind == "designed" and voice_design.designer(context.services):
        return await voice_design.create_or_roll_back(context.services, profile, context.terms(), voices)
    return profile


def _kind(body: dialect.ProfileBody) -> dialect.Kind:
    """Tell from what is sent which kind of voice is meant."""
    if body.preset_voice_id:
        return "preset"
    return "designed" if body.design_prompt else "cloned"


def _matches(profile: Profile, kind: str | None, language: str | None) -> bool:
    spoken = [tag.casefold().partition("-")[0] for tag in profile.languages]
    return (not kind or profile.voice_type == kind) and (
        not language or language.casefold().partition("-")[0] in spoken
    )
