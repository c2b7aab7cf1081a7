"""What engines of Pocket TTS say of themselves, whatever library computes it."""

from __future__ import annotations

from importlib.metadata import version

from engines.adapters.pocket.request_options import OPTIONS
from engines.adapters.pocket.voices import language_tags, map_openai_voices
from engines.api import CloningCapabilities, EngineInfo, SpeechCapabilities, Voice
from engines.api.request_options import with_default


def engine_info(
    model: str,
    language: str,
    voices: tuple[Voice, ...],
    *,
    library: str,
    rate: int,
    temperature: float,
    prompt_version: str | None,
    device: str,
) -> EngineInfo:
    """Return the info of an engine: `library` is the package that computes it, `prompt_version` that of the
    prompts that it makes, None where it does not clone.
    """
    return EngineInfo(
        name="pocket-tts",
        version=version(library),
        licence="MIT",
        models=tuple(dict.fromkeys((model, "pocket-tts"))),
        voices=voices,
        characters=map_openai_voices(voices),
        speech=SpeechCapabilities(
            rate,
            language_tags(language),
            seed=True,
            cloning=CloningCapabilities(rate, prompt_version) if prompt_version else None,
            settings=tuple(with_default(one, temperature) for one in OPTIONS.settings),
        ),
        device=device,
    )
