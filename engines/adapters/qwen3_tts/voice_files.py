"""Qwen3-TTS's preset voices as its config.json names them; nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.adapters.qwen3_tts.config import NAMES, read_config
from engines.adapters.qwen3_tts.described_voice import DESCRIBED_VOICES
from engines.adapters.qwen3_tts.voices import describe_voices, map_openai_voices
from engines.toolkit.preset_voices import IsInstalled, PresetVoices, spread_over


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voices of a model: nine of CustomVoice, one to be described of VoiceDesign, none of Base."""
    config = read_config(folders[0])
    names = (NAMES[config.kind],)
    if config.kind == "voice_design":
        return PresetVoices(DESCRIBED_VOICES, spread_over(DESCRIBED_VOICES), names)
    voices = describe_voices(config.speakers if config.kind == "custom_voice" else (), config.tags)
    return PresetVoices(voices, map_openai_voices(voices), names)
