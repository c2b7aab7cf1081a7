"""/v1/voicebox/profiles/{id}/samples: the recordings of a voice."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.openai import loose
from compat.openai import voices as openai
from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadInput, UnknownModel
from gateway.http.context import HttpRequest, RequestContext, query
from gateway.http.openapi import FORM, documented
from gateway.routes.profiles import ONE as PROFILE
from gateway.routes.profiles import own_profile
from gateway.services import sample_transcripts
from gateway.services.container import Services
from gateway.services.profile_mapping import sample_object
from voices.profile import Profile, Sample

PATH = PROFILE + "/samples"
ONE = PATH + "/{sample_id:str}"
FILE = "file"


def sample_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(PATH, summary="List a profile's samples")
    async def samples(request: HttpRequest, profile_id: FromPath[str]) -> dialect.SampleList:
        profile = await own_profile(RequestContext(services, request, "samples"), profile_id)
        return dialect.SampleList(tuple(map(sample_object, profile.samples)))

    @post(
        PATH,
        status_code=200,
        operation_class=documented(dialect.SampleForm, FORM),
        summary="Add a sample; its words are found out where they are not given",
    )
    async def add(request: HttpRequest, profile_id: FromPath[str]) -> dialect.SampleObject:
        context = RequestContext(services, request, "samples")
        async with context.admitted():
            return sample_object(await _add(context, profile_id))

    @get(ONE, summary="Look a sample up")
    async def retrieve(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> dialect.SampleObject:
        context = RequestContext(services, request, "samples")
        return sample_object(_sample_of(await own_profile(context, profile_id), sample_id))

    @get(ONE + "/audio", summary="A sample as it is used, or, with ?original=true, as it came")
    async def audio(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> Response[bytes]:
        context = RequestContext(services, request, "samples")
        sample = _sample_of(await own_profile(context, profile_id), sample_id)
        original = loose.truth(query(request, "original"))
        data = await (await context.library()).blobs.get(sample.original if original else sample.prepared)
        media_type = sample.media_type if original else "audio/wav"
        return Response(data, media_type=media_type, headers={"x-content-type-options": "nosniff"})

    return [samples, add, retrieve, audio, *_changes(services)]


def _changes(services: Services) -> list[HTTPRouteHandler]:
    @route(
        ONE,
        http_method=["PATCH", "PUT"],
        status_code=200,
        operation_class=documented(dialect.SampleBody),
        summary="Give a sample's words",
    )
    async def change(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> dialect.SampleObject:
        context = RequestContext(services, request, "samples")
        words = read(await context.json(), dialect.SampleBody).transcript.strip()
        _sample_of(await own_profile(context, profile_id), sample_id)

        def said(sample: Sample) -> Sample:
            return msgspec.structs.replace(sample, transcript=words, transcribed_by="")

        after = await (await context.voices()).samples.change(profile_id, sample_id, context.caller, said)
        return sample_object(_sample_of(after, sample_id))

    @post(ONE + "/transcribe", status_code=200, summary="Find out a sample's words")
    async def transcribe(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> dialect.SampleObject:
        context = RequestContext(services, request, "samples")
        profile = await own_profile(context, profile_id)
        async with context.admitted():
            after = await sample_transcripts.transcribe(
                services, profile, _sample_of(profile, sample_id), context.terms()
            )
        return sample_object(_sample_of(after, sample_id))

    @post(
        ONE + "/trim",
        status_code=200,
        operation_class=documented(dialect.TrimBody),
        summary="Use only a part of a sample's original, in seconds",
    )
    async def trim(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> dialect.SampleObject:
        context = RequestContext(services, request, "samples")
        body = read(await context.json(), dialect.TrimBody)
        profile = await own_profile(context, profile_id)
        sample = _sample_of(profile, sample_id)
        _check_stays(profile)
        after, cut = await (await context.voices()).samples.cut(
            profile, sample, body.start, body.end, context.caller
        )
        return sample_object(await _with_words(context, after, cut) if sample.transcribed_by else cut)

    @delete(ONE, status_code=200, summary="Delete a sample")
    async def remove(
        request: HttpRequest, profile_id: FromPath[str], sample_id: FromPath[str]
    ) -> dialect.Deleted:
        context = RequestContext(services, request, "samples")
        profile = await own_profile(context, profile_id)
        _sample_of(profile, sample_id)
        _check_stays(profile)
        await (await context.voices()).samples.remove(profile_id, sample_id, context.caller)
        return dialect.Deleted(sample_id, "voicebox.sample")

    return [change, transcribe, trim, remove]


async def _add(context: RequestContext, profile_id: str) -> Sample:
    from voices.samples.samples import Upload

    sent = await context.sent(FILE, context.services.settings.voices.upload_bytes)
    profile = await own_profile(context, profile_id)
    if profile.voice_type != "cloned":
        raise BadInput(f"A {profile.voice_type} voice takes no samples.", param=FILE)
    voices = await context.voices()
    await voices.require_consent(profile.consent, context.caller)
    if not sent.data:
        raise openai.missing(FILE)
    openai.check_type(sent.data_type, FILE)
    words = loose.text(sent.fields.get("transcript")) or ""
    profile, sample = await voices.samples.add(profile, Upload(sent.data, words, param=FILE), context.caller)
    if words or sent.fields.get("transcribe", "true") in ("false", "0", "no"):
        return sample
    return await _with_words(context, profile, sample)


async def _with_words(context: RequestContext, profile: Profile, sample: Sample) -> Sample:
    """Find out the words, if an engine can; the sample stays in any case."""
    try:
        profile = await sample_transcripts.transcribe(context.services, profile, sample, context.terms())
    except (BadInput, UnknownModel):
        return sample
    return _sample_of(profile, sample.id)


def _check_stays(profile: Profile) -> None:
    """Refuse to change what a designed voice was made of."""
    if profile.voice_type == "designed":
        raise BadInput("A designed voice stays as it was made; design another one.", code="stays_as_made")


def _sample_of(profile: Profile, id: str) -> Sample:
    from voices.samples.samples import sample_of

    return sample_of(profile, id)
