"""OpenAI's voices: create and delete, as its SDKs have them; list and retrieve, which user interfaces look
for.
"""

from __future__ import annotations

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from compat.openai import voices as dialect
from compat.openai.models import ListedVoice, VoiceList
from gateway.http.context import HttpRequest, RequestContext
from gateway.http.openapi import FORM, documented
from gateway.observability import request_log
from gateway.routes.listing import preset_voices
from gateway.services import voice_design
from gateway.services.container import Services
from voices.errors import unknown
from voices.profile import Profile, checked_language, checked_name


def voice_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(
        "/v1/audio/voices",
        status_code=200,
        operation_class=documented(dialect.CreateVoiceForm, FORM),
        summary="Make a voice from a sample or a description",
    )
    async def create(request: HttpRequest) -> dialect.VoiceObject:
        context = RequestContext(services, request, "voices")
        async with context.admitted():
            sent = await context.sent("audio_sample", services.settings.voices.upload_bytes)
            asked = dialect.create_voice(sent.fields)
            if asked.type == "prompt":
                return voice_object(await _design(context, asked))
            return voice_object(await _clone(context, asked, sent.data, sent.data_type))

    @get("/v1/audio/voices", summary="List the voices")
    async def voices(request: HttpRequest) -> VoiceList:
        caller = request_log.of(request).key or ""
        own = [one for one in await services.library.visible(caller) if caller or not one.owner]
        found = (*(_listed(profile, caller) for profile in own), *preset_voices(services.infos()))
        return VoiceList(found, found)

    @get("/v1/audio/voices/{voice_id:path}", summary="Look a voice up")
    async def retrieve(request: HttpRequest, voice_id: FromPath[str]) -> ListedVoice | dialect.VoiceObject:
        name = voice_id.lstrip("/")
        found = await services.library.find(name, request_log.of(request).key or "")
        if found.profile:
            return voice_object(found.profile)
        preset = next(
            (voice for voice in preset_voices(services.infos()) if voice.id.casefold() == name.casefold()),
            None,
        )
        if preset is None:
            raise unknown(name)
        return preset

    @delete("/v1/audio/voices/{voice_id:path}", status_code=200, summary="Delete a voice")
    async def remove(request: HttpRequest, voice_id: FromPath[str]) -> dialect.VoiceDeleted:
        context = RequestContext(services, request, "voices")
        id = voice_id.lstrip("/")
        if await services.library.is_empty():
            raise unknown(id)
        await (await context.voices()).delete(id, context.caller)
        return dialect.VoiceDeleted(id)

    return [create, voices, retrieve, remove]


async def _clone(
    context: RequestContext, asked: dialect.CreateVoice, data: bytes | None, data_type: str
) -> Profile:
    from voices.samples.samples import Upload

    draft = _draft(context, asked, "cloned")
    voices = await context.voices()
    await voices.require_consent(asked.consent, context.caller)
    if not data:
        raise dialect.missing("audio_sample")
    dialect.check_type(data_type, "audio_sample")
    return await voices.create(draft, (Upload(data, asked.transcript),))


async def _design(context: RequestContext, asked: dialect.CreateVoice) -> Profile:
    """Keep a described voice, and make it now if an engine that designs is there; else it is made when it
    first speaks.
    """
    from voices.authoring import checked_script

    script = checked_script(asked.script_hint) if asked.script_hint is not None else ""
    draft = msgspec.structs.replace(
        _draft(context, asked, "designed"), design_prompt=asked.prompt.strip(), design_script=script
    )
    profile = await (await context.voices()).create(draft)
    if voice_design.designer(context.services):
        profile = await voice_design.create_or_roll_back(
            context.services, profile, context.terms(), await context.voices()
        )
    return profile


def _draft(context: RequestContext, asked: dialect.CreateVoice, kind: str) -> Profile:
    languages = tuple(checked_language(tag) for tag in asked.languages)
    name = checked_name(asked.name)
    if kind == "cloned":
        return Profile("", name, "cloned", context.caller, languages=languages, consent=asked.consent)
    return Profile("", name, "designed", context.caller, languages=languages)


def voice_object(profile: Profile) -> dialect.VoiceObject:
    """Give a voice as OpenAI's SDKs have it; a preset of one's own is of the kind that is not described."""
    designed = profile.voice_type == "designed"
    return dialect.VoiceObject(
        profile.id,
        profile.name,
        int(profile.created),
        "prompt" if designed else "audio_sample",
        prompt=profile.design_prompt if designed else UNSET,
    )


def _listed(profile: Profile, caller: str) -> dialect.OwnVoice:
    return dialect.OwnVoice(
        id=profile.id,
        name=profile.name,
        language=profile.languages[0] if profile.languages else UNSET,
        languages=profile.languages,
        description=profile.description or UNSET,
        created_at=int(profile.created),
        type={"designed": "prompt", "cloned": "audio_sample"}.get(profile.voice_type, "preset"),  # type: ignore[arg-type]
        prompt=profile.design_prompt if profile.design_prompt and profile.editable(caller) else UNSET,
    )
