"""OpenAI's voice names: which engine speaks under one, and with which of its voices, in a language.

The same name means a voice of like character in every language that some engine here speaks: the best engine
that has one is taken, and among its voices of that language one of the same gender, another for each name as
far as they go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engines.api import EngineInfo, Gender, Voice
from engines.languages import alike, primary_language
from voices.naming.language_voices import spoken_voice, variant_of_gender, voice_speaks

MASCULINE = frozenset({"ash", "ballad", "cedar", "echo", "fable", "onyx", "verse"})
"""OpenAI's names whose voices are men's; the others are women's"""
ENGLISH = "en"
OPENAI_MODELS = {
    "speech": ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
    "transcription": ("whisper-1", "gpt-4o-transcribe"),
}
"""that are named where a name is nearly theirs"""


_FEMININE = ("alloy", "coral", "marin", "nova", "sage", "shimmer")


class Character(NamedTuple):
    """A voice that speaks under one of OpenAI's names."""

    engine: str
    preset: str
    language: str | None = None
    """what it is to be told to speak, where that is not its own"""


def is_openai_voice(name: str) -> bool:
    """Return whether a name is that of one of OpenAI's voices."""
    return name.casefold() in MASCULINE or name.casefold() in _FEMININE


def find_character(
    engines: Mapping[str, EngineInfo], order: Sequence[str], name: str, language: str | None
) -> Character | None:
    """Return the voice that one of OpenAI's names means among some engines, the best first, in a language.

    None where no engine has such a name. Where no engine speaks the language, the best one's own voice.
    """
    folded = name.casefold()
    holders = [engine for engine in order if folded in engines[engine].characters]
    if not holders:
        return None
    # engines that stand for none of these names do so where no other speaks the language
    for engine in sorted(order, key=lambda engine: not engines[engine].characters) if language else ():
        if found := _in_language(engine, engines[engine], folded, language or ENGLISH):
            return found
    return Character(holders[0], engines[holders[0]].characters[folded])


def usual_characters(engines: Mapping[str, EngineInfo]) -> dict[str, Character]:
    """Return what each of OpenAI's names means among engines, the best first, where no language is told."""
    speaking = {engine: info for engine, info in engines.items() if info.speech}
    names = dict.fromkeys(name for info in speaking.values() for name in info.characters)
    found = ((name, find_character(speaking, list(speaking), name, ENGLISH)) for name in names)
    return {name: character for name, character in found if character}


def find_like(
    engines: Mapping[str, EngineInfo], order: Sequence[str], traits: Sequence[str], language: str | None
) -> Character | None:
    """Return the voice that is most like one of another server's, given by its own language, its gender, and
    the name of OpenAI's that is like it: in the text's language where that is another.

    None where no engine speaks either.
    """
    own, gender, name = traits[:3]
    # what nobody recognises is taken for English, and says nothing against a voice's own language
    is_moved = language not in (None, ENGLISH) and primary_language(language or own) != primary_language(own)
    for spoken in (language or own, own) if is_moved else (own,):
        for engine in order:
            info = engines[engine]
            found = _in_language(engine, info, name, spoken) if name in info.characters else None
            if found := found or _of_gender(engine, info, spoken, gender):
                return found
    return None


def _of_gender(engine: str, info: EngineInfo, language: str, gender: str) -> Character | None:
    speaking = [known for known in info.voices if voice_speaks(known, language)] or [
        known for known in info.voices if voice_speaks(known, primary_language(language))
    ]
    best = next((known.id for known in speaking if known.gender == gender), None)
    if not best and speaking:
        best = speaking[0].id + variant_of_gender(info.voices, gender)
    return Character(engine, best) if best else None


def nearest_voice(info: EngineInfo, name: str, language: str | None) -> str | None:
    """Return an engine's voice that comes nearest to one of OpenAI's, of a language where it has any."""
    able = [voice for voice in info.voices if language and _includes(voice.languages, language)]
    found = _like(able or info.voices, name)
    return found.id if found else None


def speaks(info: EngineInfo, language: str) -> bool:
    """Return whether an engine speaks a language; one that names none speaks any."""
    languages = info.speech.languages if info.speech else ()
    return not languages or _includes(languages, language)


def transcribes(info: EngineInfo, language: str) -> bool:
    """Return whether an engine transcribes a language; one that names none transcribes any."""
    languages = info.transcription.languages if info.transcription else ()
    return not languages or _includes(languages, language)


def _in_language(engine: str, info: EngineInfo, name: str, language: str) -> Character | None:
    own = info.characters.get(name)
    voice = next((voice for voice in info.voices if voice.id == own), None)
    if own and (not voice or not voice.languages):
        return _character_in(info, own, language) if speaks(info, language) else None
    able = [voice for voice in info.voices if _includes(voice.languages, language)]
    exact = [voice for voice in able if language.casefold() in map(str.casefold, voice.languages)]
    if own and voice and (voice in exact or (voice in able and not exact)):
        return Character(engine, own)
    is_told = info.speech is not None and info.speech.language != "ignored"
    if own and is_told and speaks(info, language):
        return _character_in(info, own, language)
    if preset := _like(exact or able, name):
        return Character(engine, preset.id)
    if not speaks(info, language):
        return None
    # voices that are of no language, or are told theirs, speak all that the engine does
    preset = _like([voice for voice in info.voices if is_told or not voice.languages], name)
    return _character_in(info, preset.id, language) if preset else None


def _character_in(info: EngineInfo, preset: str, language: str) -> Character:
    return Character(info.name, spoken_voice(info.voices, preset, language), language)


def _like(voices: Sequence[Voice], name: str) -> Voice | None:
    """Return one of some voices that is of the gender of OpenAI's voice, the next one for the next name."""
    gender: Gender = "male" if name in MASCULINE else "female"
    alike = [voice for voice in voices if voice.gender == gender] or list(voices)
    names = sorted(MASCULINE) if name in MASCULINE else list(_FEMININE)
    return alike[names.index(name) % len(alike)] if alike and name in names else next(iter(alike), None)


def _includes(languages: Sequence[str], language: str) -> bool:
    return any(alike(known, language) for known in languages)
