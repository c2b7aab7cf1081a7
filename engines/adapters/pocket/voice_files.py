"""Pocket TTS's preset voices as the names of their files tell them; nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.adapters.pocket.voices import describe_voices, map_openai_voices
from engines.toolkit.preset_voices import IsInstalled, PresetVoices

FOLDERS = ("embeddings", "voices")


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voices of a model's folders, in the language of its options."""
    language = str(options.get("language", "english"))
    names = {
        file.stem
        for folder in folders
        for place in (folder, folder / "languages" / language)
        for voices in FOLDERS
        for file in (place / voices).glob("*.safetensors")
    }
    voices = describe_voices(names, language)
    return PresetVoices(voices, map_openai_voices(voices), ("pocket-tts",))
