"""OpenAI's voices: create and delete, as its SDKs have them; list and retrieve, which user interfaces look
for.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from compat.openai import voices as dialect
from compat.openai.models import ListedVoice, VoiceList
from engines.errors import BadAudio, BadInput, Forbidden, StorageFull
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi.operation import DOCUMENTED, FORM_TYPE, JSON_TYPE, VOICES_TAG, Documented
from gateway.http.paging import PAGE, asked_page
from gateway.routes.listing import preset_voices
from gateway.routes.profiles import create_designed
from gateway.services.voice_selection import meaning_of
from gateway.services.voice_warnings import warn_of_voice
from voices.errors import NameTaken, UnknownConsent, UnknownProfile, unknown
from voices.naming.matching import did_you_mean
from voices.profile import Profile, VoiceType, checked_language, checked_name

LISTED_TYPES: dict[VoiceType, Literal["audio_sample", "prompt", "preset"]] = {
    "cloned": "audio_sample",
    "designed": "prompt",
    "preset": "preset",
}


@post(
    "/",
    status_code=200,
    operation_id="createVoice",
    summary="Make a voice from a sample or a description",
    opt={
        ROUTE: "voices",
        DOCUMENTED: Documented(
            body={FORM_TYPE: dialect.CreateVoiceForm, JSON_TYPE: dialect.DesignVoiceBody},
            raises=(BadInput, BadAudio, NameTaken, UnknownConsent, StorageFull),
            is_queued=True,
            is_counted=True,
        ),
    },
)
async def create(context: NamedDependency[RequestContext]) -> dialect.VoiceObject:
    """Create a cloned or designed voice, and return it. Raises BadInput, BadAudio, NameTaken or
    UnknownConsent.
    """
    form = await context.read_form_or_json("audio_sample", context.services.settings.voices.upload_bytes)
    request = dialect.create_voice(form.fields)
    if request.type == "prompt":
        profile = await _design(context, request)
    else:
        async with context.permit():
            profile = await _clone(context, request, form.data, form.data_type)
    warn_of_voice(context.services, context.engines, profile, context.log_entry)
    return voice_object(profile)


@get(
    "/",
    operation_id="listVoices",
    summary="List the voices",
    opt={DOCUMENTED: Documented(query=PAGE, raises=(UnknownProfile,))},
)
async def voices(context: NamedDependency[RequestContext]) -> VoiceList:
    """Return the custom voices that the caller may use, then the presets: a page of them, with the presets
    behind the last of the custom ones. Raises BadInput or UnknownProfile.
    """
    caller = context.caller
    page = asked_page(context)
    visible, more = await context.services.library.page(caller, page.after, page.limit)
    custom = [_listed(profile, caller) for profile in visible if caller or not profile.owner]
    presets = () if more else preset_voices(context.engines.infos)
    found = (*custom, *presets)
    return VoiceList(found, found, has_more=more, last_id=visible[-1].id if more else None)


@get(
    "/{voice_id:path}",
    operation_id="retrieveVoice",
    summary="Look a voice up",
    opt={DOCUMENTED: Documented(raises=(BadInput, UnknownProfile))},
)
async def retrieve(
    context: NamedDependency[RequestContext], voice_id: FromPath[str]
) -> ListedVoice | dialect.VoiceObject:
    """Return a custom voice or a preset, by id or name. Raises UnknownProfile."""
    name = voice_id.lstrip("/")
    found = await meaning_of(context.services, context.engines, name, context.caller)
    if found.profile:
        return voice_object(found.profile)
    presets = {voice.id.casefold(): voice for voice in preset_voices(context.engines.infos)}
    preset = presets.get(found.name.casefold())
    if preset is None:
        raise unknown(name, did_you_mean(name, [voice.id for voice in presets.values()]))
    return preset


@delete(
    "/{voice_id:path}",
    status_code=200,
    operation_id="deleteVoice",
    summary="Delete a voice",
    opt={ROUTE: "voices", DOCUMENTED: Documented(raises=(UnknownProfile, Forbidden))},
)
async def remove(context: NamedDependency[RequestContext], voice_id: FromPath[str]) -> dialect.VoiceDeleted:
    """Delete a custom voice by its id. Raises UnknownProfile or Forbidden."""
    id = voice_id.lstrip("/")
    if await context.services.library.is_empty():
        raise unknown(id)
    await (await context.voices()).delete(id, context.caller)
    return dialect.VoiceDeleted(id)


VOICE_ROUTER = Router(
    "/v1/audio/voices", route_handlers=[create, voices, retrieve, remove], tags=[VOICES_TAG]
)


async def _clone(
    context: RequestContext, request: dialect.CreateVoice, data: bytes | None, data_type: str
) -> Profile:
    from voices.samples.samples import Upload

    draft = msgspec.structs.replace(_draft(context, request, "cloned"), consent=request.consent)
    voices = await context.voices()
    await voices.require_consent(request.consent, context.caller)
    if not data:
        raise dialect.missing("audio_sample")
    dialect.check_type(data_type, "audio_sample")
    return await voices.create(draft, (Upload(data, request.transcript),))


async def _design(context: RequestContext, request: dialect.CreateVoice) -> Profile:
    """Create a described voice."""
    from voices.authoring import checked_script

    script = checked_script(request.script_hint) if request.script_hint is not None else ""
    draft = msgspec.structs.replace(
        _draft(context, request, "designed"), design_prompt=request.prompt.strip(), design_script=script
    )
    return await create_designed(context, draft)


def _draft(context: RequestContext, request: dialect.CreateVoice, voice_type: VoiceType) -> Profile:
    languages = tuple(checked_language(tag) for tag in request.languages)
    return Profile("", checked_name(request.name), voice_type, context.caller, languages=languages)


def voice_object(profile: Profile) -> dialect.VoiceObject:
    """Return a voice as OpenAI's SDKs have it; a preset of the library is like one with a sample."""
    designed = profile.voice_type == "designed"
    return dialect.VoiceObject(
        profile.id,
        profile.name,
        int(profile.created),
        "prompt" if designed else "audio_sample",
        prompt=profile.design_prompt if designed else UNSET,
    )


def _listed(profile: Profile, caller: str) -> ListedVoice:
    return ListedVoice(
        id=profile.id,
        name=profile.name,
        language=profile.languages[0] if profile.languages else UNSET,
        languages=profile.languages,
        description=profile.description or UNSET,
        created_at=int(profile.created),
        type=LISTED_TYPES[profile.voice_type],
        prompt=profile.design_prompt if profile.design_prompt and profile.editable(caller) else UNSET,
    )
