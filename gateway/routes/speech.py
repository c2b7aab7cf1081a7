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
from engines.api import EngineFailed, EngineInfo, Prompt, RunAway, SpeechAbilities, SpeechError, SpeechEvent, SpeechJob
from engines.fleet.pool import Stream
from engines.fleet.streams import Terms
from gateway.http import bodies, priority
from gateway.http.openapi import SpeechOperation
from gateway.observability import request_log
from gateway.services import respelling, unsupported, voice_selection
from gateway.services.container import Services
from gateway.services.respelling import Pronouncing
from streaming.encode import codecs
from streaming.http import sse
from streaming.http.response import StreamBody
from streaming.pipeline import Production, Recipe
from streaming.segment_audio import Watch
from streaming.text.duration import budget
from streaming.text.segments import Segment, segments
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongUse
from voices.profile import Profile
from voices.pronunciation import Dictionary

SSE_TYPE = "text/event-stream; charset=utf-8"


def speech_route(services: Services) -> HTTPRouteHandler:
    """Make the route."""

    @post("/v1/audio/speech", status_code=200, operation_class=SpeechOperation, summary="Speak a text")
    async def speech(request: Request[Any, Any, Any]) -> StreamBody:
        note = request_log.of(request)
        note.route = "speech"
        headers = dict(request.scope["headers"])
        body = await bodies.whole(headers, request.receive, services.settings.limits.json_bytes)
        asked = dialect.parse(body, bounds(services))
        seconds = budget(asked.input, speed=asked.speed).expected
        owner = priority.owner(note.key, request.scope.get("client"))
        granted = priority.terms(headers, services.settings.admission, owner=owner, characters=len(asked.input), seconds=seconds)
        return await answer(services, asked, granted, note)

    return speech


def bounds(services: Services) -> dialect.Bounds:
    """Say what one request may hold."""
    limits = services.settings.limits
    return dialect.Bounds(limits.input_characters, limits.instructions_characters, services.settings.compat.strict)


async def answer(services: Services, asked: dialect.SpeechRequest, granted: Terms, note: request_log.Record) -> StreamBody:
    """Begin to speak. Raises what can be told before any work is done."""
    viewer = note.key or ""
    chosen = await _choose(services, asked, viewer)
    choice, dictionary = chosen.choice, await chosen.dictionary()
    info = services.infos()[choice.engine]
    asked = _with_defaults(asked, choice.profile, info)
    note.engine, note.model, note.format = choice.engine, asked.model, asked.response_format
    note.voice, note.voice_type, note.profile = choice.voice, "preset", None
    if choice.profile:
        note.voice, note.voice_type, note.profile = choice.profile.name, choice.profile.voice_type, choice.profile.id
    note.characters = len(asked.input)
    note.batch = granted.batch
    note.text = asked.input if services.settings.log.texts else None
    note.ignored = unsupported.speech_unheard(asked, info, services.settings.compat)
    if dictionary and info.speech and await respelling.check(dictionary, asked.input, ipa=info.speech.ipa):
        note.ignored.append("pronunciations")
    note.mapped = [*choice.mapped, *asked.clamped]
    speaking = Speaking(services, asked, choice, info, granted, note, dictionary)
    chunks = speaking.events() if asked.sse else speaking.audio()
    media_type = SSE_TYPE if asked.sse else codecs.media_type(asked.response_format)
    headers: Mapping[str, str] = {**note.headers(), **({"cache-control": "no-store"} if asked.sse else {})}
    return StreamBody(chunks, media_type, headers=headers, send_timeout=services.settings.server.send_timeout, gone=note.gone)


async def _choose(services: Services, asked: dialect.SpeechRequest, viewer: str) -> voice_selection.Chosen:
    try:
        return await voice_selection.choose(services, asked.model, asked.voice, viewer)
    except WrongUse as exc:
        raise wrong_endpoint(shown(asked.model), "/v1/audio/speech", "does not speak") from exc


def _with_defaults(asked: dialect.SpeechRequest, profile: Profile | None, info: EngineInfo) -> dialect.SpeechRequest:
    """Take from a voice of one's own what the request leaves open, as far as the engine can honour it."""
    if profile is None:
        return asked
    instructions = profile.instructions if info.speech and info.speech.instructions else None
    return msgspec.structs.replace(
        asked,
        speed=profile.speed if profile.speed and not asked.speed_given else asked.speed,
        instructions=asked.instructions or instructions or None,
    )


