"""`POST /v1/audio/transcriptions` and `/translations`: a recording in, its words out, whole or in events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO

import msgspec
from litestar import post
from litestar.di import NamedDependency

from compat.errors import Envelope
from compat.openai import subtitles, transcript, transcription, validation
from compat.openai.form_names import Fields
from compat.openai.transcript_times import in_order
from compat.openai.transcription import TranscriptionRequest
from engines.api import Finished, TranscriptionEvent, TranscriptSegment
from engines.errors import BadAudio, BadInput, DeadlineExceeded, StorageFull, UnknownModel, Unsupported
from gateway.config.settings import Settings
from gateway.http.bodies import FormLimits
from gateway.http.context import JSON, ROUTE, RequestContext
from gateway.http.openapi import headers
from gateway.http.openapi.operation import (
    DOCUMENTED,
    EVENTS_TYPE,
    FORM_TYPE,
    JSON_TYPE,
    TRANSCRIPTION_TAG,
    Documented,
)
from gateway.observability.request_log import RequestLog
from gateway.services.json_upload import read_upload
from gateway.services.transcription import Transcription, prepare_transcription
from streaming.http import sse
from streaming.http.keep_alive import JSON_FILLER, TEXT_FILLER, WEBVTT_FILLER, Filler
from streaming.http.response import StreamingResponse

TEXT_TYPE = "text/plain; charset=utf-8"
OPENAI_UPLOAD = 26_214_400
"""bytes of a body; `compat.strict` brings it back"""
JSON_UPLOAD = 2 * OPENAI_UPLOAD
"""bytes of a JSON body with a recording in it"""
FALLBACK_LANGUAGE = "en"
TRANSCRIBED = Documented(
    body={FORM_TYPE: transcription.TranscriptionForm, JSON_TYPE: transcription.TranscriptionBody},
    answers={
        JSON_TYPE: (transcript.Verbose, transcript.Transcription),
        "text/plain": str,
        EVENTS_TYPE: (transcript.Delta, transcript.Done, Envelope),
    },
    answer_headers=headers.CHOICE,
    raises=(BadInput, BadAudio, UnknownModel, Unsupported, DeadlineExceeded, StorageFull),
    is_queued=True,
    is_counted=True,
)
TRANSLATED = msgspec.structs.replace(
    TRANSCRIBED,
    body={FORM_TYPE: transcription.TranslationForm},
    answers={JSON_TYPE: (transcript.Verbose, transcript.Transcription), "text/plain": str},
)
FILLERS: dict[str, Filler] = {"text": TEXT_FILLER, "srt": TEXT_FILLER, "vtt": WEBVTT_FILLER}
"""what may be sent before a transcript that is still worked at; in the other formats it is JSON"""


@post(
    "/v1/audio/transcriptions",
    status_code=200,
    operation_id="createTranscription",
    tags=[TRANSCRIPTION_TAG],
    summary="Transcribe a recording",
    response_description="The transcript, in the format that was asked for, or the events that hold it.",
    opt={ROUTE: "transcriptions", DOCUMENTED: TRANSCRIBED},
)
async def transcriptions(context: NamedDependency[RequestContext]) -> StreamingResponse:
    """Return the response that transcribes a recording in its own language."""
    return await _response(context, translate=False)


@post(
    "/v1/audio/translations",
    status_code=200,
    operation_id="createTranslation",
    tags=[TRANSCRIPTION_TAG],
    summary="Translate into English",
    response_description="The English transcript, in the format that was asked for.",
    opt={ROUTE: "translations", DOCUMENTED: TRANSLATED},
)
async def translations(context: NamedDependency[RequestContext]) -> StreamingResponse:
    """Return the response that transcribes a recording into English."""
    return await _response(context, translate=True)


async def _response(context: RequestContext, *, translate: bool) -> StreamingResponse:
    """Read the request and return its response, which closes the upload however it ends."""
    log_entry = context.log_entry
    terms = context.terms()
    fields, recording = await _read(context)
    try:
        request = transcription.parse(fields, translate=translate)
        work = await prepare_transcription(
            context.services, context.engines, request, recording, terms, log_entry
        )
    except BaseException:  # cancelled or failed, the upload is closed
        recording.close()
        raise
    if request.stream:
        events = _closing(recording, _events(work, log_entry))
        return context.stream_events(events, log_entry.headers(), is_good=lambda: work.begun)
    chunks = _closing(recording, _whole_body(work, log_entry))
    filler = FILLERS.get(request.response_format, JSON_FILLER)
    media_type = JSON_TYPE if filler is JSON_FILLER else TEXT_TYPE
    return context.stream_when_done(chunks, media_type, log_entry.headers(), filler, lambda: work.begun)


async def _read(context: RequestContext) -> tuple[Fields, IO[bytes]]:
    """Return the fields and the recording of a form, or of a JSON body. Raises BadInput, BadAudio or
    TooLarge.
    """
    settings = context.services.settings
    limit = _upload_limit(settings)
    if context.has_type(JSON):
        async with context.spool_body(min(limit, JSON_UPLOAD)) as body:
            upload = await asyncio.to_thread(read_upload, body, settings.limits.json_bytes)
        return transcription.from_json(upload.fields), upload.recording
    form = await context.read_form(FormLimits(limit, settings.limits.text_fields_bytes))
    if form.file is None:
        transcription.parse(transcription.from_form(form.fields))  # other complaints come first
        raise validation.missing_file()
    return transcription.from_form(form.fields), form.file


def _upload_limit(settings: Settings) -> int:
    limit = settings.limits.upload_bytes
    return min(OPENAI_UPLOAD, limit) if settings.compat.strict else limit


async def _whole_body(work: Transcription, log_entry: RequestLog) -> AsyncGenerator[bytes, None]:
    """Yield the body of a response that is not streamed, once all is transcribed."""
    request = work.request
    segments: list[TranscriptSegment] = []
    language = request.language or FALLBACK_LANGUAGE
    async with aclosing(work.events()) as events:
        async for event in events:
            if isinstance(event, TranscriptSegment):
                segments.append(event)
            elif isinstance(event, Finished):
                language = event.language
    log_entry.characters = len(transcript.whole_text(segments))
    yield _body(request, in_order(segments, work.seconds), work.seconds, language)


async def _events(work: Transcription, log_entry: RequestLog) -> AsyncGenerator[bytes, None]:
    """Yield deltas as segments are transcribed, then the whole; the first event starts the response."""
    segments: list[TranscriptSegment] = []
    request, logprobs = work.request, work.request.logprobs
    language = request.language or ""
    async with aclosing(work.events()) as events:
        async for event in events:
            yield _deltas(event, first=not segments, logprobs=logprobs)
            if isinstance(event, TranscriptSegment) and event.text:
                segments.append(event)
            elif isinstance(event, Finished):
                language = event.language
    done = transcript.done(segments, work.seconds, request.model, language=language, logprobs=logprobs)
    log_entry.characters = len(done.text)
    yield sse.event(done) + sse.DONE


def _deltas(event: TranscriptionEvent, *, first: bool, logprobs: bool) -> bytes:
    if not isinstance(event, TranscriptSegment):
        return b""
    return b"".join(sse.event(delta) for delta in transcript.deltas(event, first=first, logprobs=logprobs))


async def _closing(file: IO[bytes], chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks, and close the file when they end, however they do."""
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
    finally:
        file.close()


def _body(
    request: TranscriptionRequest, segments: list[TranscriptSegment], seconds: float, language: str
) -> bytes:
    """Return a transcript in the format that is asked for."""
    if request.response_format == "text":
        return subtitles.text(segments).encode()
    if request.response_format == "srt":
        return subtitles.srt(segments).encode()
    if request.response_format == "vtt":
        return subtitles.vtt(segments).encode()
    if request.response_format == "verbose_json":
        answer: msgspec.Struct = transcript.verbose(
            segments,
            seconds,
            language,
            translate=request.translate,
            words=request.words,
            segments=request.segments,
        )
    else:
        answer = transcript.transcription(
            segments, seconds, request.model, language=language, logprobs=request.logprobs
        )
    return msgspec.json.encode(answer)
