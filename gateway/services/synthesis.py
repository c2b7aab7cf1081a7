"""Synthesis: from a speech request's names to a voice, and from its text to encoded audio."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from compat.errors import wrong_endpoint
from compat.openai.speech import SpeechRequest
from engines.api import EngineInfo, Prompt, SpeechCapabilities, SpeechEvent, SpeechJob
from engines.api.offsets import Rewriting
from engines.errors import ChildLost, EngineFailed, RunawayAudio
from engines.fleet.pool import Stream
from engines.fleet.streams import RequestTerms
from engines.toolkit.request_settings import checked_settings
from gateway.observability.request_log import RequestLog
from gateway.services import respelling, unsupported_parameters, voice_selection
from gateway.services.container import Services
from gateway.services.continuity import Continuity
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.engine_start import select_started
from gateway.services.off_loop import off_loop
from gateway.services.request_marks import marks_for
from gateway.services.respelling import Respeller
from gateway.services.segmenting import segments_of
from gateway.services.speech_check import NoTranscriber, SpeechCheck, language_to_hear
from gateway.services.spoken_text import text_to_speak
from gateway.services.text_languages import (
    language_of_job,
    spoken_language,
    text_language,
    voice_languages,
    with_needed_language,
    with_spoken_voice,
)
from gateway.services.voice_audit import write_audit
from gateway.services.voice_prompts import voice_prompt
from streaming.pipeline import PipelineConfig, SpeechPipeline
from streaming.segment_audio import RetryPolicy
from streaming.text.marks import Marks
from streaming.text.segments import Segment, is_blank, with_text_before
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongKind
from voices.profile import Profile
from voices.pronunciation import Dictionary


async def prepare_synthesis(
    services: Services,
    engines: EngineSnapshot,
    request: SpeechRequest,
    terms: RequestTerms,
    log_entry: RequestLog,
) -> Synthesis:
    """Choose engine and voice, check what they cannot honour, and log all that.

    Raises what can be known before any work is done: unknown names, unsupported parameters, a wrong endpoint.
    """
    language = await text_language(request, services.settings.speech)
    log_entry.language = language
    caller = log_entry.key or ""
    try:
        engines, selected, terms = await select_started(
            services,
            engines,
            lambda known: voice_selection.select_voice(
                services, known, request.model, request.voice, caller, language
            ),
            lambda selected: selected.choice.engine,
            request.model,
            "speech",
            terms,
            is_asked=not is_blank(request.input),
        )
    except WrongKind as exc:
        raise wrong_endpoint(shown(request.model), "/v1/audio/speech", "does not speak") from exc
    dictionary = await selected.dictionary()
    info = engines.infos[selected.choice.engine]
    choice = await with_needed_language(selected.choice, info, request, services.settings.speech, language)
    if info.speech and info.speech.language == "needed":
        log_entry.language = choice.language
    request, unfit = _with_voice_defaults(request, choice.profile, info)
    choice = with_spoken_voice(choice, info, language_of_job(request, choice, info))
    _log_choice(log_entry, request, choice)
    log_entry.batch = terms.batch
    log_entry.text = request.input if services.settings.log.texts else None
    marks = marks_for(info, engines)
    text = Rewriting(request.input)
    if info.speech:
        spoken = spoken_language(request, choice, info)
        text = await text_to_speak(
            request, choice.profile, info.speech, spoken, services.settings.speech, marks
        )
    log_entry.ignored = await off_loop(
        len(request.input),
        unsupported_parameters.of_speech,
        request,
        info,
        services.settings.compat,
        voice_languages(info, choice),
        unsupported_parameters.scripts_read(info, choice),
        language_of_job(request, choice, info),
        marks,
    )
    log_entry.ignored += [f"settings.{name}" for name in unfit]
    takes_ipa = info.speech is not None and info.speech.ipa
    if dictionary and await respelling.ignores_entries(dictionary, text.text, marks, ipa=takes_ipa):
        log_entry.ignored.append("pronunciations")
    log_entry.note_choice((*choice.mapped, *request.clamped), choice.advice)
    return Synthesis(services, engines, request, choice, terms, log_entry, text, marks, dictionary)


def _log_choice(log_entry: RequestLog, request: SpeechRequest, choice: Choice) -> None:
    profile = choice.profile
    log_entry.engine = choice.engine
    log_entry.model = request.model
    log_entry.format = request.response_format
    log_entry.voice = profile.name if profile else choice.voice
    log_entry.voice_type = profile.voice_type if profile else "preset"
    log_entry.profile = profile.id if profile else None
    log_entry.characters = len(request.input)


def _with_voice_defaults(
    request: SpeechRequest, profile: Profile | None, info: EngineInfo
) -> tuple[SpeechRequest, list[str]]:
    """Return the request with its custom voice's own speed, instructions and settings where it sets none
    itself, and the names of those settings that the engine has and does not allow: they may be another's.
    """
    if profile is None:
        return request, []
    instructions = profile.instructions if info.speech and info.speech.instructions else None
    known = {setting.name: setting for setting in info.speech.settings} if info.speech else {}
    usual = {
        name: value
        for name, value in profile.settings.items()
        if name in known and name not in request.settings
    }
    unfit = [name for name, value in usual.items() if not known[name].allows(value)]
    fit = {name: value for name, value in usual.items() if name not in unfit}
    request = msgspec.structs.replace(
        request,
        speed=profile.speed if profile.speed and not request.speed_given else request.speed,
        instructions=request.instructions or instructions or None,
        settings=fit | request.settings,
    )
    return request, unfit


async def _no_speech(_segment: Segment, _attempt: int) -> AsyncGenerator[SpeechEvent, None]:
    """Yield the events of no segment."""
    events: tuple[SpeechEvent, ...] = ()
    for event in events:
        yield event


class Synthesis:
    """One request to speak, whatever its format and transport. Raises EngineFailed for an engine that does
    not.
    """

    def __init__(
        self,
        services: Services,
        engines: EngineSnapshot,
        request: SpeechRequest,
        choice: Choice,
        terms: RequestTerms,
        log_entry: RequestLog,
        text: Rewriting,
        marks: Marks,
        dictionary: Dictionary | None = None,
    ) -> None:
        info = engines.infos[choice.engine]
        if info.speech is None:
            raise EngineFailed(f"The engine `{info.name}` does not speak.")
        self._services = services
        self._engines = engines
        self._request = request
        self._choice = choice
        self._info = info
        self._capabilities: SpeechCapabilities = info.speech
        self._terms = terms
        self._log_entry = log_entry
        self._text = text
        self._marks = marks
        self._respeller = Respeller(dictionary, text, marks, ipa=info.speech.ipa)
        self._prompt: Prompt | None = None
        self._continuity = Continuity(request.seed, honours_seed=info.speech.seed)
        slowest, fastest = info.speech.speed
        self._speed = min(fastest, max(slowest, request.speed))
        known = info.speech.settings
        self._settings, _ = checked_settings(request.settings, known, info.name)
        self._check = self._speech_check()

    async def audio(self) -> AsyncGenerator[bytes, None]:
        """Yield the encoded file as it is made, once there is a permit. Raises RateLimited, Overloaded,
        DeadlineExceeded, and what the engine raises.
        """
        rate_limiter = self._services.rate_limiter
        log_entry = self._log_entry
        permit = await rate_limiter.acquire(
            self._terms.caller, shown(self._request.model), self._terms.seconds
        )
        log_entry.limits = permit.headers
        try:
            made = self._silence() if is_blank(self._text.text) else self._speech()
            async with aclosing(made) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            rate_limiter.release(permit, log_entry.audio_seconds or 0.0)

    async def _silence(self) -> AsyncGenerator[bytes, None]:
        """Yield the file of a text in which nothing is seen: no engine is waited for."""
        pipeline = SpeechPipeline(self._config(), iter(()), _no_speech, self._services.encoders)
        async with aclosing(pipeline.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
        self._log_entry.audio_seconds = pipeline.pacing.made

    async def _speech(self) -> AsyncGenerator[bytes, None]:
        """Yield the file once an engine has admitted the request."""
        terms = await self._prepare_voice()
        pool = self._services.engines.pool(self._choice.engine)
        async with pool.open(terms) as stream, aclosing(self._chunks(stream)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _chunks(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        """Yield the file; all is done again once where a worker or an encoder was lost before anything was
        sent.
        """
        sent = False
        try:
            async with aclosing(self._chunks_once(stream)) as chunks:
                async for chunk in chunks:
                    sent = True
                    yield chunk
            return
        except ChildLost as exc:
            if sent or exc.repeated:
                raise
        self._on_retry("lost")
        async with aclosing(self._chunks_once(stream)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _chunks_once(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        log_entry = self._log_entry
        pipeline = self._pipeline(stream)
        try:
            async with aclosing(pipeline.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except RunawayAudio:
            log_entry.ran_away = True
            raise
        finally:
            log_entry.audio_seconds = pipeline.pacing.made
            log_entry.underruns = pipeline.pacing.underruns
            log_entry.queue_seconds = stream.waited

    async def _prepare_voice(self) -> RequestTerms:
        """Make the voice's prompt, and return the terms with the deadline later by the time that it took."""
        began = time.monotonic()
        self._prompt = await voice_prompt(self._services, self._engines, self._choice, self._terms)
        await write_audit(self._services.library, self._choice, self._log_entry)
        return self._terms.later(time.monotonic() - began)

    def _pipeline(self, stream: Stream) -> SpeechPipeline:
        request = self._request
        settings = self._services.settings.speech

        def speak(segment: Segment, attempt: int) -> AsyncGenerator[SpeechEvent, None]:
            events = stream.speak(self._job(segment, attempt))
            events = self._marks.with_offsets_before(segment.text, events)
            return self._respeller.with_original_offsets(segment, events)

        segments = segments_of(
            self._text.text,
            spoken_language(request, self._choice, self._info),
            self._capabilities,
            self._speed,
            settings,
            self._respeller,
            self._marks,
        )
        return SpeechPipeline(
            self._config(),
            with_text_before(self._respeller.respelt(segments)),
            speak,
            self._services.encoders,
            stream.report,
        )

    def _config(self) -> PipelineConfig:
        request = self._request
        settings = self._services.settings.speech
        return PipelineConfig(
            format=request.response_format,
            retry_policy=self._retry_policy(),
            tempo=request.speed / self._speed,
            bitrate=next(
                (rate for name, rate in settings.bitrate.items() if name == request.response_format), None
            ),
            buffered_seconds=settings.buffered_seconds,
            look_ahead=settings.look_ahead,
            in_turn=self._capabilities.affinity,
        )

    def _retry_policy(self) -> RetryPolicy:
        capabilities = self._capabilities
        policy = RetryPolicy(
            capabilities.sample_rate,
            self._speed,
            capabilities.streaming,
            self._on_retry,
            self._on_truncation,
            said=self._marks.said,
            check=self._check,
        )
        return msgspec.structs.replace(policy, max_attempts=1) if self._has_seed else policy

    @property
    def _has_seed(self) -> bool:
        """Return whether the caller chose a seed: what it gives is what was asked for, and not made again."""
        return self._request.seed is not None and self._capabilities.seed

    def _speech_check(self) -> SpeechCheck | None:
        """Return by what the speech is verified, and log that; None where it is not, or cannot be."""
        settings = self._services.settings.speech
        if not (settings.verify if self._request.verify is None else self._request.verify):
            return None
        takes = 1 if self._has_seed else settings.verify_takes
        known = voice_languages(self._info, self._choice)
        language = self._language() or language_to_hear(self._log_entry.language, known)
        try:
            check = SpeechCheck(
                self._services, self._engines, language, self._terms, self._log_entry, takes=takes
            )
        except NoTranscriber as exc:
            self._log_entry.verify = f"unavailable: {exc}"
            return None
        self._log_entry.verify = check.transcriber
        return check

    def _language(self) -> str | None:
        return language_of_job(self._request, self._choice, self._info)

    def _job(self, segment: Segment, attempt: int) -> SpeechJob:
        request = self._request
        capabilities = self._capabilities
        return SpeechJob(
            text=self._marks.restored(segment.text).text,
            voice=self._choice.voice,
            model=self._choice.model,
            language=self._language(),
            speed=self._speed,
            seed=self._continuity.seed_of(segment.index, attempt),
            instructions=request.instructions if capabilities.instructions else None,
            pause=segment.ends_sentence,
            prompt=self._prompt,
            mix=self._choice.mix,
            ipa=self._marks.moved(segment.text, self._respeller.ipa_of(segment)),
            stream=self._continuity.stream,
            index=segment.index,
            before=self._marks.restored(segment.before).text,
            last=segment.end == len(self._text.text),
            settings=self._settings,
        )

    def _on_retry(self, reason: str) -> None:
        self._log_entry.retries.append(reason)
        self._services.observer.retried(self._choice.engine, reason)

    def _on_truncation(self) -> None:
        self._log_entry.truncations += 1
