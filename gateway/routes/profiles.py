"""/v1/voicebox/profiles: voices of one's own with everything that is known of them."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.api import BadInput, NotFound
from gateway.http.context import Ask, Desk, query
from gateway.http.openapi import FORM, documented
from gateway.services import voice_design
from gateway.services.container import Services
from gateway.services.profile_mapping import changed, profile_object
from voices.errors import not_yours, unknown
from voices.limits import Rules
from voices.naming import compatibility
from voices.profile import Profile

PATH = "/v1/voicebox/profiles"
ONE = PATH + "/{profile_id:str}"


def profile_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(PATH, summary="List the profiles")
    async def profiles(request: Ask) -> dialect.ProfileList:
        desk = Desk(services, request, "profiles")
        kind, language = query(request, "voice_type"), query(request, "language")
        found = [profile for profile in await services.library.visible(desk.viewer) if _matches(profile, kind, language)]
        return dialect.ProfileList(tuple(profile_object(profile, desk.viewer) for profile in found))

    @post(PATH, status_code=200, operation_class=documented(dialect.ProfileBody), summary="Make a profile")
    async def create(request: Ask) -> dialect.ProfileObject:
        desk = Desk(services, request, "profiles")
        body = read(await desk.json(), dialect.ProfileBody)
        return profile_object(await _create(desk, body), desk.viewer)

    @get(ONE, summary="Look a profile up")
    async def retrieve(request: Ask, profile_id: FromPath[str]) -> dialect.ProfileObject:
        desk = Desk(services, request, "profiles")
        return profile_object(await profile_of(desk, profile_id), desk.viewer)

    @delete(ONE, status_code=200, summary="Delete a profile with all its recordings")
    async def remove(request: Ask, profile_id: FromPath[str]) -> dialect.Deleted:
        desk = Desk(services, request, "profiles")
        await profile_of(desk, profile_id)
        await (await desk.making()).delete(profile_id, desk.viewer)
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
    async def change(request: Ask, profile_id: FromPath[str]) -> dialect.ProfileObject:
        desk = Desk(services, request, "profiles")
        body = read(await desk.json(), dialect.ProfileBody)
        before = await profile_of(desk, profile_id)
        making = await desk.making()
        if body.consent or (body.consent == "" and before.voice_type == "cloned"):
            await making.require_consent(str(body.consent), desk.viewer)
        profile = await making.change(profile_id, desk.viewer, lambda one: changed(one, body, services))
        return profile_object(profile, desk.viewer)

    return [change]


def _facts(services: Services) -> list[HTTPRouteHandler]:
    @get(ONE + "/engines", summary="Which engines can speak a profile, and why the others cannot")
    async def engines(request: Ask, profile_id: FromPath[str]) -> dialect.EngineFits:
        profile = await profile_of(Desk(services, request, "profiles"), profile_id)
        found = compatibility.fits(profile, compatibility.Surroundings(services.infos(), services.absent()))
        return dialect.EngineFits(
            tuple(dialect.EngineFit(fit.engine, fit.can, fit.reason or msgspec.UNSET, fit.would) for fit in found)
        )

    @get(ONE + "/audit", summary="What was done with a profile")
    async def audit(request: Ask, profile_id: FromPath[str]) -> dialect.AuditLines:
        desk = Desk(services, request, "profiles")
        await own_profile(desk, profile_id)
        lines = await (await desk.shelves()).store.audit(profile_id)
        return dialect.AuditLines(tuple(msgspec.convert(line, dialect.AuditLine, from_attributes=True) for line in lines))

    @route(
        ONE + "/avatar",
        http_method=["POST", "PUT"],
        status_code=200,
        operation_class=documented(dialect.FileForm, FORM),
        summary="Give a profile a picture",
    )
    async def set_avatar(request: Ask, profile_id: FromPath[str]) -> dialect.ProfileObject:
        desk = Desk(services, request, "profiles")
        data = await desk.file(Rules().avatar_bytes)
        await profile_of(desk, profile_id)
        return profile_object(await (await desk.making()).avatar(profile_id, data, desk.viewer), desk.viewer)

    @get(ONE + "/avatar", summary="A profile's picture")
    async def avatar(request: Ask, profile_id: FromPath[str]) -> Response[bytes]:
        desk = Desk(services, request, "profiles")
        profile = await profile_of(desk, profile_id)
        if not profile.avatar:
            raise NotFound("This profile has no picture.")
        data = await (await desk.shelves()).blobs.get(profile.avatar)
        return Response(data, media_type=profile.avatar_type, headers={"x-content-type-options": "nosniff"})

    @delete(ONE + "/avatar", status_code=200, summary="Take a profile's picture away")
    async def remove_avatar(request: Ask, profile_id: FromPath[str]) -> dialect.ProfileObject:
        desk = Desk(services, request, "profiles")
        await profile_of(desk, profile_id)
        making = await desk.making()
        bare = await making.change(profile_id, desk.viewer, lambda one: msgspec.structs.replace(one, avatar="", avatar_type=""))
        return profile_object(bare, desk.viewer)

    return [engines, audit, set_avatar, avatar, remove_avatar]


async def profile_of(desk: Desk, id: str) -> Profile:
    """Give a profile that the caller may use. Raises UnknownProfile."""
    if await desk.services.library.is_empty():
        raise unknown(id)
    return await (await desk.shelves()).store.get(id, desk.viewer)


async def own_profile(desk: Desk, id: str) -> Profile:
    """Give a profile that the caller may change. Raises UnknownProfile or NotYours."""
    profile = await profile_of(desk, id)
    if not profile.editable(desk.viewer):
        raise not_yours()
    return profile


async def _create(desk: Desk, body: dialect.ProfileBody) -> Profile:
    if body.name is msgspec.UNSET:
        raise BadInput("`name` is missing.", param="name", code="missing_required_parameter")
    kind: dialect.Kind = body.voice_type if isinstance(body.voice_type, str) else _kind(body)
    draft = changed(Profile("", "", kind, desk.viewer), body, desk.services)
    making = await desk.making()
    if draft.consent:
        await making.require_consent(draft.consent, desk.viewer)
    profile = await making.create(draft)
    if kind == "designed" and voice_design.designer(desk.services):
        return await voice_design.made_or_unmade(desk.services, profile, desk.terms(), making)
    return profile


def _kind(body: dialect.ProfileBody) -> dialect.Kind:
    """Tell from what is sent which kind of voice is meant."""
    if body.preset_voice_id:
        return "preset"
    return "designed" if body.design_prompt else "cloned"


def _matches(profile: Profile, kind: str | None, language: str | None) -> bool:
    spoken = [tag.casefold().partition("-")[0] for tag in profile.languages]
    return (not kind or profile.voice_type == kind) and (not language or language.casefold().partition("-")[0] in spoken)
