"""Verified speech: each segment is transcribed before it is sent, and made again where words were lost.

The transcriber is the best engine at hand that knows the language. What it cannot do is never a reason to
refuse or to break a request: then its segments are sent unverified, which log, metrics and answer tell.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

import msgspec

from compat.openai.transcript import whole_text
from engines.api import BYTES_PER_SAMPLE, TranscriptionJob, TranscriptSegment
from engines.errors import DeadlineExceeded, SpeechError
from engines.fleet.playback_gate import LATE_MESSAGE
from engines.fleet.streams import RequestTerms
from engines.languages import primary_language
from engines.wire.client import WorkerLost
from gateway.observability.request_log import RequestLog
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from streaming.text.attempts import Result

FALLBACK_RATE = 16_000
"""Hertz"""
LEAST_PATIENCE = 0.5
"""seconds in which the transcriber may still take a segment up, where those before it have used up the
request's patience: one that died is back by then, or is not
"""
ATTEMPTS = 2
"""at a segment, where a worker is lost with it"""
CHUNK_SECONDS = 1.0
"""resampled at once on the event loop: a tenth of a millisecond's work"""


class NoTranscriber(Exception):
    """No engine can verify; says in words why."""


def choose_transcriber(engines: EngineSnapshot, language: str | None) -> str:
    """Return the name of the best engine that transcribes a language (a BCP-47 tag). Raises NoTranscriber.

    A language that is not known is left to engines that know several.
    """
    transcribers = {name: info.transcription for name, info in engines.infos.items() if info.transcription}
    if not transcribers:
        raise NoTranscriber("no engine that transcribes is ready")
    wanted = primary_language(language) if language else None
    for name, known in transcribers.items():
        if not known.languages or (wanted in known.languages if wanted else len(known.languages) > 1):
            return name
    raise NoTranscriber(
        f"no engine that transcribes '{wanted}' is ready" if wanted else "the voice's language is not known"
    )


def language_to_hear(text: str | None, voice: Sequence[str]) -> str | None:
    """Return the language in which a voice says a text: the text's, if the voice speaks it or may do so.

    Else it is the voice's first: a voice says any text in its own way.
    """
    if text and (not voice or primary_language(text) in map(primary_language, voice)):
        return text
    return voice[0] if voice else None


class SpeechCheck:
    """Has the takes of one request transcribed, and counts what came of its segments in its log entry.

    `language` is the BCP-47 tag of what is spoken, `takes` how many each segment may have. Raises
    NoTranscriber.
    """

    def __init__(
        self,
        services: Services,
        engines: EngineSnapshot,
        language: str | None,
        terms: RequestTerms,
        log_entry: RequestLog,
        *,
        takes: int,
    ) -> None:
        self.most_attempts = takes
        self.transcriber = choose_transcriber(engines, language)
        known = engines.infos[self.transcriber].transcription
        self._rate = known.sample_rate if known else FALLBACK_RATE
        self._services = services
        self._language = primary_language(language) if language else None
        self._terms = terms
        self._log_entry = log_entry
        self._patience = services.settings.admission.wait
        """seconds that failures of the transcriber may still take"""

    async def transcribe(self, pcm: bytes, rate: int) -> str | None:
        """Return the transcript of s16le mono PCM at `rate` Hertz, None where there can be none now.

        Each segment tries, whatever became of those before. It waits for a transcriber that died within what
        those have left of the patience.
        """
        began = time.monotonic()
        patience = max(LEAST_PATIENCE, self._patience)
        terms = msgspec.structs.replace(self._terms, deadline=began + patience, seconds=0.0)
        try:
            segments = await self._in_attempts(pcm, rate, terms)
        except SpeechError as exc:
            self._patience -= time.monotonic() - began
            self._log_entry.verify_error = self._log_entry.verify_error or f"{type(exc).__name__}: {exc}"
            return None
        self._log_entry.verify_seconds += time.monotonic() - began
        return whole_text(segments)

    async def _in_attempts(self, pcm: bytes, rate: int, terms: RequestTerms) -> list[TranscriptSegment]:
        """Transcribe, once more after a worker was lost. Raises what the last attempt raises."""
        for _ in range(ATTEMPTS - 1):
            with suppress(WorkerLost):
                return await self._attempt(pcm, rate, terms)
        return await self._attempt(pcm, rate, terms)

    async def _attempt(self, pcm: bytes, rate: int, terms: RequestTerms) -> list[TranscriptSegment]:
        """Transcribe as a stream of its own, which a worker reads from before the deadline, if one ever does.

        Raises as `Pool.transcribe` does.
        """
        job = TranscriptionJob(language=self._language, words=False)
        pool = self._services.engines.pool(self.transcriber)
        limit = asyncio.timeout(terms.deadline - time.monotonic())

        async def audio() -> AsyncIterator[bytes]:
            if not limit.expired():
                limit.reschedule(None)
            async for chunk in _resampled(pcm, rate, self._rate):
                yield chunk

        try:
            async with limit, aclosing(pool.transcribe(job, audio(), terms, whole=True)) as events:
                return [event async for event in events if isinstance(event, TranscriptSegment)]
        except TimeoutError as exc:
            raise DeadlineExceeded(LATE_MESSAGE) from exc

    def decided(self, result: Result, *, varies: bool) -> None:
        """Count what came of a segment; an engine whose takes are all the same makes no more of them."""
        if not varies:
            self.most_attempts = 1
        counts = self._log_entry.verified or {}
        self._log_entry.verified = {**counts, result: counts.get(result, 0) + 1}


async def _resampled(pcm: bytes, rate: int, target: int) -> AsyncIterator[bytes]:
    """Yield PCM at another rate, in chunks."""
    from streaming.audio.resampling import TempoResampler  # not before: it loads FFmpeg

    resampler = TempoResampler(rate, target_rate=target)
    step = BYTES_PER_SAMPLE * round(CHUNK_SECONDS * rate)
    for start in range(0, len(pcm), step):
        yield resampler.push(pcm[start : start + step])
    yield resampler.finish()
