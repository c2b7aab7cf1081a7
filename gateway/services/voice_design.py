"""Designed voices: an engine that designs speaks a script once, which is the voice on all engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from engines.api import BYTES_PER_SAMPLE, Audio, EngineInfo, SpeechJob
from engines.errors import SpeechError, Unsupported
from engines.fleet.streams import RequestTerms
from engines.languages import primary_language
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from streaming.audio import wav
from streaming.text.duration import estimate_duration
from streaming.text.language import detect_language
from voices.profile import Profile

if TYPE_CHECKING:
    from voices.authoring import VoiceService
    from voices.samples.samples import Samples

MARGIN_SECONDS = 0.1
"""by which a reference stays below the longest sample that is taken"""
FALLBACK_RATE = 24_000
"""Hertz"""
SCRIPTS = {
    "de": (
        "Einst stritten sich Nordwind und Sonne, wer von ihnen "
        "wohl der Stärkere wäre, als ein Wanderer daherkam."
    ),
    "en": (
        "The North Wind and the Sun were disputing which was the "
        "stronger, when a traveler came along in a warm cloak."
    ),
    "es": (
        "El viento norte y el sol discutían sobre cuál era el más "
        "fuerte, cuando pasó un viajero con una ancha capa."
    ),
    "fr": (
        "La bise et le soleil se disputaient, chacun assurant "
        "qu'il était le plus fort, quand passa un voyageur."
    ),
    "it": (
        "Si bisticciavano un giorno il vento di tramontana e il "
        "sole, l'uno pretendendo d'esser più forte dell'altro."
    ),
    "pt": (
        "O vento norte e o sol discutiam qual dos dois era o mais forte, "
        "quando sucedeu passar um viajante envolto numa capa."
    ),
}
"""the International Phonetic Association's passage, which has most sounds of each language, by language"""


def find_designer(engines: EngineSnapshot) -> EngineInfo | None:
    """Return the best engine that designs voices; None when none is ready."""
    return next((info for info in engines.infos.values() if info.speech and info.speech.design), None)


async def ensure_reference(
    services: Services, engines: EngineSnapshot, profile: Profile, terms: RequestTerms
) -> Profile:
    """Return a voice with its reference recording, which is made now if it never was.

    Raises Unsupported when no engine can, or what the engine raises.
    """
    if profile.samples or profile.voice_type != "designed":
        return profile
    designer = find_designer(engines)
    if designer is None:
        raise Unsupported(
            f"The voice '{profile.name}' has not been made yet, and no engine that designs voices is ready.",
            param="voice",
            code="voice_not_speakable",
        )
    async with services.library.alone(profile.id):
        profile = await (await services.library.open()).store.get(profile.id, profile.owner)
        if profile.samples:
            return profile
        recording = await _speak_script(services, designer, profile, terms)
        return await _keep_reference(services, profile, designer, recording)


async def made_or_rolled_back(making: Awaitable[Profile], profile: Profile, voices: VoiceService) -> Profile:
    """Return a new voice once its reference is made, or delete the voice. Raises what making it raises."""
    try:
        return await making
    except SpeechError:
        await voices.delete(profile.id, profile.owner)
        raise


def script_of(profile: Profile) -> str:
    """Return what a voice says in its reference: its own script, or a passage in its language."""
    language = primary_language(profile.languages[0]) if profile.languages else "en"
    return profile.design_script or SCRIPTS.get(language, SCRIPTS["en"])


def reference_seconds(profile: Profile) -> float:
    """Return about how many seconds of audio a voice's reference is."""
    return estimate_duration(script_of(profile)).expected


async def _speak_script(
    services: Services, designer: EngineInfo, profile: Profile, terms: RequestTerms
) -> bytes:
    """Return the reference as a WAV file, cut at the longest sample that is taken."""
    script = script_of(profile)
    language = next(iter(profile.languages), None)
    if designer.speech and designer.speech.language == "needed":
        language = language or detect_language(script)
    job = SpeechJob(script, "", design=profile.design_prompt, language=language)
    rate = designer.speech.sample_rate if designer.speech else FALLBACK_RATE
    samples_left = round(rate * (services.settings.voices.longest_sample - MARGIN_SECONDS))
    pcm: list[bytes] = []
    async with (
        services.engines.pool(designer.name).open(terms) as stream,
        aclosing(stream.speak(job)) as events,
    ):
        async for event in events:
            if isinstance(event, Audio):
                pcm.append(event.pcm[: BYTES_PER_SAMPLE * samples_left])
                samples_left -= len(event.pcm) // BYTES_PER_SAMPLE
            if samples_left <= 0:
                break  # a voice is known by then, and an engine may never end
    return wav.encode(b"".join(pcm), rate)


async def _keep_reference(
    services: Services, profile: Profile, designer: EngineInfo, recording: bytes
) -> Profile:
    """Keep the reference, and return the voice. Of several that were made at once the first stays."""
    from voices.samples.samples import Samples, Upload

    opened = await services.library.open()
    samples: Samples = Samples(opened, services.voice_limits().bounds, services.decoding)
    sample = await samples.make(
        profile.id, Upload(recording, script_of(profile), speech=False, param="prompt")
    )

    def with_reference(before: Profile) -> Profile:
        if before.samples:
            return before
        return msgspec.structs.replace(before, samples=(sample,), designed_by=designer.name)

    _, after = await asyncio.shield(opened.store.change(profile.id, profile.owner, with_reference))
    if sample not in after.samples:
        await opened.blobs.delete([sample.original, sample.prepared])
    return after
