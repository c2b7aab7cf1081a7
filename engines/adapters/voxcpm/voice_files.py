"""VoxCPM2's one preset voice, which it finds by itself; nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.api import Voice
from engines.toolkit.preset_voices import IsInstalled, PresetVoices, spread_over

DEFAULT = "default"


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voice that every copy of the model has."""
    voices = (Voice(DEFAULT, "Default"),)
    return PresetVoices(voices, spread_over(voices), ("voxcpm",))
