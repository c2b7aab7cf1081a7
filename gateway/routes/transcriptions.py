"""`POST /v1/audio/transcriptions` and `/translations`, from top to bottom: spool, resolve, decode, listen,
answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO, Any

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from compat.errors import refusal, unexpected, wrong_endpoint
from compat.openai import loose, subtitles, transcript, transcription
from engines.api import Finished, TranscriptionEvent, TranscriptionJob, TranscriptSegment
from engines.errors import BadInput, EngineFailed, SpeechError
from engines.fleet.streams import RequestTerms
from gateway.http import bodies, priority
from gateway.http.openapi import TranscriptionOperation
from gateway.observability import request_log
from gateway.services import unsupported, upload_audio
from gateway.services.container import Services
from gateway.services.upload_audio import UploadAudio
from streaming.http import sse
from streaming.http.response import StreamingResponse
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongKind

NO_FILE = "[{'type': 'missing', 'loc': ('body', 'file'), 'msg': 'Field required', 'input': None}]"
JSON_TYPE, TEXT_TYPE, SSE_TYPE = (
    "application/json",
    "text/plain; charset=utf-8",
    "text/event-stream; charset=utf-8",
)
OPENAI_UPLOAD = 26_214_400
"""bytes of a body; `compat.strict` brings it back"""


def transcription_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make both routes: they differ in what the engine is asked for."""

    @post(
        "/v1/audio/transcriptions",
        status_code=200,
        operation_class=TranscriptionOperation,
        summary="Transcribe a recording",
    )
    async def transcriptions(request: Request[Any, Any, Any]) -> StreamingResponse:
        return await Transcription(services, request_log.of(request)).answer(request, translate=False)

    @post(
        "/v1/audio/translations",
        status_code=200,
        operation_class=TranscriptionOperation,
        summary="Translate into English",
    )
    async def translations(request: Request[Any, Any, Any]) -> StreamingResponse:
        return await Transcription(services, request_log.of(request)).answer(request, translate=True)

    return [transcriptions, translations]


