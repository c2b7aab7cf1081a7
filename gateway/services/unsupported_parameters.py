"""Parameters that the chosen engine cannot honour: the one place where it is decided what becomes of them.

Optional ones are ignored and named in x-voicebox-ignored and in the log, or, where the settings say so,
refused. What would change the meaning of the answer (a language the engine does not know, speakers that were
asked for and cannot be told apart) is always refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compat.openai.speech import SpeechRequest
from compat.openai.transcription import TranscriptionRequest, no_speakers
from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities
from engines.errors import Unsupported
from engines.languages import alike
from engines.toolkit.request_settings import checked_settings
from gateway.config.settings import CompatSettings
from streaming.text.marks import Marks
from streaming.text.scripts import OTHER_LETTERS, letters_by_script, other_letters
from voices.naming.resolver import Choice

MULTILINGUAL = "voicebox models pull faster-whisper-small"
"""the command that brings an engine which transcribes a hundred languages"""


def scripts_read(info: EngineInfo, choice: Choice) -> tuple[str, ...]:
    """Return the scripts that a voice reads, of a mixture its first one; nothing where it reads any."""
    name = choice.mix[0][0] if choice.mix else choice.voice
    voice = next((voice for voice in info.voices if voice.id == name), None)
    own = voice.scripts if voice else ()
    return own or (info.speech.scripts if info.speech else ())


def of_speech(
    request: SpeechRequest,
    info: EngineInfo,
    settings: CompatSettings,
    voice_languages: Sequence[str] = (),
    scripts: Sequence[str] = (),
    language: str | None = None,
    marks: Marks | None = None,
) -> list[str]:
    """Return the names of a speech request's parameters that its engine ignores, and the scripts of its text
    that it leaves out. `voice_languages` and `scripts` are those of the voice, `language` is what it
    is told to speak; `marks` are those that were found in the text.

    Raises Unsupported, also where the voice could read nothing of the text.
    """
    capabilities = info.speech or SpeechCapabilities(0, ())
    unsupported = {
        "instructions": request.instructions is not None and not capabilities.instructions,
        "seed": request.seed is not None and not capabilities.seed,
        "language": request.language is not None
        and not (capabilities.language != "ignored" and _includes(capabilities.languages, request.language))
        and not (voice_languages and _includes(voice_languages, request.language)),
    }
    marks = marks or Marks()
    text = marks.without(request.input)
    unread = _unread_scripts(text, info.name, scripts)
    spelled = _spelled_scripts(text, capabilities, [language] if language else voice_languages)
    _, foreign = checked_settings(request.settings, capabilities.settings, info.name)
    lost = [
        *(name for name, is_lost in unsupported.items() if is_lost),
        *(f"settings.{name}" for name in foreign),
        *marks.names(),
        *unread,
        *spelled,
        *request.unknown,
    ]
    return _ignore_or_refuse(lost, info, settings, request.unknown)


def _unread_scripts(text: str, engine: str, read: Sequence[str]) -> list[str]:
    """Return what a voice leaves out of a text that reads some scripts only, `read`, where it names any.

    Raises Unsupported where nothing would be left.
    """
    letters = letters_by_script(text) if read else {}
    if read and other_letters(text):
        letters[OTHER_LETTERS] = other_letters(text)
    unread = sorted(script for script in letters if script not in read)
    if unread and not any(map(str.isdigit, text)) and len(unread) == len(letters):
        raise Unsupported(
            f"This voice of `{engine}` reads {', '.join(read)} only, and the text is in {', '.join(unread)}:"
            " choose another voice, or name its language.",
            param="input",
        )
    return [f"input in {script}" for script in unread]


def _spelled_scripts(text: str, capabilities: SpeechCapabilities, languages: Sequence[str]) -> list[str]:
    """Return what a voice of some languages names letter by letter, instead of reading it."""
    limited = capabilities.script_languages
    letters = letters_by_script(text) if limited and not text.isascii() else {}
    return [
        f"input in {script}"
        for script in sorted(letters)
        if script in limited
        and not any(alike(known, language) for known in limited[script] for language in languages)
    ]


def of_transcription(request: TranscriptionRequest, info: EngineInfo, settings: CompatSettings) -> list[str]:
    """Return the names of a transcription's parameters that its engine ignores. Raises Unsupported."""
    capabilities = info.transcription or TranscriptionCapabilities(())
    _refuse_what_matters(request, capabilities, info.name)
    unsupported = {
        "prompt": request.prompt is not None and not capabilities.prompt,
        "temperature": request.temperature > 0 and not capabilities.temperature,
        "include": request.logprobs and not capabilities.logprobs,
    }
    lost = [*(name for name, is_lost in unsupported.items() if is_lost), *request.optional, *request.unknown]
    return _ignore_or_refuse(lost, info, settings, request.unknown)


def _refuse_what_matters(
    request: TranscriptionRequest, capabilities: TranscriptionCapabilities, engine: str
) -> None:
    if request.language and not _includes(capabilities.languages, request.language):
        known = ", ".join(capabilities.languages)
        raise Unsupported(
            f"The engine `{engine}` does not know the language '{request.language}', only: {known}."
            f" One that knows it comes by: {MULTILINGUAL}",
            param="language",
        )
    if request.diarize and not capabilities.diarize:
        raise no_speakers(request)
    if request.translate and not capabilities.translate:
        raise Unsupported(f"The engine `{engine}` does not translate.", param="model")


def _ignore_or_refuse(
    lost: list[str], info: EngineInfo, settings: CompatSettings, unknown: Iterable[str]
) -> list[str]:
    """Return `lost`, or refuse its first known name where the settings say so; OpenAI ignores unknown fields
    too.

    Raises Unsupported.
    """
    known = [name for name in lost if name not in unknown]
    if known and settings.unsupported == "refuse":
        raise Unsupported(
            f"The engine `{info.name}` does not honour `{known[0]}`.", param=known[0].split()[0]
        )
    return lost


def _includes(languages: Sequence[str], language: str) -> bool:
    """Return whether a language is among some; no languages mean any."""
    return not languages or any(alike(language, known) for known in languages)
