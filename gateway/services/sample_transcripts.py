"""The words of samples, found out by an engine that listens where nobody gave them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from compat.openai.transcript import whole_text
from engines.api import EngineInfo, TranscriptionJob, TranscriptSegment
from engines.errors import BadInput, UnknownModel
from engines.fleet.streams import RequestTerms
from gateway.services.container import Services
from gateway.services.sample_audio import pcm_of
from voices.profile import Profile
from voices.profile import Sample as Kept

CHUNK_BYTES = 32_000


async def with_transcripts(services: Services, profile: Profile, terms: RequestTerms) -> Profile:
    """Give a voice all of whose samples have their words. Raises UnknownModel or what the engine raises."""
    for sample in profile.samples:
        if not sample.transcript:
            profile = await transcribe(services, profile, sample, terms)
    return profile


async def transcribe(services: Services, profile: Profile, sample: Kept, terms: RequestTerms) -> Profile:
    """Write down a sample's words. Raises BadInput when no engine can, or what the engine raises."""
    from voices.samples.samples import Samples

    info = find_transcriber(services, profile)
    if info is None or info.transcription is None:
        raise UnknownModel(
            "No engine that transcribes this voice's language is ready; give the transcript yourself."
        )
    text = await _heard(services, info, sample, profile, terms)
    opened = await services.library.open()
    samples = Samples(opened, services.voices().bounds, services.codecs)

    def written(now: Kept) -> Kept:
        if (now.prepared, now.transcript) != (sample.prepared, sample.transcript):
            return now  # cut, or written down by somebody, in the meantime
        return msgspec.structs.replace(now, transcript=text, transcribed_by=info.name)

    return await samples.change(profile.id, sample.id, profile.owner, written)


def find_transcriber(services: Services, profile: Profile) -> EngineInfo | None:
    """Give the engine that transcribes a voice's language; None when none is ready."""
    spoken = {tag.casefold().partition("-")[0] for tag in profile.languages}
    for info in services.infos().values():
        if info.transcription and (
            not spoken or not info.transcription.languages or spoken & set(info.transcription.languages)
        ):
            return info
    return None


async def _heard(
    services: Services, info: EngineInfo, sample: Kept, profile: Profile, terms: RequestTerms
) -> str:
    rate = info.transcription.sample_rate if info.transcription else 16_000
    pcm = await pcm_of(services, sample, rate)
    language = profile.languages[0].partition("-")[0].casefold() if profile.languages else None
    heard: list[TranscriptSegment] = []
    async with aclosing(
        services.engines.pool(info.name).transcribe(TranscriptionJob(language=language), _pieces(pcm), terms)
    ) as events:
        async for event in events:
            if isinstance(event, TranscriptSegment):
                heard.append(event)
    text = whole_text(heard).strip()
    if not text:
        raise BadInput(
            "No words could be made out in this sample; give the transcript yourself.", code="no_words"
        )
    return text


async def _pieces(pcm: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]
