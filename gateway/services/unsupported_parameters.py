"""Parameters that the chosen engine cannot honour: the one place where it is decided what becomes of them.

Optional ones are ignored and named in x-voicebox-ignored and in the log, or, where the settings say so,
refused. What would change the meaning of the answer (a language the engine does not know, log-probabilities
or speakers that were asked for and cannot be had) is always refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from compat.openai.speech import SpeechRequest
from compat.openai.transcription import TranscriptionRequest, incompatible, requires_logprobs
from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities
from engines.errors import Unsupported
from engines.languages import primary_language
from gateway.config.settings import CompatSettings


def of_speech(request: SpeechRequest, info: EngineInfo, settings: CompatSettings) -> list[str]:
    """Return the names of a speech request's parameters that its engine ignores. Raises Unsupported."""
    capabilities = info.speech or SpeechCapabilities(0, ())
    unsupported = {
        "instructions": request.instructions is not None and not capabilities.instructions,
        "seed": request.seed is not None and not capabilities.seed,
        "language": request.language is not None
        and not (capabilities.language and _speaks(capabilities, request.language)),
    }
    lost = [*(name for name, is_lost in unsupported.items() if is_lost), *request.unknown]
    return _ignore_or_refuse(lost, info, settings, request.unknown)


def of_transcription(request: TranscriptionRequest, info: EngineInfo, settings: CompatSettings) -> list[str]:
    """Return the names of a transcription's parameters that its engine ignores. Raises Unsupported."""
    capabilities = info.transcription or TranscriptionCapabilities(())
    _refuse_what_matters(request, capabilities, info.name)
    unsupported = {
        "prompt": request.prompt is not None and not capabilities.prompt,
        "temperature": request.temperature > 0 and not capabilities.temperature,
    }
    lost = [*(name for name, is_lost in unsupported.items() if is_lost), *request.optional, *request.unknown]
    return _ignore_or_refuse(lost, info, settings, request.unknown)


def _refuse_what_matters(
    request: TranscriptionRequest, capabilities: TranscriptionCapabilities, engine: str
) -> None:
    if request.language and capabilities.languages and request.language not in capabilities.languages:
        known = ", ".join(capabilities.languages)
        raise Unsupported(
            f"The engine `{engine}` does not know the language '{request.language}', only: {known}.",
            param="language",
        )
    if request.diarize and not capabilities.diarize:
        if request.response_format == "diarized_json":
            raise incompatible(request)
        raise Unsupported(f"The engine `{engine}` cannot tell speakers apart (diarization).", param="model")
    if requires_logprobs(request) and not capabilities.logprobs:
        raise Unsupported(f"The engine `{engine}` gives no log-probabilities.", param="include")
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
        raise Unsupported(f"The engine `{info.name}` does not honour `{known[0]}`.", param=known[0])
    return lost


def _speaks(capabilities: SpeechCapabilities, language: str) -> bool:
    return not capabilities.languages or primary_language(language) in map(
        primary_language, capabilities.languages
    )
