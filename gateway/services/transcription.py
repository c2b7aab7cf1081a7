"""Transcription: from a request's model and recording to an engine's events."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO

from msgspec.structs import replace

from compat.errors import wrong_endpoint
from compat.openai.transcription import TranscriptionRequest
from engines.api import TranscriptionEvent, TranscriptionJob
from engines.errors import EngineFailed
from engines.fleet.streams import RequestTerms
from engines.languages import alike
from gateway.observability.request_log import RequestLog
from gateway.services import unsupported_parameters
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.engine_start import select_started
from gateway.services.upload_audio import UploadAudio
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongKind


async def prepare_transcription(
    services: Services,
    engines: EngineSnapshot,
    request: TranscriptionRequest,
    recording: IO[bytes],
    terms: RequestTerms,
    log_entry: RequestLog,
) -> Transcription:
    """Choose the engine, and check what it cannot honour; the recording stays open.

    Raises what can be known before any work is done: an unknown model, unsupported parameters.
    """
    path = f"/v1/audio/{log_entry.route}"
    engines, choice, terms = await select_started(
        services,
        engines,
        lambda known: _choose_engine(known, request, path),
        lambda choice: choice.engine,
        request.model,
        "transcription",
        terms,
    )
    info = engines.infos[choice.engine]
    log_entry.engine = choice.engine
    log_entry.model = request.model
    log_entry.format = request.response_format
    log_entry.ignored = unsupported_parameters.of_transcription(request, info, services.settings.compat)
    log_entry.note_choice(choice.mapped, choice.advice)
    if info.transcription is None:
        raise EngineFailed(f"The engine `{choice.engine}` does not transcribe.")
    audio = UploadAudio(
        recording,
        rate=info.transcription.sample_rate,
        max_seconds=services.settings.limits.audio_seconds,
        threads=services.decoding,
    )
    request = replace(
        request,
        language=own_code(request.language, info.transcription.languages),
        logprobs=request.logprobs and info.transcription.logprobs,
    )
    return Transcription(services, request, choice, audio, terms, log_entry)


def own_code(language: str | None, known: tuple[str, ...]) -> str | None:
    """Return the code that an engine has for a language, among those that it knows: `no` may be its `nb`."""
    if language is None or language in known:
        return language
    return next((code for code in known if alike(code, language)), language)


async def _choose_engine(engines: EngineSnapshot, request: TranscriptionRequest, path: str) -> Choice:
    try:
        return engines.resolver.transcribe(request.model, request.language)
    except WrongKind as exc:
        raise wrong_endpoint(shown(request.model), path, "does not transcribe") from exc


class Transcription:
    """One request to transcribe, or translate, a recording."""

    def __init__(
        self,
        services: Services,
        request: TranscriptionRequest,
        choice: Choice,
        audio: UploadAudio,
        terms: RequestTerms,
        log_entry: RequestLog,
    ) -> None:
        self._services = services
        self.request = request
        """what is asked of the engine: without what it does not have"""
        self._choice = choice
        self._audio = audio
        self._terms = terms
        self._log_entry = log_entry
        self.begun = False
        """a worker has the recording: what can be refused has been"""

    @property
    def seconds(self) -> float:
        """How much of the recording has been decoded so far."""
        return self._audio.seconds

    async def events(self) -> AsyncGenerator[TranscriptionEvent, None]:
        """Yield what the engine makes of the recording, once there is a permit.

        Raises RateLimited, Overloaded, DeadlineExceeded, what the engine raises, and BadAudio at the end.
        """
        rate_limiter = self._services.rate_limiter
        log_entry = self._log_entry
        pool = self._services.engines.pool(self._choice.engine)
        permit = await rate_limiter.acquire(self._terms.caller, shown(self.request.model), 0.0)
        log_entry.limits = permit.headers
        try:
            await self._audio.open(max(0.0, self._terms.deadline - time.monotonic()))
            whole = not self.request.stream  # nothing is sent before the end: all can be done again
            transcribed = pool.transcribe(self._job(), self._audio, self._terms, whole=whole)
            async with aclosing(transcribed) as events:
                async for event in events:
                    if self.begun:
                        yield event
                    self.begun = True
            self._audio.check()
        finally:
            self._audio.stop()
            log_entry.audio_seconds = self._audio.seconds
            rate_limiter.release(permit, self._audio.seconds)

    def _job(self) -> TranscriptionJob:
        request = self.request
        return TranscriptionJob(
            model=self._choice.model,
            language=request.language,
            prompt=request.prompt,
            temperature=request.temperature,
            translate=request.translate,
            words=request.words,
            logprobs=request.logprobs,
        )
