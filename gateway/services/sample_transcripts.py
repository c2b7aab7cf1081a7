"""Transcripts of samples: where nobody gave one, an engine transcribes the sample."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from compat.openai.transcript import whole_text
from engines.api import EngineInfo, TranscriptionJob, TranscriptSegment
from engines.errors import BadInput, UnknownModel
from engines.fleet.repeatable_audio import RepeatableAudio
from engines.fleet.streams import RequestTerms
from engines.languages import primary_language
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.sample_audio import sample_pcm
from voices.profile import Profile, Sample

CHUNK_BYTES = 32_000
FALLBACK_RATE = 16_000
"""Hertz"""


async def with_transcripts(
    services: Services, engines: EngineSnapshot, profile: Profile, terms: RequestTerms
) -> Profile:
    """Return a voice whose samples all have transcripts. Raises UnknownModel or what the engine raises."""
    for sample in profile.samples:
        if not sample.transcript:
            profile = await transcribe_sample(services, engines, profile, sample, terms)
    return profile


async def transcribe_sample(
    services: Services, engines: EngineSnapshot, profile: Profile, sample: Sample, terms: RequestTerms
) -> Profile:
    """Transcribe a sample, keep that, and return its voice. A transcript that came in meanwhile stays.

    Raises UnknownModel when no engine can, BadInput when there are no words in it, or what the engine raises.
    """
    from voices.samples.samples import Samples

    info = find_transcriber(engines, profile)
    if info is None or info.transcription is None:
        raise UnknownModel(
            "No engine that transcribes this voice's language is ready; give the transcript yourself."
        )
    transcript = await _transcript(services, info, sample, profile, terms)
    opened = await services.library.open()
    samples = Samples(opened, services.voice_limits().bounds, services.decoding)

    def with_transcript(now: Sample) -> Sample:
        if (now.prepared, now.transcript) != (sample.prepared, sample.transcript):
            return now  # trimmed, or given a transcript by somebody, in the meantime
        return msgspec.structs.replace(now, transcript=transcript, transcribed_by=info.name)

    return await samples.change(profile.id, sample.id, profile.owner, with_transcript)


def find_transcriber(engines: EngineSnapshot, profile: Profile) -> EngineInfo | None:
    """Return the engine that transcribes a voice's language, the best first; None when none is ready."""
    spoken = {primary_language(tag) for tag in profile.languages}
    for info in engines.infos.values():
        if info.transcription and (
            not spoken or not info.transcription.languages or spoken & set(info.transcription.languages)
        ):
            return info
    return None


async def _transcript(
    services: Services, info: EngineInfo, sample: Sample, profile: Profile, terms: RequestTerms
) -> str:
    rate = info.transcription.sample_rate if info.transcription else FALLBACK_RATE
    pcm = await sample_pcm(services, sample, rate)
    job = TranscriptionJob(language=primary_language(profile.languages[0]) if profile.languages else None)
    segments: list[TranscriptSegment] = []
    audio = RepeatableAudio(lambda: _chunks(pcm))
    async with aclosing(services.engines.pool(info.name).transcribe(job, audio, terms, whole=True)) as events:
        async for event in events:
            if isinstance(event, TranscriptSegment):
                segments.append(event)
    transcript = whole_text(segments).strip()
    if not transcript:
        raise BadInput(
            "No words could be made out in this sample; give the transcript yourself.", code="no_words"
        )
    return transcript


async def _chunks(pcm: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]
