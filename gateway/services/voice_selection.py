"""Voices of one's own on their way to an engine: found by name, made into prompts, and written into the
audit.
"""

from __future__ import annotations

import asyncio
import functools
import time

import msgspec

from engines.api import EngineInfo, Prompt, Sample
from engines.errors import EngineUnavailable, NotFound, UnknownVoice, Unsupported
from engines.fleet.streams import RequestTerms
from gateway.observability.request_log import RequestLog
from gateway.services import sample_transcripts, voice_design
from gateway.services.container import Services
from gateway.services.sample_audio import pcm_of
from voices.errors import LibraryFailed
from voices.naming.resolver import Choice
from voices.profile import Audit, Profile
from voices.pronunciation import Dictionary, Entry, merge

SAMPLE_BYTES = 2
FEW_ENTRIES = 100
"""a dictionary with more is made ready in a thread"""


class SelectedVoice(msgspec.Struct, frozen=True):
    """What will speak, and how the caller wants words said."""

    choice: Choice
    words: tuple[Entry, ...] = ()

    async def dictionary(self) -> Dictionary | None:
        """Give the pronunciations: the voice's before the caller's; None where nothing is out of the
        ordinary.
        """
        profile = self.choice.profile
        entries = (
            merge(self.words, profile.pronunciations) if profile and profile.pronunciations else self.words
        )
        if not entries:
            return None
        return (
            await asyncio.to_thread(_dictionary, entries)
            if len(entries) > FEW_ENTRIES
            else _dictionary(entries)
        )


_dictionary = functools.lru_cache(maxsize=64)(Dictionary)


async def select_voice(services: Services, model: str, voice: str | None, caller: str) -> SelectedVoice:
    """Choose engine, model and voice. Raises what `Resolver.speak` raises, or LibraryFailed."""
    resolver, settings = services.resolver(), services.settings
    named_by_model = voice is None and not resolver.is_model(model)
    asked = model if named_by_model else voice or settings.speech.voice
    try:
        found = await services.library.find(asked, caller, settings.compat.voice_aliases, resolver.is_voice)
    except LibraryFailed as exc:
        return SelectedVoice(_without_library(services, model, voice, asked, exc))
    if found.profile:
        return SelectedVoice(
            resolver.speak("" if named_by_model else model, asked, found.profile), found.words
        )
    if named_by_model:
        model = found.voice
    try:
        return SelectedVoice(
            resolver.speak(model, found.voice if voice or found.voice != asked else None), found.words
        )
    except UnknownVoice:
        return SelectedVoice(await _unknown(services, model, found.voice, asked, caller), found.words)


def _without_library(
    services: Services, model: str, voice: str | None, asked: str, exc: LibraryFailed
) -> Choice:
    """Speak with a voice of an engine's though nobody can tell whether the caller has one of that name, and
    say so.
    """
    resolver = services.resolver()
    if not resolver.is_voice(asked):
        raise exc
    services.log.warning("voices are out of reach", reason=str(exc.__cause__ or exc))
    choice = resolver.speak(model, voice)
    return msgspec.structs.replace(choice, mapped=(*choice.mapped, "voices=out of reach"))


async def _unknown(services: Services, model: str, voice: str, asked: str, caller: str) -> Choice:
    """Take the default voice where the settings want that; else raise UnknownVoice with the nearest names."""
    if services.settings.compat.unknown == "default" and (default := await _default(services, caller)):
        choice = services.resolver().speak(model, asked, default)
        return msgspec.structs.replace(choice, mapped=(*choice.mapped, f"voice={asked}->{default.name}"))
    own = await services.library.visible(caller)
    return services.resolver(tuple(profile.name for profile in own)).speak(model, voice)


async def _default(services: Services, caller: str) -> Profile | None:
    return (await services.library.find(services.settings.speech.voice, caller)).profile


async def voice_prompt(services: Services, choice: Choice, terms: RequestTerms) -> Prompt | None:
    """Give the voice in its engine's own form, made now if need be; None for a preset. Raises what the engine
    raises.
    """
    profile, info = choice.profile, services.infos().get(choice.engine)
    if profile is None or profile.voice_type == "preset":
        return None
    from voices import prompts

    cloning = info.speech.cloning if info and info.speech else None
    if info is None or cloning is None:
        raise EngineUnavailable(f"The engine `{choice.engine}` is not ready any more.")
    await _check_consent(services, profile)
    terms = RequestTerms(
        terms.owner, terms.batch
    )  # what is made here is there for all who come: no deadline of this one's
    profile = await voice_design.ensure_reference(services, profile, terms)
    if cloning.transcript:
        profile = await sample_transcripts.with_transcripts(services, profile, terms)
    model = choice.model or info.models[0]
    opened = await services.library.open()
    return await opened.prompts.get(
        prompts.path(profile, info, model), lambda: _make(services, profile, info, model, terms)
    )


async def _check_consent(services: Services, profile: Profile) -> None:
    """Where the settings demand consent, a voice speaks only as long as there is one. Raises Unsupported."""
    if not services.settings.voices.require_consent or profile.voice_type != "cloned":
        return
    try:
        await (await services.library.open()).consents.get(profile.consent, profile.owner)
    except NotFound as exc:
        message = f"There is no consent for the voice '{profile.name}' any more, and this server clones none without."
        raise Unsupported(message, param="voice", code="consent_missing") from exc


async def _make(
    services: Services, profile: Profile, info: EngineInfo, model: str, terms: RequestTerms
) -> Prompt:
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


async def write_audit(services: Services, choice: Choice, record: RequestLog) -> None:
    """Write into the audit that a voice of one's own is about to speak: before it does, so that nothing is
    left out.
    """
    profile = choice.profile
    if profile is None or profile.voice_type == "preset":
        return
    opened = await services.library.open()
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
    await opened.store.write_audit(line)
