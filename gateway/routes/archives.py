"""Custom voices as files: export and import; with them previews, and the deletion of a profile's prompts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import IO
from urllib.parse import quote

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from compat.openai import speech as openai
from compat.voicebox import names
from compat.voicebox import profiles as dialect
from compat.voicebox.bodies import read
from engines.errors import BadAudio, BadInput, Forbidden, StorageFull, UnknownModel
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi import headers
from gateway.http.openapi.operation import (
    BINARY_TYPE,
    DOCUMENTED,
    FORM_TYPE,
    JSON_TYPE,
    PROFILES_TAG,
    ZIP_TYPE,
    Documented,
    Query,
)
from gateway.routes.profiles import MINE, ONE, PATH, editable_profile, shown_profile, visible_profile
from gateway.routes.speech import SPOKEN, bounds, speech_response, speech_terms
from gateway.services import voice_design
from gateway.services.off_loop import off_loop
from gateway.services.voice_archives import VoiceImport, draft_profile, export_voice, open_archive
from gateway.services.voice_warnings import warn_of_voice
from streaming.http.response import StreamingResponse
from voices.errors import NameTaken, UnknownProfile

CHUNK_BYTES = 262_144


@get(
    ONE + "/export",
    operation_id="exportProfile",
    summary="A profile with its recordings, as a ZIP file",
    response_description="The ZIP file.",
    opt={
        ROUTE: "export",
        DOCUMENTED: Documented(
            answers={ZIP_TYPE: bytes},
            answer_headers=("content-disposition",),
            raises=(UnknownProfile, Forbidden, StorageFull),
        ),
    },
)
async def export(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> StreamingResponse:
    """Return a profile as a ZIP file. Raises UnknownProfile or Forbidden."""
    profile = await editable_profile(context, profile_id)
    async with context.archive_place():
        file = await export_voice(await context.library(), profile, context.caller)
    await (await context.voices()).write_audit("exported", profile, key=context.caller)
    file_name = quote(f"{profile.name}.voicebox.zip", safe="")
    disposition = {"content-disposition": f"attachment; filename*=UTF-8''{file_name}"}
    return context.stream(_chunks(file), ZIP_TYPE, disposition)


@post(
    "/import",
    status_code=200,
    operation_id="importProfile",
    summary="Make a profile of a ZIP file; ?name= gives it another name",
    description="The file is sent in a form, or is the body itself.",
    opt={
        ROUTE: "import",
        DOCUMENTED: Documented(
            body={FORM_TYPE: dialect.FileForm, ZIP_TYPE: bytes, BINARY_TYPE: bytes},
            query=(Query("name", "The name that the voice is to have."),),
            raises=(BadInput, BadAudio, NameTaken, StorageFull),
            is_counted=True,
        ),
    },
)
async def import_(context: NamedDependency[RequestContext]) -> dialect.ProfileObject:
    """Create a profile from a ZIP file, and return it. Raises BadInput, BadAudio or NameTaken."""
    settings = context.services.settings.voices
    async with (
        context.spool_file(settings.import_bytes) as file,
        context.permit(),
        context.archive_place(),
        open_archive(file, settings) as found,
    ):
        draft = draft_profile(found.manifest, context.query("name"), context.engines, context.caller)
        importer = VoiceImport(await context.library(), await context.voices(), context.caller)
        profile = await importer.create(draft, found)
        warn_of_voice(context.services, context.engines, profile, context.log_entry)
        return shown_profile(context, profile)


@post(
    ONE + "/preview",
    status_code=200,
    operation_id="previewProfile",
    summary="Hear a profile",
    response_description="The audio, in the format that was asked for.",
    opt={
        ROUTE: "preview",
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.PreviewBody},
            body_required=False,
            answers={media_type: content for media_type, content in SPOKEN.items() if content is bytes},
            answer_headers=headers.SPEECH,
            raises=(UnknownProfile, UnknownModel),
            is_queued=True,
            is_counted=True,
        ),
    },
)
async def preview(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> StreamingResponse:
    """Return the response in which a profile speaks a text, or its script. Raises UnknownProfile."""
    body = read(await context.read_json(), dialect.PreviewBody)
    profile = await visible_profile(context, profile_id)
    fields = msgspec.to_builtins(body) | {
        "voice": profile.id,
        "input": body.input or voice_design.script_of(profile),
    }
    encoded = msgspec.json.encode(fields)
    request = await off_loop(len(encoded), openai.parse, encoded, bounds(context.services.settings))
    return await speech_response(context, request, await speech_terms(context, request))


@delete(
    ONE + "/cache",
    status_code=200,
    operation_id="clearProfileCache",
    summary="Forget a profile's prompts; they are made anew when it next speaks",
    opt={ROUTE: "cache", DOCUMENTED: MINE},
)
async def clear(context: NamedDependency[RequestContext], profile_id: FromPath[str]) -> names.Cleared:
    """Delete a profile's voice prompts, and return how many. Raises UnknownProfile or Forbidden."""
    await editable_profile(context, profile_id)
    return names.Cleared(await (await context.library()).prompts.clear(profile_id))


ARCHIVE_ROUTER = Router(PATH, route_handlers=[export, import_, preview, clear], tags=[PROFILES_TAG])


async def _chunks(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield a file's content, and close it."""
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
