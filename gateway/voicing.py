"""Voices of one's own on their way to an engine: found by name, made into prompts, and written into the audit."""

from __future__ import annotations

import time

import msgspec

from engines.api import EngineFailed, EngineInfo, Prompt, Sample, UnknownVoice
from engines.claims import Terms
from gateway import designing, listening
from gateway.record import Record
from gateway.services import Services
from gateway.sounds import pcm_of
from voices.profile import Audit, Profile
from voices.pronunciation import Dictionary, Entry, merge
from voices.resolve import Choice

SAMPLE_BYTES = 2


class Chosen(msgspec.Struct, frozen=True):
    """What will speak, and how the caller wants words said."""

    choice: Choice
    words: tuple[Entry, ...] = ()

    def dictionary(self) -> Dictionary | None:
        """Give the pronunciations: the voice's before the caller's; None where nothing is out of the ordinary."""
        entries = merge(self.words, self.choice.profile.pronunciations if self.choice.profile else ())
        return Dictionary(entries) if entries else None


async def choose(services: Services, model: str, voice: str | None, viewer: str) -> Chosen:
    """Choose engine, model and voice. Raises what `Resolver.speak` raises."""
    resolver, settings = services.resolver(), services.settings
    named_by_model = voice is None and not resolver.is_model(model)
    asked = model if named_by_model else voice or settings.speech.voice
    found = await services.library.find(asked, viewer, settings.compat.voice_aliases)
    if found.profile:
        return Chosen(resolver.speak("" if named_by_model else model, asked, found.profile), found.words)
    try:
        return Chosen(resolver.speak(model, found.voice if voice or found.voice != asked else None), found.words)
    except UnknownVoice:
        own = await services.library.visible(viewer)
        if settings.compat.unknown == "default" and (default := await _default(services, viewer)):
            mapped = f"voice={asked}->{default.name}"
            choice = resolver.speak(model, asked, default)
            return Chosen(msgspec.structs.replace(choice, mapped=(*choice.mapped, mapped)), found.words)
        if own:
            services.resolver(tuple(profile.name for profile in own)).speak(model, found.voice)
        raise


async def _default(services: Services, viewer: str) -> Profile | None:
    return (await services.library.find(services.settings.speech.voice, viewer)).profile


async def prompt(services: Services, choice: Choice, terms: Terms) -> Prompt | None:
    """Give the voice in its engine's own form, made now if need be; None for a preset. Raises what the engine raises."""
    profile, info = choice.profile, services.infos()[choice.engine]
    if profile is None or profile.voice_type == "preset":
        return None
    from voices import prompts

    cloning = info.speech.cloning if info.speech else None
    if cloning is None:
        raise EngineFailed(f"The engine `{info.name}` does not clone voices any more.")
    profile = await designing.made(services, profile, terms)
    if cloning.transcript:
        profile = await listening.transcribed(services, profile, terms)
    model = choice.model or info.models[0]
    shelves = await services.library.open()
    return await shelves.prompts.get(prompts.path(profile, info, model), lambda: _make(services, profile, info, model, terms))


async def _make(services: Services, profile: Profile, info: EngineInfo, model: str, terms: Terms) -> Prompt:
    cloning = info.speech.cloning if info.speech else None
    assert cloning is not None  # noqa: S101 - checked by the caller
    samples, left = [], cloning.longest
    for kept in profile.samples:
        if left > 0:
            pcm = await pcm_of(services, kept, cloning.sample_rate)
            samples.append(Sample(pcm[: SAMPLE_BYTES * round(left * cloning.sample_rate)], kept.transcript))
            left -= kept.seconds
    async with services.engines.pool(info.name).open(terms) as stream:
        return await stream.create_prompt(samples, cloning.sample_rate, model)


async def note(services: Services, choice: Choice, record: Record) -> None:
    """Write into the audit that a voice of one's own is about to speak: before it does, so that nothing is left out."""
    profile = choice.profile
    if profile is None or profile.voice_type == "preset":
        return
    shelves = await services.library.open()
    line = Audit(
        time.time(),
        "spoken",
        profile.id,
        record.key or "",
        record.id,
        choice.engine,
        record.characters or 0,
        consent=profile.consent,
    )
    await shelves.store.note(line)
