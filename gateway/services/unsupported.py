"""What becomes of a parameter that the chosen engine cannot honour: the one place where that is decided.

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
from gateway.config.settings import CompatSettings


def unsupported_speech_parameters(
    asked: SpeechRequest, info: EngineInfo, settings: CompatSettings
) -> list[str]:
    """Name the parameters of a speech request that its engine will not hear. Raises Unsupported."""
    can = info.speech or SpeechCapabilities(0, ())
    unheard = {
        "instructions": asked.instructions is not None and not can.instructions,
        "seed": asked.seed is not None and not can.seed,
        "language": asked.language is not None and not (can.language and _speaks(can, asked.language)),
    }
    return _settle(
        [*(name for name, lost in unheard.items() if lost), *asked.unknown], info, settings, asked.unknown
    )


def unsupported_transcription_parameters(
    asked: TranscriptionRequest, info: EngineInfo, settings: CompatSettings
) -> list[str]:
    """Name the parameters of a transcription that its engine will not hear. Raises Unsupported."""
    can = info.transcription or TranscriptionCapabilities(())
    _refuse_what_matters(asked, can, info.name)
    unheard = {
        "prompt": asked.prompt is not None and not can.prompt,
        "temperature": asked.temperature > 0 and not can.temperature,
    }
    lost = [*(name for name, is_lost in unheard.items() if is_lost), *asked.optional, *asked.unknown]
    return _settle(lost, info, settings, asked.unknown)


def _refuse_what_matters(asked: TranscriptionRequest, can: TranscriptionCapabilities, engine: str) -> None:
    if asked.language and can.languages and asked.language not in can.languages:
        known = ", ".join(can.languages)
        raise Unsupported(
            f"The engine `{engine}` does not know the language '{asked.language}', only: {known}.",
            param="language",
        )
    if asked.diarize and not can.diarize:
        if asked.response_format == "diarized_json":
            raise incompatible(asked)
        raise Unsupported(f"The engine `{engine}` cannot tell speakers apart (diarization).", param="model")
    if requires_logprobs(asked) and not can.logprobs:
        raise Unsupported(f"The engine `{engine}` gives no log-probabilities.", param="include")
    if asked.translate and not can.translate:
        raise Unsupported(f"The engine `{engine}` does not translate.", param="model")


def _settle(lost: list[str], info: EngineInfo, settings: CompatSettings, unknown: Iterable[str]) -> list[str]:
    """Let them be ignored, or refuse the first that somebody knows; unknown fields pass, as with OpenAI."""
    known = [name for name in lost if name not in unknown]
    if known and settings.unsupported == "refuse":
        raise Unsupported(f"The engine `{info.name}` does not honour `{known[0]}`.", param=known[0])
    return lost


def _speaks(can: SpeechCapabilities, language: str) -> bool:
    wanted = language.casefold().split("-")[0]
    return not can.languages or any(tag.casefold().split("-")[0] == wanted for tag in can.languages)
