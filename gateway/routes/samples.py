"""/v1/voicebox/profiles/{id}/samples: the recordings of a voice."""

from __future__ import annotations

import msgspec
from litestar import Response, Router, delete, get, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath

from compat.openai import loose
from compat.openai import voices as openai
from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadAudio, BadInput, Forbidden, StorageFull, UnknownModel
from gateway.http.context import ROUTE, FormOrJson, RequestContext
from gateway.http.openapi.operation import (
    BINARY_TYPE,
    DOCUMENTED,
    FORM_TYPE,
    JSON_TYPE,
    SAMPLES_TAG,
    Documented,
    Query,
)
from gateway.routes.profiles import MINE, editable_profile
from gateway.routes.profiles import ONE as PROFILE
from gateway.routes.profiles import PATH as PROFILES
from gateway.services.profile_mapping import sample_object
from gateway.services.sample_transcripts import transcribe_sample
from voices.errors import UnknownConsent, UnknownProfile
from voices.profile import Profile, Sample

ONE = "/{sample_id:str}"
FILE = "file"


@get("/", operation_id="listSamples", summary="List a profile's samples", opt={DOCUMENTED: MINE})
async def samples(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> dialect.SampleList:
    """Return the samples of a profile. Raises UnknownProfile or Forbidden."""
    profile = await editable_profile(context, profile_id)
    return dialect.SampleList(tuple(map(sample_object, profile.samples)))


@post(
    "/",
    status_code=200,
    operation_id="addSample",
    summary="Add a sample; its words are found out where they are not given",
    opt={
        DOCUMENTED: Documented(
            body={FORM_TYPE: dialect.SampleForm},
            raises=(BadInput, BadAudio, UnknownProfile, UnknownConsent, Forbidden, StorageFull),
            is_queued=True,
            is_counted=True,
        )
    },
)
async def add(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> dialect.SampleObject:
    """Add a sample to a profile, and return it. Raises BadInput, BadAudio, UnknownProfile or Forbidden."""
    form = await context.read_form_or_json(FILE, context.services.settings.voices.upload_bytes)
    async with context.permit():
        return sample_object(await _add(context, profile_id, form))


@get(ONE, operation_id="retrieveSample", summary="Look a sample up", opt={DOCUMENTED: MINE})
async def retrieve(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> dialect.SampleObject:
    """Return a sample. Raises UnknownProfile, Forbidden or NotFound."""
    return sample_object(_sample(await editable_profile(context, profile_id), sample_id))


@get(
    ONE + "/audio",
    operation_id="retrieveSampleAudio",
    summary="A sample as it is used, or, with ?original=true, as it came",
    response_description="The recording.",
    opt={
        DOCUMENTED: Documented(
            query=(Query("original", "The recording as it came.", {"type": "boolean", "default": False}),),
            answers={"audio/wav": bytes, "audio/*": bytes, "video/*": bytes, BINARY_TYPE: bytes},
            raises=(UnknownProfile, Forbidden),
            is_file=True,
        )
    },
)
async def audio(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> Response[bytes]:
    """Return a sample's recording, or a range of it. Raises UnknownProfile, Forbidden, NotFound or
    RangeNotSatisfiable.
    """
    sample = _sample(await editable_profile(context, profile_id), sample_id)
    original = loose.truth(context.query("original"))
    blob = sample.original if original else sample.prepared
    data = await (await context.library()).blobs.get(blob)
    return context.stored_file(data, sample.media_type if original else "audio/wav", blob)


@route(
    ONE,
    http_method=["PATCH", "PUT"],
    status_code=200,
    operation_id="updateSample",
    summary="Give a sample's words",
    opt={DOCUMENTED: msgspec.structs.replace(MINE, body={JSON_TYPE: dialect.SampleBody})},
)
async def change(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> dialect.SampleObject:
    """Set a sample's transcript, and return the sample. Raises UnknownProfile, Forbidden or NotFound."""
    transcript = read(await context.read_json(), dialect.SampleBody).transcript.strip()
    _sample(await editable_profile(context, profile_id), sample_id)

    def with_transcript(sample: Sample) -> Sample:
        return msgspec.structs.replace(sample, transcript=transcript, transcribed_by="")

    voices = await context.voices()
    after = await voices.samples.change(profile_id, sample_id, context.caller, with_transcript)
    return sample_object(_sample(after, sample_id))


@post(
    ONE + "/transcribe",
    status_code=200,
    operation_id="transcribeSample",
    summary="Find out a sample's words",
    opt={
        DOCUMENTED: Documented(
            raises=(BadInput, UnknownModel, UnknownProfile, Forbidden), is_queued=True, is_counted=True
        )
    },
)
async def transcribe(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> dialect.SampleObject:
    """Transcribe a sample, and return it. Raises BadInput, UnknownModel, UnknownProfile, Forbidden or
    NotFound.
    """
    profile = await editable_profile(context, profile_id)
    async with context.permit():
        sample = _sample(profile, sample_id)
        after = await _transcribed(context, profile, sample)
    return sample_object(_sample(after, sample_id))


@post(
    ONE + "/trim",
    status_code=200,
    operation_id="trimSample",
    summary="Use only a part of a sample's original, in seconds",
    opt={
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.TrimBody},
            raises=(UnknownProfile, Forbidden, StorageFull),
            is_queued=True,
            is_counted=True,
        )
    },
)
async def trim(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> dialect.SampleObject:
    """Trim a sample, and return it; a transcript that an engine made is made anew. Raises BadInput,
    UnknownProfile, Forbidden or NotFound.
    """
    body = read(await context.read_json(), dialect.TrimBody)
    profile = await editable_profile(context, profile_id)
    sample = _sample(profile, sample_id)
    _check_changeable(profile)
    voices = await context.voices()
    async with context.permit():
        after, trimmed = await voices.samples.cut(profile, sample, body.start, body.end, context.caller)
        if sample.transcribed_by:
            trimmed = await _with_transcript(context, after, trimmed)
    return sample_object(trimmed)


@delete(
    ONE,
    status_code=200,
    operation_id="deleteSample",
    summary="Delete a sample",
    opt={DOCUMENTED: Documented(raises=(BadInput, UnknownProfile, Forbidden))},
)
async def remove(
    context: NamedDependency[RequestContext], profile_id: FromPath[str], sample_id: FromPath[str]
) -> dialect.Deleted:
    """Delete a sample with its recording. Raises BadInput, UnknownProfile, Forbidden or NotFound."""
    profile = await editable_profile(context, profile_id)
    _sample(profile, sample_id)
    _check_changeable(profile)
    await (await context.voices()).samples.remove(profile_id, sample_id, context.caller)
    return dialect.Deleted(sample_id, "voicebox.sample")


SAMPLE_ROUTER = Router(
    PROFILES + PROFILE + "/samples",
    route_handlers=[samples, add, retrieve, audio, change, transcribe, trim, remove],
    tags=[SAMPLES_TAG],
    opt={ROUTE: "samples"},
)


async def _add(context: RequestContext, profile_id: str, form: FormOrJson) -> Sample:
    from voices.samples.samples import Upload

    profile = await editable_profile(context, profile_id)
    if profile.voice_type != "cloned":
        raise BadInput(f"A {profile.voice_type} voice takes no samples.", param=FILE)
    voices = await context.voices()
    await voices.require_consent(profile.consent, context.caller)
    if not form.data:
        raise openai.missing(FILE)
    openai.check_type(form.data_type, FILE)
    transcript = loose.text(form.fields.get("transcript")) or ""
    upload = Upload(form.data, transcript, param=FILE)
    profile, sample = await voices.samples.add(profile, upload, context.caller)
    if transcript or form.fields.get("transcribe", "true") in ("false", "0", "no"):
        return sample
    return await _with_transcript(context, profile, sample)


async def _with_transcript(context: RequestContext, profile: Profile, sample: Sample) -> Sample:
    """Return a sample with its transcript if an engine can make one; the sample stays in any case."""
    try:
        profile = await _transcribed(context, profile, sample)
    except (BadInput, UnknownModel):
        return sample
    return _sample(profile, sample.id)


async def _transcribed(context: RequestContext, profile: Profile, sample: Sample) -> Profile:
    """Return a profile with the transcript of a sample, which is made while the client waits."""
    return await context.while_client_waits(
        transcribe_sample(context.services, context.engines, profile, sample, context.terms())
    )


def _check_changeable(profile: Profile) -> None:
    """Check that a profile is not a designed voice, whose reference stays. Raises BadInput."""
    if profile.voice_type == "designed":
        raise BadInput("A designed voice stays as it was made; design another one.", code="stays_as_made")


def _sample(profile: Profile, id: str) -> Sample:
    from voices.samples.samples import sample_of

    return sample_of(profile, id)
