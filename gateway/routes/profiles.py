"""/v1/voicebox/profiles: custom voices with everything that is known of them."""

from __future__ import annotations

from typing import get_args

import msgspec
from litestar import Response, Router, delete, get, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath

from compat.errors import PreconditionFailed
from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadInput, Forbidden, NotFound, StorageFull
from engines.languages import primary_language
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi.operation import (
    DOCUMENTED,
    FORM_TYPE,
    JSON_TYPE,
    PROFILES_TAG,
    Documented,
    Query,
)
from gateway.http.paging import PAGE, asked_page
from gateway.services import voice_design
from gateway.services.profile_mapping import changed_profile, profile_object, words_of
from gateway.services.voice_warnings import warn_of_voice
from voices.errors import NameTaken, UnknownConsent, UnknownProfile, not_yours, unknown
from voices.limits import VoiceLimits
from voices.naming import compatibility
from voices.profile import Profile, folded

PATH = "/v1/voicebox/profiles"
ONE = "/{profile_id:str}"
USABLE = Documented(raises=(UnknownProfile,))
"""of a profile that the caller may use"""
MINE = Documented(raises=(UnknownProfile, Forbidden))
"""of a profile that the caller may change"""
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""media types of avatars"""


@get(
    "/",
    operation_id="listProfiles",
    summary="List the profiles",
    opt={
        DOCUMENTED: Documented(
            query=(
                *PAGE,
                Query("voice_type", "Only voices of this type.", {"enum": [*get_args(dialect.Kind)]}),
                Query("language", "Only voices that speak this language, in any of its countries."),
            ),
            raises=(UnknownProfile,),
        )
    },
)
async def profiles(context: NamedDependency[RequestContext]) -> dialect.ProfileList:
    """Return the profiles that the caller may use; `?voice_type=` and `?language=` narrow them down,
    `?limit=` and `?after=` page. Raises BadInput or UnknownProfile.
    """
    kind = context.query("voice_type")
    language = context.query("language")
    page = asked_page(context)
    visible, more = await context.services.library.page(context.caller, page.after, page.limit)
    found = tuple(shown_profile(context, profile) for profile in visible if _matches(profile, kind, language))
    return dialect.ProfileList(found, has_more=more, last_id=visible[-1].id if visible else None)


@post(
    "/",
    status_code=200,
    operation_id="createProfile",
    summary="Make a profile",
    opt={
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.ProfileBody},
            raises=(BadInput, NameTaken, UnknownConsent, StorageFull),
            is_queued=True,
            is_counted=True,
        )
    },
)
async def create(context: NamedDependency[RequestContext]) -> dialect.ProfileObject:
    """Create a profile, and return it. Raises BadInput, NameTaken or UnknownConsent."""
    body = read(await context.read_json(), dialect.ProfileBody)
    profile = await _create(context, body)
    warn_of_voice(context.services, context.engines, profile, context.log_entry)
    return shown_profile(context, profile)


@get(
    ONE,
    operation_id="retrieveProfile",
    summary="Look a profile up",
    opt={DOCUMENTED: USABLE},
)
async def retrieve(
    context: NamedDependency[RequestContext], profile_id: FromPath[str]
) -> dialect.ProfileObject:
    """Return a profile. Raises UnknownProfile."""
    return shown_profile(context, await visible_profile(context, profile_id))


@delete(
    ONE,
    status_code=200,
    operation_id="deleteProfile",
    summary="Delete a profile with all its recordings",
    opt={DOCUMENTED: MINE},
)
async def remove(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> dialect.Deleted:
    """Delete a profile. Raises UnknownProfile or Forbidden."""
    await visible_profile(context, profile_id)
    await (await context.voices()).delete(profile_id, context.caller)
    return dialect.Deleted(profile_id, "voicebox.profile")


@route(
    ONE,
    http_method=["PATCH", "PUT"],
    status_code=200,
    operation_id="updateProfile",
    summary="Change a profile: what is sent is set",
    opt={
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.ProfileBody},
            raises=(BadInput, NameTaken, UnknownProfile, UnknownConsent, Forbidden, StorageFull),
        )
    },
)
async def change(
    context: NamedDependency[RequestContext], profile_id: FromPath[str]
) -> dialect.ProfileObject:
    """Change a profile, and return it. Raises BadInput, NameTaken, UnknownProfile or Forbidden."""
    body = read(await context.read_json(), dialect.ProfileBody)
    before = await visible_profile(context, profile_id)
    voices = await context.voices()
    if body.consent or (body.consent == "" and before.voice_type == "cloned"):
        await voices.require_consent(str(body.consent), context.caller)
    engines, words = context.engines, await words_of(body)
    profile = await voices.change(
        profile_id, context.caller, lambda profile: changed_profile(profile, body, engines, words)
    )
    if body.name is not msgspec.UNSET and folded(profile.name) != folded(before.name):
        warn_of_voice(context.services, context.engines, profile, context.log_entry)
    return shown_profile(context, profile)


@get(
    ONE + "/engines",
    operation_id="listProfileEngines",
    summary="Which engines can speak a profile, and why the others cannot",
    opt={DOCUMENTED: USABLE},
)
async def engines(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> dialect.EngineFits:
    """Return of every engine whether it can speak a profile. Raises UnknownProfile."""
    profile = await visible_profile(context, profile_id)
    found = compatibility.fits(profile, context.engines.available)
    return dialect.EngineFits(
        tuple(dialect.EngineFit(fit.engine, fit.can, fit.reason or msgspec.UNSET, fit.would) for fit in found)
    )


@get(
    ONE + "/audit",
    operation_id="listProfileAudit",
    summary="What was done with a profile",
    opt={DOCUMENTED: MINE},
)
async def audit(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> dialect.AuditLines:
    """Return the audit of a profile that the caller may change. Raises UnknownProfile or Forbidden."""
    await editable_profile(context, profile_id)
    lines = await (await context.library()).store.audit(profile_id)
    return dialect.AuditLines(
        tuple(msgspec.convert(line, dialect.AuditLine, from_attributes=True) for line in lines)
    )


@route(
    ONE + "/avatar",
    http_method=["POST", "PUT"],
    status_code=200,
    operation_id="setProfileAvatar",
    summary="Give a profile a picture",
    description="The picture is sent in a form, or is the body itself.",
    opt={
        DOCUMENTED: Documented(
            body={FORM_TYPE: dialect.FileForm, **dict.fromkeys(PICTURES, bytes)},
            raises=(BadInput, UnknownProfile, Forbidden, StorageFull, PreconditionFailed),
        )
    },
)
async def set_avatar(
    context: NamedDependency[RequestContext], profile_id: FromPath[str]
) -> dialect.ProfileObject:
    """Give a profile a picture, and return the profile. Raises BadInput, UnknownProfile, Forbidden or
    PreconditionFailed.
    """
    data = await context.read_file(VoiceLimits().avatar_bytes)
    context.check_change((await visible_profile(context, profile_id)).avatar)
    profile = await (await context.voices()).avatar(profile_id, data, context.caller)
    return shown_profile(context, profile)


@get(
    ONE + "/avatar",
    operation_id="retrieveProfileAvatar",
    summary="A profile's picture",
    response_description="The picture.",
    opt={DOCUMENTED: Documented(answers=dict.fromkeys(PICTURES, bytes), raises=(NotFound,), is_file=True)},
)
async def avatar(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> Response[bytes]:
    """Return a profile's picture, or a range of it. Raises NotFound, PreconditionFailed or
    RangeNotSatisfiable.
    """
    profile = await visible_profile(context, profile_id)
    if not profile.avatar:
        raise NotFound("This profile has no picture.")
    data = await (await context.library()).blobs.get(profile.avatar)
    return context.stored_file(data, profile.avatar_type, profile.avatar)


@delete(
    ONE + "/avatar",
    status_code=200,
    operation_id="deleteProfileAvatar",
    summary="Take a profile's picture away",
    opt={DOCUMENTED: Documented(raises=(*MINE.raises, PreconditionFailed))},
)
async def remove_avatar(
    context: NamedDependency[RequestContext], profile_id: FromPath[str]
) -> dialect.ProfileObject:
    """Delete a profile's picture, and return the profile. Raises UnknownProfile, Forbidden or
    PreconditionFailed.
    """
    context.check_change((await visible_profile(context, profile_id)).avatar)
    voices = await context.voices()
    profile = await voices.change(
        profile_id,
        context.caller,
        lambda profile: msgspec.structs.replace(profile, avatar="", avatar_type=""),
    )
    return shown_profile(context, profile)


PROFILE_ROUTER = Router(
    PATH,
    route_handlers=[
        profiles,
        create,
        retrieve,
        remove,
        change,
        engines,
        audit,
        set_avatar,
        avatar,
        remove_avatar,
    ],
    tags=[PROFILES_TAG],
    opt={ROUTE: "profiles"},
)


def shown_profile(context: RequestContext, profile: Profile) -> dialect.ProfileObject:
    """Return a profile as its caller may see it, with URLs as they are behind the proxy."""
    return profile_object(profile, context.caller, context.services.settings.server.base_path)


async def visible_profile(context: RequestContext, id: str) -> Profile:
    """Return a profile that the caller may use. Raises UnknownProfile."""
    if await context.services.library.is_empty():
        raise unknown(id)
    return await (await context.library()).store.get(id, context.caller)


async def editable_profile(context: RequestContext, id: str) -> Profile:
    """Return a profile that the caller may change. Raises UnknownProfile or Forbidden."""
    profile = await visible_profile(context, id)
    if not profile.editable(context.caller):
        raise not_yours()
    return profile


async def _create(context: RequestContext, body: dialect.ProfileBody) -> Profile:
    if body.name is msgspec.UNSET:
        raise BadInput("`name` is missing.", param="name", code="missing_required_parameter")
    kind: dialect.Kind = body.voice_type if isinstance(body.voice_type, str) else _voice_type(body)
    words = await words_of(body)
    draft = changed_profile(Profile("", "", kind, context.caller), body, context.engines, words)
    voices = await context.voices()
    if draft.consent:
        await voices.require_consent(draft.consent, context.caller)
    return await (create_designed(context, draft) if kind == "designed" else voices.create(draft))


async def create_designed(context: RequestContext, draft: Profile) -> Profile:
    """Create a designed voice, with its reference if an engine that designs is ready; else that is made when
    the voice first speaks. Raises as `VoiceService.create` does, RateLimited, or what the engine raises.
    """
    voices = await context.voices()
    designs = voice_design.find_designer(context.engines) is not None
    seconds = voice_design.reference_seconds(draft) if designs else 0.0
    async with context.permit(seconds):
        profile = await voices.create(draft)
        if not designs:
            return profile
        terms = context.terms(seconds=seconds)
        making = voice_design.ensure_reference(context.services, context.engines, profile, terms)
        return await voice_design.made_or_rolled_back(context.while_client_waits(making), profile, voices)


def _voice_type(body: dialect.ProfileBody) -> dialect.Kind:
    """Return the type of voice that is meant, by the fields that are sent."""
    if body.preset_voice_id:
        return "preset"
    return "designed" if body.design_prompt else "cloned"


def _matches(profile: Profile, kind: str | None, language: str | None) -> bool:
    languages = [*map(primary_language, profile.languages)]
    return (not kind or profile.voice_type == kind) and (
        not language or primary_language(language) in languages
    )
