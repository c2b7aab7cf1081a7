"""Which voice speaks: the caller's own words for it, to an engine and a preset or a custom voice."""

from __future__ import annotations

import asyncio
import functools

import msgspec

from engines.errors import UnknownVoice, Unsupported
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from voices.errors import LibraryFailed
from voices.naming.matching import shown
from voices.naming.meaning import Meaning
from voices.naming.resolver import Choice, Resolver
from voices.profile import Profile
from voices.pronunciation import Dictionary, Entry, merge

FEW_ENTRIES = 100
"""a dictionary with more is compiled in a thread"""


class SelectedVoice(msgspec.Struct, frozen=True):
    """What will speak, and how the caller wants words to be pronounced."""

    choice: Choice
    pronunciations: tuple[Entry, ...] = ()
    """the caller's, for all voices"""

    async def dictionary(self) -> Dictionary | None:
        """Return the pronunciations, the voice's before the caller's; None where there are none."""
        profile = self.choice.profile
        entries = self.pronunciations
        if profile and profile.pronunciations:
            entries = (*entries, *profile.pronunciations)
        if not entries:
            return None
        if len(entries) > FEW_ENTRIES:
            return await asyncio.to_thread(_dictionary, entries)
        return _dictionary(entries)


@functools.lru_cache(maxsize=64)
def _dictionary(entries: tuple[Entry, ...]) -> Dictionary:
    """Return entries made ready, in which later ones replace earlier ones for the same word."""
    return Dictionary(merge(entries))


async def select_voice(
    services: Services,
    engines: EngineSnapshot,
    model: str,
    voice: str | None,
    caller: str,
    language: str | None = None,
) -> SelectedVoice:
    """Return engine, model and voice for a caller's names, and the language of the text where it is known.

    Raises what `Resolver.speak` raises, or LibraryFailed.
    """
    resolver = engines.resolver
    named_by_model = voice is None and not resolver.is_model(model)
    name = model if named_by_model else voice or services.settings.speech.voice
    try:
        found = await meaning_of(services, engines, name, caller, is_model=named_by_model)
    except LibraryFailed as exc:
        return SelectedVoice(_without_library(services, engines, model, voice, name, exc, language))
    if found.profile:
        try:
            choice = resolver.speak("" if named_by_model else model, name, found.profile, language)
        except Unsupported:
            if named_by_model or found.source != "own" or not resolver.is_taken(name):
                raise
            # one that nothing here can speak does not stand before an engine's voice of that name
            choice = resolver.speak(model, voice, language=language)
            note = f"voice={shown(name)}->{choice.engine}/{choice.voice}"
            return SelectedVoice(msgspec.structs.replace(choice, mapped=(*choice.mapped, note)), found.words)
        return SelectedVoice(_with_hidden_name(choice, name, found, resolver), found.words)
    if named_by_model:
        model = found.name
    try:
        named = found.name if voice or found.name != name else None
        choice = resolver.speak(model, named, language=language)
    except UnknownVoice:
        choice = await _unknown_voice(services, engines, model, found.name, name, caller, language)
    return SelectedVoice(choice, found.words)


async def meaning_of(
    services: Services,
    engines: EngineSnapshot,
    name: str,
    caller: str,
    *,
    is_model: bool = False,
    is_target: bool = False,
) -> Meaning:
    """Return what a voice's name means to a caller; `is_model` says that it came as a model's, `is_target`
    that it is an alias's target.

    Raises LibraryFailed.
    """
    understood = engines.resolver.is_understood if is_model else engines.resolver.is_taken
    aliases = services.settings.compat.voice_aliases
    return await services.library.find(name, caller, aliases, understood, is_target=is_target)


def _with_hidden_name(choice: Choice, name: str, found: Meaning, resolver: Resolver) -> Choice:
    """Return a choice that says where the caller's own voice has taken the name of an engine's."""
    if found.profile is None or found.source != "own" or not resolver.is_taken(name):
        return choice
    return msgspec.structs.replace(
        choice, mapped=(*choice.mapped, f"voice={shown(name)}->{found.profile.id}")
    )


def _without_library(
    services: Services,
    engines: EngineSnapshot,
    model: str,
    voice: str | None,
    name: str,
    exc: LibraryFailed,
    language: str | None,
) -> Choice:
    """Return an engine's voice though nobody can tell whether the caller has one of that name, and say so.

    Raises `exc` when no engine has such a voice.
    """
    if not engines.resolver.is_voice(name):
        raise exc
    services.log.warning("voices are out of reach", reason=str(exc.__cause__ or exc))
    choice = engines.resolver.speak(model, voice, language=language)
    return msgspec.structs.replace(choice, mapped=(*choice.mapped, "voices=out of reach"))


async def _unknown_voice(
    services: Services,
    engines: EngineSnapshot,
    model: str,
    voice: str,
    name: str,
    caller: str,
    language: str | None,
) -> Choice:
    """Return the default voice where the settings want that. Raises UnknownVoice with the nearest names."""
    if services.settings.compat.unknown == "default" and (
        profile := await _default_voice(services, engines, caller)
    ):
        choice = engines.resolver.speak(model, name, profile, language)
        return msgspec.structs.replace(choice, mapped=(*choice.mapped, f"voice={name}->{profile.name}"))
    near = await services.library.near_names(name, caller)
    return engines.resolver_with(tuple(near)).speak(model, voice)


async def _default_voice(services: Services, engines: EngineSnapshot, caller: str) -> Profile | None:
    return (await meaning_of(services, engines, services.settings.speech.voice, caller)).profile
