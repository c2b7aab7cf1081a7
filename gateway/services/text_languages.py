"""The language of what is to be spoken: that of a text, and those of a voice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from compat.openai.speech import SpeechRequest
from engines.api import EngineInfo
from engines.api.offsets import Rewriting
from engines.languages import alike
from gateway.config.settings import SpeechSettings
from gateway.services.off_loop import in_work_thread
from streaming.formats import TextFormat
from streaming.text.language import detect_language
from streaming.text.reading_forms import read_form
from voices.naming.characters import ENGLISH
from voices.naming.language_voices import spoken_voice
from voices.naming.resolver import Choice

SAMPLE = 20_000
"""code points of a document that are read for its language, unless nothing of them is text"""


async def text_language(request: SpeechRequest, settings: SpeechSettings) -> str | None:
    """Return the language of a request's text: what it says, else what is found in what of it is read aloud.

    None where it says nothing, and the settings want no detection.
    """
    if request.language or not settings.detect_language:
        return request.language
    return await found_language(request, settings)


async def found_language(request: SpeechRequest, settings: SpeechSettings) -> str:
    """Return the language that is found in what of a request's text is read aloud."""
    form = request.text_format or settings.text_format
    if form == "plain":
        return detect_language(request.input)
    size = min(len(request.input), SAMPLE)
    return detect_language(await in_work_thread(size, partial(_read, request.input, form)))


def _read(text: str, form: TextFormat) -> str:
    """Return what is read of the beginning of a document, or of all of it where that is nothing."""
    beginning = Rewriting(text[:SAMPLE])
    read_form(beginning, form)
    if beginning.text or len(text) <= SAMPLE:
        return beginning.text
    whole = Rewriting(text)
    read_form(whole, form)
    return whole.text


def language_of_job(request: SpeechRequest, choice: Choice, info: EngineInfo) -> str | None:
    """Return what an engine is to be told to speak; None where it is not, or takes nothing of the kind."""
    if info.speech and info.speech.language == "needed":
        return choice.language
    profile = choice.profile
    profile_language = profile.languages[0] if profile and profile.languages else None
    wanted = request.language or profile_language or choice.language
    return wanted if info.speech and info.speech.language == "taken" else None


async def with_needed_language(
    choice: Choice, info: EngineInfo, request: SpeechRequest, settings: SpeechSettings, known: str | None
) -> Choice:
    """Return a choice with the language to speak, for an engine that needs one; others as they are.

    It is what the request says, else what is found in the text (`known`, where that was done), else that of
    the voice, the first of these that the engine speaks. A text that nothing marks as another language is
    found to be in English, which says nothing against a voice's own language.
    """
    if info.speech is None or info.speech.language != "needed":
        return choice
    spoken = info.speech.languages
    told = _own_tag(spoken, request.language) if request.language else None
    if told is None:
        found = known if known and not request.language else await found_language(request, settings)
        own = voice_languages(info, choice)
        wanted = (*own, found) if own and found == ENGLISH else (found, *own)
        told = next(filter(None, (_own_tag(spoken, language) for language in wanted)), None) or spoken[0]
    return msgspec.structs.replace(choice, language=told)


def _own_tag(spoken: Sequence[str], language: str) -> str | None:
    """Return how an engine names a language, by what it speaks; None where it does not speak it.

    One that names none takes any, as it is.
    """
    exact = (tag for tag in spoken if tag.casefold() == language.casefold())
    return next(exact, next((tag for tag in spoken if alike(tag, language)), None if spoken else language))


def with_spoken_voice(choice: Choice, info: EngineInfo, told: str | None) -> Choice:
    """Return a choice with the voice that is heard where one is told to speak a language, noted as another
    name for the one that was asked for.
    """
    heard = spoken_voice(info.voices, choice.voice, told)
    if heard == choice.voice:
        return choice
    note = () if choice.profile else (f"voice={choice.voice}->{info.name}/{heard}",)
    return msgspec.structs.replace(choice, voice=heard, mapped=(*choice.mapped, *note))


def spoken_language(request: SpeechRequest, choice: Choice, info: EngineInfo) -> str | None:
    """Return the BCP-47 tag of what is spoken, where it is known."""
    return language_of_job(request, choice, info) or next(iter(voice_languages(info, choice)), None)


def voice_languages(info: EngineInfo, choice: Choice) -> tuple[str, ...]:
    """Return the languages of a voice that was chosen, the first first; nothing where they are not known."""
    if choice.profile and choice.profile.languages:
        return choice.profile.languages
    base = choice.voice.partition("+")[0]
    voice = next((voice for voice in info.voices if voice.id in (choice.voice, base)), None)
    return voice.languages if voice else ()