class Transcription:
    """One request to listen."""

    def __init__(self, services: Services, log_entry: request_log.RequestLog) -> None:
        self._services = services
        self._log_entry = log_entry
        self._terms = RequestTerms()

    async def answer(self, request: Request[Any, Any, Any], *, translate: bool) -> StreamingResponse:
        """Read the request and begin. The upload is let go of when the answer ends, however it ends."""
        self._log_entry.route = "translations" if translate else "transcriptions"
        caller = priority.caller(self._log_entry.key, request.scope.get("client"))
        self._terms = priority.terms(
            dict(request.scope["headers"]), self._services.settings.admission, caller=caller
        )
        fields, source = await self._read(request)
        try:
            asked = transcription.parse(fields, translate=translate)
            choice = self._choose(asked)
            sound = await self._open(asked, choice, source)
        except BaseException:  # cancelled or failed, the upload is let go of
            source.close()
            raise
        whole = self._stream if asked.stream else self._whole
        chunks = _closing(source, whole(asked, choice, sound))
        headers = self._log_entry.headers() | ({"cache-control": "no-store"} if asked.stream else {})
        timeout = self._services.settings.server.send_timeout
        return StreamingResponse(
            chunks,
            _media_type(asked),
            headers=headers,
            send_timeout=timeout,
            on_disconnect=self._log_entry.gone,
        )

    async def _read(self, request: Request[Any, Any, Any]) -> tuple[transcription.Fields, IO[bytes]]:
        headers, limits = dict(request.scope["headers"]), self._services.settings.limits
        limit = (
            min(OPENAI_UPLOAD, limits.upload_bytes)
            if self._services.settings.compat.strict
            else limits.upload_bytes
        )
        if headers.get(b"content-type", b"").lower().startswith(b"application/json"):
            body = loose.json_object(
                await bodies.whole(headers, request.receive, min(limit, OPENAI_UPLOAD * 2))
            )
            return transcription.from_json(body), upload_audio.from_base64(body)
        form = await bodies.form(
            headers, request.receive, bodies.Limits(body=limit, fields=limits.text_fields_bytes)
        )
        if form.file is None:
            transcription.parse(transcription.from_form(form.fields))
            raise BadInput(NO_FILE)
        return transcription.from_form(form.fields), form.file

    def _choose(self, asked: transcription.TranscriptionRequest) -> Choice:
        try:
            choice = self._services.resolver().transcribe(asked.model)
        except WrongKind as exc:
            raise wrong_endpoint(
                shown(asked.model), f"/v1/audio/{self._log_entry.route}", "does not transcribe"
            ) from exc
        info = self._services.infos()[choice.engine]
        self._log_entry.engine, self._log_entry.model, self._log_entry.format = (
            choice.engine,
            asked.model,
            asked.response_format,
        )
        self._log_entry.ignored = unsupported.unsupported_transcription_parameters(
            asked, info, self._services.settings.compat
        )
        self._log_entry.mapped = list(choice.mapped)
        return choice

    async def _open(
        self, asked: transcription.TranscriptionRequest, choice: Choice, source: IO[bytes]
    ) -> UploadAudio:
        can = self._services.infos()[choice.engine].transcription
        if can is None:
            raise EngineFailed(f"The engine `{choice.engine}` does not listen.")
        limit = self._services.settings.limits.audio_seconds
        sound = UploadAudio(source, rate=can.sample_rate, max_seconds=limit, codecs=self._services.codecs)
        await sound.open()
        return sound

    async def _transcribe(
        self, asked: transcription.TranscriptionRequest, choice: Choice, sound: UploadAudio
    ) -> AsyncGenerator[TranscriptionEvent, None]:
        services, log_entry = self._services, self._log_entry
        pool = services.engines.pool(choice.engine)
        job = TranscriptionJob(
            model=choice.model,
            language=asked.language,
            prompt=asked.prompt,
            temperature=asked.temperature,
            translate=asked.translate,
            words=asked.words,
            logprobs=transcription.requires_logprobs(asked),
        )
        permit = await services.rate_limiter.acquire(self._terms.caller, shown(asked.model), 0.0)
        log_entry.limits = permit.headers
        try:
            async with aclosing(pool.transcribe(job, sound.pcm(), self._terms)) as events:
                async for event in events:
                    yield event
            sound.check()
        finally:
            log_entry.audio_seconds = sound.seconds
            services.rate_limiter.release(permit, sound.seconds)

    async def _whole(
        self, asked: transcription.TranscriptionRequest, choice: Choice, sound: UploadAudio
    ) -> AsyncGenerator[bytes, None]:
        heard: list[TranscriptSegment] = []
        language = asked.language or "en"
        async with aclosing(self._transcribe(asked, choice, sound)) as events:
            async for event in events:
                if isinstance(event, TranscriptSegment):
                    heard.append(event)
                elif isinstance(event, Finished):
                    language = event.language
        self._log_entry.characters = len(transcript.whole_text(heard))
        yield _body(asked, heard, sound.seconds, language)

    async def _stream(
        self, asked: transcription.TranscriptionRequest, choice: Choice, sound: UploadAudio
    ) -> AsyncGenerator[bytes, None]:
        """Send deltas as segments are heard; the first sign of life starts the answer, and later failures are
        events.
        """
        heard: list[TranscriptSegment] = []
        begun, logprobs, language = False, transcription.requires_logprobs(asked), asked.language or ""
        try:
            async with aclosing(self._transcribe(asked, choice, sound)) as events:
                async for event in events:
                    yield _deltas(event, first=not heard, logprobs=logprobs)
                    begun = True
                    if isinstance(event, TranscriptSegment) and event.text:
                        heard.append(event)
                    elif isinstance(event, Finished):
                        language = event.language
            done = transcript.done(heard, sound.seconds, asked.model, language=language, logprobs=logprobs)
            self._log_entry.characters = len(done.text)
            yield sse.event(done) + sse.DONE
        except Exception as exc:  # whatever broke the stream, its reader is told in the stream
            if not begun:
                raise
            self._log_entry.outcome, self._log_entry.error = "broken", f"{type(exc).__name__}: {exc}"
            yield sse.error_event((refusal(exc) if isinstance(exc, SpeechError) else unexpected()).body.error)


def _deltas(event: TranscriptionEvent, *, first: bool, logprobs: bool) -> bytes:
    if not isinstance(event, TranscriptSegment):
        return b""
    return b"".join(sse.event(delta) for delta in transcript.deltas(event, first=first, logprobs=logprobs))


async def _closing(source: IO[bytes], chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
    finally:
        source.close()


def _media_type(asked: transcription.TranscriptionRequest) -> str:
    if asked.stream:
        return SSE_TYPE
    return TEXT_TYPE if asked.response_format in ("text", "srt", "vtt") else JSON_TYPE


def _body(
    asked: transcription.TranscriptionRequest, heard: list[TranscriptSegment], seconds: float, language: str
) -> bytes:
    if asked.response_format == "text":
        return subtitles.text(heard).encode()
    if asked.response_format == "srt":
        return subtitles.srt(heard).encode()
    if asked.response_format == "vtt":
        return subtitles.vtt(heard).encode()
    if asked.response_format == "verbose_json":
        answer: msgspec.Struct = transcript.verbose(
            heard, seconds, language, translate=asked.translate, words=asked.words, segments=asked.segments
        )
    else:
        wanted = transcription.requires_logprobs(asked)
        answer = transcript.transcription(heard, seconds, asked.model, language=language, logprobs=wanted)
    return msgspec.json.encode(answer)
