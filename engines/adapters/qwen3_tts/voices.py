"""The nine voices of Qwen3-TTS CustomVoice, as its makers describe them, and one for each of OpenAI's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from engines.adapters.qwen3_tts.config import Config
from engines.adapters.qwen3_tts.described_voice import DESCRIBED_VOICES
from engines.api import Gender, Voice
from engines.toolkit.preset_voices import spread_over


class Speaker(msgspec.Struct, frozen=True):
    """What is known of a published voice."""

    gender: Gender
    native: str
    """the tag of the language that it speaks best"""
    description: str


SPEAKERS = {
    "ryan": Speaker("male", "en", "Dynamic male voice with strong rhythmic drive"),
    "aiden": Speaker("male", "en", "Sunny American male voice with a clear midrange"),
    "vivian": Speaker("female", "zh", "Bright, slightly edgy young female voice"),
    "serena": Speaker("female", "zh", "Warm, gentle young female voice"),
    "uncle_fu": Speaker("male", "zh", "Seasoned male voice with a low, mellow timbre"),
    "dylan": Speaker(
        "male", "zh", "Youthful male voice, natural and clear; in Chinese the dialect of Beijing"
    ),
    "eric": Speaker("male", "zh", "Lively male voice, a little husky; in Chinese the dialect of Sichuan"),
    "ono_anna": Speaker("female", "ja", "Playful Japanese female voice with a light, nimble timbre"),
    "sohee": Speaker("female", "ko", "Warm Korean female voice with rich emotion"),
}
"""https://github.com/QwenLM/Qwen3-TTS, "Custom Voice Generate"; the English ones first"""
CHARACTERS = {
    "alloy": "serena",
    "ash": "ryan",
    "ballad": "aiden",
    "cedar": "aiden",
    "coral": "vivian",
    "echo": "ryan",
    "fable": "aiden",
    "marin": "serena",
    "nova": "vivian",
    "onyx": "uncle_fu",
    "sage": "sohee",
    "shimmer": "ono_anna",
    "verse": "ryan",
}
"""by gender and what is said of them; none of the two that speak a dialect unless they are told a language"""


def describe_voices(names: Iterable[str], languages: Sequence[str]) -> tuple[Voice, ...]:
    """Return a checkpoint's voices: the published ones in their order, then others by name.

    Each speaks all `languages`, its own before the others.
    """
    order = list(SPEAKERS)
    ranked = sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    return tuple(_voice(name, languages) for name in ranked)


def map_openai_voices(voices: Sequence[Voice]) -> dict[str, str]:
    """Return a voice for each of OpenAI's names: the one meant, else one of its gender, else any."""
    return {name: _substitute(meant, voices) for name, meant in CHARACTERS.items()} if voices else {}


def _substitute(meant: str, voices: Sequence[Voice]) -> str:
    if any(voice.id == meant for voice in voices):
        return meant
    gender = SPEAKERS[meant].gender
    return next((voice.id for voice in voices if voice.gender == gender), voices[0].id)


def _voice(name: str, languages: Sequence[str]) -> Voice:
    known = SPEAKERS.get(name)
    title = name.replace("_", " ").title()
    if known is None:
        return Voice(name, title, tuple(languages), None, "Qwen3-TTS, a voice of your own")
    own_first = sorted(languages, key=lambda tag: tag != known.native)
    return Voice(name, title, tuple(own_first), known.gender, known.description)


def model_voices(config: Config) -> tuple[tuple[Voice, ...], dict[str, str]]:
    """Return the voices of a model, and one for each of OpenAI's names."""
    if config.kind == "voice_design":
        return DESCRIBED_VOICES, spread_over(DESCRIBED_VOICES)
    voices = describe_voices(config.speakers if config.kind == "custom_voice" else (), config.tags)
    return voices, map_openai_voices(voices)
