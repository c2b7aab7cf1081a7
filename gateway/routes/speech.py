"""`POST /v1/audio/speech`, from top to bottom: read, resolve, be let in, cut, speak, shape, encode, send.

`Speaking.audio` is the one way through for every format and both transports.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from compat.errors import refusal, unexpected, wrong_endpoint
from compat.openai import speech as dialect
from engines.api import EngineInfo, Prompt, SpeechCapabilities, SpeechEvent, SpeechJob
from engines.errors import EngineFailed, RunawayAudio, SpeechError
from engines.fleet.pool import Stream
from engines.fleet.streams import RequestTerms
from gateway.http import bodies, priority
from gateway.http.openapi import SpeechOperation
from gateway.observability import request_log
from gateway.services import respelling, unsupported, voice_selection
from gateway.services.container import Services
from gateway.services.respelling import Respeller
from streaming.encode import codecs
from streaming.http import sse
from streaming.http.response import StreamingResponse
from streaming.pipeline import PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy
from streaming.text.duration import estimate_duration
from streaming.text.segments import Segment, segments
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongKind
from voices.profile import Profile
from voices.pronunciation import Dictionary

SSE_TYPE = "text/event-stream; charset=utf-8"


def speech_route(services: Services) -> HTTPRouteHandler:
    """Make the route."""

    @post("/v1/audio/speech", status_code=200, operation_class=SpeechOperation, summary="Speak a text")
    async def speech(request: Request[Any, Any, Any]) -> StreamingResponse:
        log_entry = request_log.of(request)
        log_entry.route = "speech"
        headers = dict(request.scope["headers"])
        body = await bodies.whole(headers, request.receive, services.settings.limits.json_bytes)
        asked = dialect.parse(body, bounds(services))
        seconds = estimate_duration(asked.input, speed=asked.speed).expected
        caller = priority.caller(log_entry.key, request.scope.get("client"))
        terms = priority.terms(
            headers, services.settings.admission, caller=caller, characters=len(asked.input), seconds=seconds
        )
        return await answer(services, asked, terms, log_entry)

    return speech


def bounds(services: Services) -> dialect.Bounds:
    """Say what one request may hold."""
    limits = services.settings.limits
    return dialect.Bounds(
        limits.input_characters, limits.instructions_characters, services.settings.compat.strict
    )


async def answer(
    services: Services, asked: dialect.SpeechRequest, terms: RequestTerms, log_entry: request_log.RequestLog
) -> StreamingResponse:
    """Begin to speak. Raises what can be told before any work is done."""
    caller = log_entry.key or ""
    chosen = await _choose(services, asked, caller)
    choice, dictionary = chosen.choice, await chosen.dictionary()
    info = services.infos()[choice.engine]
    asked = _with_defaults(asked, choice.profile, info)
    log_entry.engine, log_entry.model, log_entry.format = choice.engine, asked.model, asked.response_format
    log_entry.voice, log_entry.voice_type, log_entry.profile = choice.voice, "preset", None
    if choice.profile:
        log_entry.voice, log_entry.voice_type, log_entry.profile = (
            choice.profile.name,
            choice.profile.voice_type,
            choice.profile.id,
        )
    log_entry.characters = len(asked.input)
    log_entry.batch = terms.batch
    log_entry.text = asked.input if services.settings.log.texts else None
    log_entry.ignored = unsupported.unsupported_speech_parameters(asked, info, services.settings.compat)
    if dictionary and info.speech and await respelling.check(dictionary, asked.input, ipa=info.speech.ipa):
        log_entry.ignored.append("pronunciations")
    log_entry.mapped = [*choice.mapped, *asked.clamped]
    synthesis = Synthesis(services, asked, choice, info, terms, log_entry, dictionary)
    chunks = synthesis.events() if asked.sse else synthesis.audio()
    media_type = SSE_TYPE if asked.sse else codecs.media_type(asked.response_format)
    headers: Mapping[str, str] = {
        **log_entry.headers(),
        **({"cache-control": "no-store"} if asked.sse else {}),
    }
    return StreamingResponse(
        chunks,
        media_type,
        headers=headers,
        send_timeout=services.settings.server.send_timeout,
        on_disconnect=log_entry.gone,
    )


async def _choose(
    services: Services, asked: dialect.SpeechRequest, caller: str
) -> voice_selection.SelectedVoice:
    try:
        return await voice_selection.select_voice(services, asked.model, asked.voice, caller)
    except WrongKind as exc:
        raise wrong_endpoint(shown(asked.model), "/v1/audio/speech", "does not speak") from exc


def _with_defaults(
    asked: dialect.SpeechRequest, profile: Profile | None, info: EngineInfo
) -> dialect.SpeechRequest:
    """Take from a voice of one's own what the request leaves open, as far as the engine can honour it."""
    if profile is None:
        return asked
    instructions = profile.instructions if info.speech and info.speech.instructions else None
    return msgspec.structs.replace(
        asked,
        speed=profile.speed if profile.speed and not asked.speed_given else asked.speed,
        instructions=asked.instructions or instructions or None,
    )


