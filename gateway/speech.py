"""`POST /v1/audio/speech`, from top to bottom: read, resolve, cut, speak, shape, encode, send.

`_produce` is the one way through for every format and both transports.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from compat.errors import refusal, unexpected, wrong_endpoint
from compat.openai import speech as dialect
from engines.api import EngineFailed, EngineInfo, SpeechError, SpeechEvent, SpeechJob
from gateway import policy, record, uploads
from gateway.operations import SpeechOperation
from gateway.services import Services
from streaming import sse
from streaming.body import StreamBody
from streaming.pipeline import Production, Recipe
from streaming.text import Segment, segments
from voices.matching import shown
from voices.resolve import Choice, WrongUse

SSE_TYPE = "text/event-stream; charset=utf-8"


def speech_route(services: Services) -> HTTPRouteHandler:
    """Make the route."""

    @post("/v1/audio/speech", status_code=200, operation_class=SpeechOperation, summary="Speak a text")
    async def speech(request: Request[Any, Any, Any]) -> StreamBody:
        note = record.of(request)
        note.route = "speech"
        body = await uploads.whole(dict(request.scope["headers"]), request.receive, services.settings.limits.json_bytes)
        asked = dialect.parse(body, _bounds(services))
        return await _answer(services, asked, note)

    return speech


def _bounds(services: Services) -> dialect.Bounds:
    limits = services.settings.limits
    return dialect.Bounds(limits.input_characters, limits.instructions_characters, services.settings.compat.strict)


async def _answer(services: Services, asked: dialect.SpeechRequest, note: record.Record) -> StreamBody:
    choice = _choose(services, asked)
    info = services.infos()[choice.engine]
    note.engine, note.model, note.voice, note.format = choice.engine, asked.model, choice.voice, asked.response_format
    note.characters = len(asked.input)
    note.text = asked.input if services.settings.log.texts else None
    note.ignored = policy.speech_unheard(asked, info, services.settings.compat)
    note.mapped = [*choice.mapped, *asked.clamped]
    production = _produce(services, asked, choice, info)
    chunks = _events(production, asked, note) if asked.sse else _bytes(production, note)
    media_type, extra = (SSE_TYPE, {"cache-control": "no-store"}) if asked.sse else (production.media_type, {})
    headers: Mapping[str, str] = {**note.headers(), **extra}
    return StreamBody(chunks, media_type, headers=headers, send_timeout=services.settings.server.send_timeout, gone=note.gone)


def _choose(services: Services, asked: dialect.SpeechRequest) -> Choice:
    try:
        return services.resolver().speak(asked.model, asked.voice)
    except WrongUse as exc:
        raise wrong_endpoint(shown(asked.model), "/v1/audio/speech", "does not speak") from exc


def _produce(services: Services, asked: dialect.SpeechRequest, choice: Choice, info: EngineInfo) -> Production:
    if info.speech is None:
        raise EngineFailed(f"The engine `{info.name}` does not speak.")
    settings = services.settings.speech
    pool = services.engines.pool(choice.engine)
    slowest, fastest = info.speech.speed
    own_speed = min(fastest, max(slowest, asked.speed))
    language = asked.language if info.speech.language else None
    recipe = Recipe(
        format=asked.response_format,
        source_rate=info.speech.sample_rate,
        tempo=asked.speed / own_speed,
        bitrate=next((rate for name, rate in settings.bitrate.items() if name == asked.response_format), None),
        buffered_seconds=settings.buffered_seconds,
    )

    def speak(segment: Segment) -> AsyncGenerator[SpeechEvent, None]:
        return pool.speak(_job(asked, choice, info, segment, own_speed), begun=segment.index > 0)

    cut = segments(
        asked.input, language=language or _voice_language(info, choice), first=settings.first_segment, limit=settings.segment
    )
    return Production(recipe, cut, speak, services.codecs)


def _job(asked: dialect.SpeechRequest, choice: Choice, info: EngineInfo, segment: Segment, speed: float) -> SpeechJob:
    can = info.speech
    return SpeechJob(
        text=segment.text,
        voice=choice.voice,
        model=choice.model,
        language=asked.language if can and can.language else None,
        speed=speed,
        seed=asked.seed if can and can.seed else None,
        instructions=asked.instructions if can and can.instructions else None,
        pause=segment.ends_sentence,
    )


def _voice_language(info: EngineInfo, choice: Choice) -> str | None:
    base = choice.voice.partition("+")[0]
    voice = next((voice for voice in info.voices if voice.id in (choice.voice, base)), None)
    return voice.languages[0] if voice and voice.languages else None


async def _bytes(production: Production, note: record.Record) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(production.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
    finally:
        note.audio_seconds = production.seconds


async def _events(production: Production, asked: dialect.SpeechRequest, note: record.Record) -> AsyncGenerator[bytes, None]:
    """Send the file in deltas. A failure after the first is told as an event, since the status has left already."""
    begun = False
    try:
        async with aclosing(production.chunks()) as chunks:
            async for chunk in chunks:
                yield b"".join(_deltas(chunk))
                begun = True
        yield sse.event(dialect.SpeechDone(dialect.usage(len(asked.input), production.seconds)))
        yield sse.DONE
    except Exception as exc:  # whatever broke the stream, its reader is told in the stream
        if not begun:
            raise
        note.outcome, note.error = "broken", f"{type(exc).__name__}: {exc}"
        yield sse.error_event((refusal(exc) if isinstance(exc, SpeechError) else unexpected()).body.error)
    finally:
        note.audio_seconds = production.seconds


def _deltas(chunk: bytes) -> list[bytes]:
    return [sse.event(dialect.SpeechDelta(base64.b64encode(piece).decode())) for piece in sse.blocks(chunk)]
