"""Designed voices: an engine that designs speaks a script once, and that recording is the voice, on every
engine.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from engines.api import Audio, EngineInfo, SpeechJob
from engines.errors import SpeechError, Unsupported
from engines.fleet.streams import RequestTerms
from engines.wire.bodies import wav
from gateway.services.container import Services
from voices.profile import Profile

if TYPE_CHECKING:
    from voices.authoring import VoiceService
    from voices.samples.samples import Samples

SAMPLE_BYTES = 2
MARGIN_SECONDS = 0.1
SCRIPTS = {
    "de": "Einst stritten sich Nordwind und Sonne, wer von ihnen wohl der Stärkere wäre, als ein Wanderer daherkam.",
    "en": "The North Wind and the Sun were disputing which was the stronger, when a traveler came along in a warm cloak.",
    "es": "El viento norte y el sol discutían sobre cuál era el más fuerte, cuando pasó un viajero con una ancha capa.",
    "fr": "La bise et le soleil se disputaient, chacun assurant qu'il était le plus fort, quand passa un voyageur.",
    "it": "Si bisticciavano un giorno il vento di tramontana e il sole, l'uno pretendendo d'esser più forte dell'altro.",
    "pt": "O vento norte e o sol discutiam qual dos dois era o mais forte, quando sucedeu passar um viajante envolto numa capa.",
}
"""the International Phonetic Association's passage, which has most sounds of each language"""


def designer(services: Services) -> EngineInfo | None:
    """Give the engine that designs, the best first; None when none is ready."""
    return next((info for info in services.infos().values() if info.speech and info.speech.design), None)


async def ensure_reference(services: Services, profile: Profile, terms: RequestTerms) -> Profile:
    """Give a voice with its reference, which is made now if it never was. Raises Unsupported or what the
    engine raises.
    """
    if profile.samples or profile.voice_type != "designed":
        return profile
    engine = designer(services)
    if engine is None:
        raise Unsupported(
            f"The voice '{profile.name}' has not been made yet, and no engine that designs voices is ready.",
            param="voice",
            code="voice_not_speakable",
        )
    async with services.library.alone(profile.id):
        profile = await (await services.library.open()).store.get(profile.id, profile.owner)
        if profile.samples:
            return profile
        recording = await _speak(services, engine, profile, terms)
        return await _keep(services, profile, engine, recording)


async def create_or_roll_back(
    services: Services, profile: Profile, terms: RequestTerms, voices: VoiceService
) -> Profile:
    """Make a voice that is new; where that fails, it is taken back. Raises as `made` does."""
    try:
        return await ensure_reference(services, profile, terms)
    except SpeechError:
        await voices.delete(profile.id, profile.owner)
        raise


def script_of(profile: Profile) -> str:
    """Give what the voice says when it is made."""
    language = profile.languages[0].partition("-")[0].casefold() if profile.languages else "en"
    return profile.design_script or SCRIPTS.get(language, SCRIPTS["en"])


async def _speak(services: Services, engine: EngineInfo, profile: Profile, terms: RequestTerms) -> bytes:
    job = SpeechJob(
        script_of(profile), "", design=profile.design_prompt, language=next(iter(profile.languages), None)
    )
    rate = engine.speech.sample_rate if engine.speech else 24_000
    room = round(rate * (services.settings.voices.longest_sample - MARGIN_SECONDS))
    pieces: list[bytes] = []
    async with (
        services.engines.pool(engine.name).open(terms) as stream,
        aclosing(stream.speak(job)) as events,
    ):
        async for event in events:
            if isinstance(event, Audio):
                pieces.append(event.pcm[: SAMPLE_BYTES * room])
                room -= len(event.pcm) // SAMPLE_BYTES
            if room <= 0:
                break  # a voice is known by then, and an engine may never end
    return wav(b"".join(pieces), rate)


async def _keep(services: Services, profile: Profile, engine: EngineInfo, recording: bytes) -> Profile:
    """Keep the reference. Of several that were made at once the first stays, for ever."""
    from voices.samples.samples import Samples, Upload

    opened = await services.library.open()
    samples: Samples = Samples(opened, services.voices().bounds, services.codecs)
    sample = await samples.make(
        profile.id, Upload(recording, script_of(profile), speech=False, param="prompt")
    )

    def first(before: Profile) -> Profile:
        if before.samples:
            return before
        return msgspec.structs.replace(before, samples=(sample,), designed_by=engine.name)

    _, after = await asyncio.shield(opened.store.change(profile.id, profile.owner, first))
    if sample not in after.samples:
        await opened.blobs.delete([sample.original, sample.prepared])
    return after