class Synthesis:
    """One request to speak. Raises EngineFailed for an engine that does not."""

    def __init__(
        self,
        services: Services,
        asked: dialect.SpeechRequest,
        choice: Choice,
        info: EngineInfo,
        terms: RequestTerms,
        log_entry: request_log.RequestLog,
        dictionary: Dictionary | None = None,
    ) -> None:
        if info.speech is None:
            raise EngineFailed(f"The engine `{info.name}` does not speak.")
        self._services = services
        self._asked = asked
        self._choice = choice
        self._info = info
        self._can: SpeechCapabilities = info.speech
        self._terms = terms
        self._log_entry = log_entry
        self._respeller = Respeller(dictionary, ipa=info.speech.ipa)
        self._prompt: Prompt | None = None
        slowest, fastest = info.speech.speed
        self._speed = min(fastest, max(slowest, asked.speed))

    async def audio(self) -> AsyncGenerator[bytes, None]:
        """Give the encoded file as it is made, once the request has been let in."""
        rate_limiter, log_entry = self._services.rate_limiter, self._log_entry
        permit = await rate_limiter.acquire(self._terms.caller, shown(self._asked.model), self._terms.seconds)
        log_entry.limits = permit.headers
        try:
            began = time.monotonic()
            self._prompt = await voice_selection.voice_prompt(self._services, self._choice, self._terms)
            await voice_selection.write_audit(self._services, self._choice, log_entry)
            terms = msgspec.structs.replace(
                self._terms, deadline=self._terms.deadline + time.monotonic() - began
            )
            async with self._services.engines.pool(self._choice.engine).open(terms) as stream:
                pipeline = self._pipeline(stream)
                try:
                    async with aclosing(pipeline.chunks()) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except RunawayAudio:
                    log_entry.ran_away = True
                    raise
                finally:
                    log_entry.audio_seconds, log_entry.underruns = (
                        pipeline.pacing.made,
                        pipeline.pacing.underruns,
                    )
                    log_entry.queue_seconds = stream.waited
        finally:
            rate_limiter.release(permit, log_entry.audio_seconds or 0.0)

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Send the file in deltas. A failure after the first is told as an event, since the status has left
        already.
        """
        begun, log_entry = False, self._log_entry
        try:
            async with aclosing(self.audio()) as chunks:
                async for chunk in chunks:
                    yield b"".join(_deltas(chunk))
                    begun = True
            yield sse.event(
                dialect.SpeechDone(dialect.usage(len(self._asked.input), log_entry.audio_seconds or 0.0))
            )
            yield sse.DONE
        except Exception as exc:  # whatever broke the stream, its reader is told in the stream
            if not begun:
                raise
            log_entry.outcome, log_entry.error = "broken", f"{type(exc).__name__}: {exc}"
            yield sse.error_event((refusal(exc) if isinstance(exc, SpeechError) else unexpected()).body.error)

    def _pipeline(self, stream: Stream) -> SpeechPipeline:
        asked, settings = self._asked, self._services.settings.speech

        def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            return self._respeller.original(segment, stream.speak(self._job(segment, attempt)))

        policy = RetryPolicy(
            self._can.sample_rate, self._speed, self._can.streaming, self._retried, self._truncated
        )
        if asked.seed is not None and self._can.seed:  # what this seed gives is what was asked for
            policy = msgspec.structs.replace(policy, attempts=1)
        config = PipelineConfig(
            format=asked.response_format,
            retry_policy=policy,
            tempo=asked.speed / self._speed,
            bitrate=next(
                (rate for name, rate in settings.bitrate.items() if name == asked.response_format), None
            ),
            buffered_seconds=settings.buffered_seconds,
            look_ahead=settings.look_ahead,
        )
        language = self._language() or _voice_language(self._info, self._choice)
        cut = segments(asked.input, language=language, first=settings.first_segment, limit=settings.segment)
        return SpeechPipeline(
            config, self._respeller.spoken(cut), speak, self._services.encoders, stream.report
        )

    def _language(self) -> str | None:
        profile = self._choice.profile
        own = profile.languages[0] if profile and profile.languages else None
        return (self._asked.language or own) if self._can.language else None

    def _job(self, segment: Segment, attempt: int) -> SpeechJob:
        asked, can = self._asked, self._can
        seed = random.randrange(2**31) if attempt else asked.seed  # noqa: S311 - any other seed will do
        return SpeechJob(
            text=segment.text,
            voice=self._choice.voice,
            model=self._choice.model,
            language=self._language(),
            speed=self._speed,
            seed=seed if can.seed else None,
            instructions=asked.instructions if can.instructions else None,
            pause=segment.ends_sentence,
            prompt=self._prompt,
            mix=self._choice.mix,
            ipa=self._respeller.ipa_of(segment),
        )

    def _retried(self, reason: str) -> None:
        self._log_entry.retries.append(reason)
        self._services.observer.retried(self._choice.engine, reason)

    def _truncated(self) -> None:
        self._log_entry.truncations += 1


def _voice_language(info: EngineInfo, choice: Choice) -> str | None:
    if choice.profile and choice.profile.languages:
        return choice.profile.languages[0]
    base = choice.voice.partition("+")[0]
    voice = next((voice for voice in info.voices if voice.id in (choice.voice, base)), None)
    return voice.languages[0] if voice and voice.languages else None


def _deltas(chunk: bytes) -> list[bytes]:
    return [sse.event(dialect.SpeechDelta(base64.b64encode(piece).decode())) for piece in sse.blocks(chunk)]
