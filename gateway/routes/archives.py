"""Voices as files: export, import, and a preview to listen to."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncGenerator
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.openai import speech as openai
from compat.voicebox import names
from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadInput, NotFound, SpeechError
from gateway.http.context import HttpRequest, RequestContext, query
from gateway.http.openapi import FORM, documented
from gateway.routes.profiles import ONE, PATH, own_profile, profile_of
from gateway.routes.speech import answer, bounds
from gateway.services import voice_design
from gateway.services.container import Services
from gateway.services.profile_mapping import check_profile, profile_object
from streaming.http.response import StreamingResponse
from voices.limits import VoiceLimits
from voices.profile import Consent, Profile, checked_language, checked_name
from voices.pronunciation import check

if TYPE_CHECKING:
    from voices.archive import Archive
    from voices.authoring import VoiceService

CHUNK = 262_144
IN_MEMORY = 1_000_000


def archive_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(ONE + "/export", summary="A profile with its recordings, as a ZIP file")
    async def export(request: HttpRequest, profile_id: FromPath[str]) -> StreamingResponse:
        context = RequestContext(services, request, "export")
        profile = await own_profile(context, profile_id)
        async with services.library.heavy:
            file = await _written(context, profile)
        await (await context.voices()).write_audit("exported", profile, key=context.caller)
        file_name = quote(f"{profile.name}.voicebox.zip", safe="")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{file_name}"}
        timeout = services.settings.server.send_timeout
        return StreamingResponse(
            _chunks(file),
            "application/zip",
            headers=headers,
            send_timeout=timeout,
            on_disconnect=context.log_entry.gone,
        )

    @post(
        PATH + "/import",
        status_code=200,
        operation_class=documented(dialect.FileForm, FORM),
        summary="Make a profile of a ZIP file; ?name= gives it another name",
    )
    async def import_(request: HttpRequest) -> dialect.ProfileObject:
        context = RequestContext(services, request, "import")
        limit = services.settings.voices.import_bytes
        async with context.admitted(), context.spooled(limit) as file, services.library.heavy:
            data = await asyncio.to_thread(file.read)
            return profile_object(await _imported(context, data), context.caller)

    @post(
        ONE + "/preview",
        status_code=200,
        operation_class=documented(dialect.PreviewBody),
        summary="Hear a profile",
    )
    async def preview(request: HttpRequest, profile_id: FromPath[str]) -> StreamingResponse:
        context = RequestContext(services, request, "preview")
        body = read(await context.json(), dialect.PreviewBody)
        profile = await profile_of(context, profile_id)
        fields = msgspec.to_builtins(body) | {
            "voice": profile.id,
            "input": body.input or voice_design.script_of(profile),
        }
        asked = openai.parse(msgspec.json.encode(fields), bounds(services))
        return await answer(services, asked, context.terms(len(asked.input)), context.log_entry)

    @delete(
        ONE + "/cache",
        status_code=200,
        summary="Forget a profile's prompts; they are made anew when it next speaks",
    )
    async def clear(request: HttpRequest, profile_id: FromPath[str]) -> names.Cleared:
        context = RequestContext(services, request, "cache")
        await own_profile(context, profile_id)
        return names.Cleared(await (await context.library()).prompts.clear(profile_id))

    return [export, import_, preview, clear]


async def _written(context: RequestContext, profile: Profile) -> IO[bytes]:
    """Write a voice into a file that nobody else can see."""
    from voices import archive

    opened = await context.library()
    consent: Consent | None = None
    if profile.consent:
        try:
            consent = await opened.consents.get(profile.consent, context.caller)
        except NotFound:
            consent = None
    keys = {sample.original for sample in profile.samples} | ({profile.avatar} - {""})
    keys |= {consent.recording} if consent else set()
    blobs = {key: await opened.blobs.get(key) for key in keys}
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - _chunks closes it
    await asyncio.to_thread(archive.write, file, profile, blobs, consent)
    file.seek(0)
    return file


async def _chunks(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _imported(context: RequestContext, data: bytes) -> Profile:
    from voices import archive

    settings = context.services.settings.voices
    found = await asyncio.to_thread(archive.read, io.BytesIO(data), settings.import_bytes)
    if len(found.manifest.samples) > settings.samples:
        raise BadInput(
            f"A voice may have {settings.samples} samples; this one has {len(found.manifest.samples)}.",
            param="file",
        )
    draft = _draft(found.manifest, context)
    picture = found.files[found.manifest.avatar] if found.manifest.avatar else b""
    voices = await context.voices()
    if picture:
        from voices.authoring import checked_picture

        checked_picture(picture, VoiceLimits().avatar_bytes)
    consent, is_new = await _consented(context, found, voices)
    try:
        return await _made(context, voices, msgspec.structs.replace(draft, consent=consent), found, picture)
    except SpeechError:
        if is_new:
            await voices.delete_consent(consent, context.caller)
        raise


async def _consented(context: RequestContext, found: Archive, voices: VoiceService) -> tuple[str, bool]:
    """Give the id of an archive's consent, and whether it was kept just now: the same recording is kept once."""
    consent = found.manifest.consent
    if consent is None:
        return "", False
    name, language = checked_name(consent.name), checked_language(consent.language)
    data = found.files[consent.file]
    digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
    if known := await (await context.library()).consents.same(digest, context.caller):
        return known.id, False
    return (await voices.consent(name, language, data, context.caller)).id, True


async def _made(
    context: RequestContext, voices: VoiceService, draft: Profile, found: Archive, picture: bytes
) -> Profile:
    from voices.samples.samples import Upload

    uploads = tuple(
        Upload(found.files[one.file], one.transcript, speech=not one.designed, param="file", trim=one.trimmed)
        for one in found.manifest.samples
    )
    profile = await voices.create(draft, uploads)
    if picture:
        profile = await voices.avatar(profile.id, picture, context.caller)
    await voices.write_audit("imported", profile, key=context.caller)
    return profile


def _draft(manifest: msgspec.Struct, context: RequestContext) -> Profile:
    """Make a profile of a manifest's fields, under the name that was asked for. Raises BadInput."""
    left_out = ("version", "samples", "consent", "avatar")
    fields = {name: getattr(manifest, name) for name in manifest.__struct_fields__ if name not in left_out}
    fields["name"] = checked_name(query(context.request, "name") or fields["name"])
    fields["languages"] = tuple(checked_language(tag, "languages") for tag in fields["languages"])
    fields["pronunciations"] = check(fields["pronunciations"])
    draft = Profile(id="", owner=context.caller, **fields)
    check_profile(draft, context.services)
    return draft
