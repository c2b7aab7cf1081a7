"""`POST /v1/audio/speech`: a text in, and a file out as it is made, or the file in server-sent events."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import get_args

from litestar import post
from litestar.di import NamedDependency

from compat.errors import Envelope
from compat.openai import speech as dialect
from engines.errors import BadInput, DeadlineExceeded, UnknownModel, UnknownVoice, Unsupported
from engines.fleet.streams import RequestTerms
from gateway.config.settings import Settings
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi import headers
from gateway.http.openapi.operation import (
    DOCUMENTED,
    EVENTS_TYPE,
    JSON_TYPE,
    SPEECH_TAG,
    Content,
    Documented,
)
from gateway.observability.request_log import RequestLog
from gateway.services.off_loop import off_loop
from gateway.services.synthesis import Synthesis, prepare_synthesis
from streaming.formats import OutputFormat, media_type
from streaming.http import sse
from streaming.http.response import StreamingResponse
from streaming.text.duration import estimate_duration

SPOKEN: dict[str, Content] = {
    **{media_type(name): bytes for name in get_args(OutputFormat)},
    EVENTS_TYPE: (dialect.SpeechDelta, dialect.SpeechDone, Envelope),
}
"""what speech is answered with, by media type"""


@post(
    "/v1/audio/speech",
    status_code=200,
    operation_id="createSpeech",
    tags=[SPEECH_TAG],
    summary="Speak a text",
    description="Returns the audio while it is being made, as a file or in events.",
    response_description="The audio, in the format that was asked for, or the events that hold it.",
    opt={
        ROUTE: "speech",
        DOCUMENTED: Documented(
            body={JSON_TYPE: dialect.SpeechBody},
            answers=SPOKEN,
            answer_headers=headers.SPEECH,
            raises=(BadInput, UnknownModel, UnknownVoice, Unsupported, DeadlineExceeded),
            is_queued=True,
            is_counted=True,
        ),
    },
)
async def speech(context: NamedDependency[RequestContext]) -> StreamingResponse:
    """Return the response that speaks the text of the body."""
    body = await context.read_body(context.services.settings.limits.json_bytes)
    request = await off_loop(len(body), dialect.parse, body, bounds(context.services.settings))
    return await speech_response(context, request, await speech_terms(context, request))


def bounds(settings: Settings) -> dialect.Bounds:
    """Return what the settings allow one request to hold."""
    limits = settings.limits
    return dialect.Bounds(limits.input_characters, limits.instructions_characters, settings.compat.strict)


async def speech_terms(context: RequestContext, request: dialect.SpeechRequest) -> RequestTerms:
    """Return the terms of a request to speak, with about how much audio it will come to. Raises BadInput."""
    text = request.input
    estimate = await off_loop(len(text), estimate_duration, text, speed=request.speed)
    return context.terms(len(text), estimate.expected)


async def speech_response(
    context: RequestContext, request: dialect.SpeechRequest, terms: RequestTerms
) -> StreamingResponse:
    """Return the response that speaks. Raises what can be known before any work is done."""
    log_entry = context.log_entry
    synthesis = await prepare_synthesis(context.services, context.engines, request, terms, log_entry)
    if request.sse:
        return context.stream_events(_events(synthesis, request, log_entry), log_entry.headers())
    return context.stream(synthesis.audio(), media_type(request.response_format), log_entry.headers())


async def _events(
    synthesis: Synthesis, request: dialect.SpeechRequest, log_entry: RequestLog
) -> AsyncGenerator[bytes, None]:
    """Yield the file in deltas, then what it came to."""
    async with aclosing(synthesis.audio()) as chunks:
        async for chunk in chunks:
            yield b"".join(_deltas(chunk))
    seconds = log_entry.audio_seconds or 0.0
    yield sse.event(dialect.SpeechDone(dialect.usage(len(request.input), seconds), log_entry.verified))
    yield sse.DONE


def _deltas(chunk: bytes) -> list[bytes]:
    return [sse.event(dialect.SpeechDelta(base64.b64encode(block).decode())) for block in sse.blocks(chunk)]