class Speaking:
    """One request to speak. Raises EngineFailed for an engine that does not."""

    def __init__(
        self,
        services: Services,
        asked: dialect.SpeechRequest,
        choice: Choice,
        info: EngineInfo,
        granted: Terms,
        note: request_log.Record,
        dictionary: Dictionary | None = None,
    ) -> None:
        if info.speech is None:
            raise EngineFailed(f"The engine `{info.name}` does not speak.")
        self._services = services
        self._asked = asked
        self._choice = choice
        self._info = info
        self._can: SpeechAbilities = info.speech
        self._terms = granted
        self._note = note
        self._pronouncing = Pronouncing(dictionary, ipa=info.speech.ipa)
        self._prompt: Prompt | None = None
        slowest, fastest = info.speech.speed
        self._speed = min(fastest, max(slowest, asked.speed))

    async def audio(self) -> AsyncGenerator[bytes, None]:
        """Give the encoded file as it is made, once the request has been let in."""
        entrance, note = self._services.entrance, self._note
        permit = await entrance.enter(self._terms.owner, shown(self._asked.model), self._terms.seconds)
        note.limits = permit.headers
        try:
            began = time.monotonic()
            self._prompt = await voice_selection.prompt(self._services, self._choice, self._terms)
            await voice_selection.note(self._services, self._choice, note)
            granted = msgspec.structs.replace(self._terms, deadline=self._terms.deadline + time.monotonic() - began)
            async with self._services.engines.pool(self._choice.engine).open(granted) as stream:
                production = self._production(stream)
                try:
                    async with aclosing(production.chunks()) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except RunAway:
                    note.ran_away = True
                    raise
                finally:
                    note.audio_seconds, note.underruns = production.pacing.made, production.pacing.underruns
                    note.queue_seconds = stream.waited
        finally:
            entrance.leave(permit, note.audio_seconds or 0.0)

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Send the file in deltas. A failure after the first is told as an event, since the status has left already."""
        begun, note = False, self._note
        try:
            async with aclosing(self.audio()) as chunks:
                async for chunk in chunks:
                    yield b"".join(_deltas(chunk))
                    begun = True
            yield sse.event(dialect.SpeechDone(dialect.usage(len(self._asked.input), note.audio_seconds or 0.0)))
            yield sse.DONE
        except Exception as exc:  # whatever broke the stream, its reader is told in the stream
            if not begun:
                raise
            note.outcome, note.error = "broken", f"{type(exc).__name__}: {exc}"
            yield sse.error_event((refusal(exc) if isinstance(exc, SpeechError) else unexpected()).body.error)

    def _production(self, stream: Stream) -> Production:
        asked, settings = self._asked, self._services.settings.speech

        def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            return self._pronouncing.original(segment, stream.speak(self._job(segment, attempt)))

        watch = Watch(self._can.sample_rate, self._speed, self._can.streaming, self._retried, self._truncated)
        if asked.seed is not None and self._can.seed:  # what this seed gives is what was asked for
            watch = msgspec.structs.replace(watch, attempts=1)
        recipe = Recipe(
            format=asked.response_format,
            watch=watch,
            tempo=asked.speed / self._speed,
            bitrate=next((rate for name, rate in settings.bitrate.items() if name == asked.response_format), None),
            buffered_seconds=settings.buffered_seconds,
            look_ahead=settings.look_ahead,
        )
        language = self._language() or _voice_language(self._info, self._choice)
        cut = segments(asked.input, language=language, first=settings.first_segment, limit=settings.segment)
        return Production(recipe, self._pronouncing.spoken(cut), speak, self._services.coders, stream.report)

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
            ipa=self._pronouncing.ipa_of(segment),
        )

    def _retried(self, reason: str) -> None:
        self._note.retries.append(reason)
        self._services.observer.retried(self._choice.engine, reason)

    def _truncated(self) -> None:
        self._note.truncations += 1


def _voice_language(info: EngineInfo, choice: Choice) -> str | None:
    if choice.profile and choice.profile.languages:
        return choice.profile.languages[0]
    base = choice.voice.partition("+")[0]
    voice = next((voice for voice in info.voices if voice.id in (choice.voice, base)), None)
    return voice.languages[0] if voice and voice.languages else None


def _deltas(chunk: bytes) -> list[bytes]:
    return [sse.event(dialect.SpeechDelta(base64.b64encode(piece).decode())) for piece in sse.blocks(chunk)]
