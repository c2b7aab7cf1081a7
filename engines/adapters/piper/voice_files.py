"""Piper's voices as the files beside its graphs tell them; nothing of onnxruntime is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.adapters.piper.voices import Voices, read_folder
from engines.toolkit.preset_voices import IsInstalled, PresetVoices


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voices of a model's folder. Raises EngineFailed."""
    files = read_folder(folders[0], str(options.get("voice", "")))
    voices = Voices(files, str(options.get("speaker", "")))
    return PresetVoices(voices.listed(), voices.characters())
