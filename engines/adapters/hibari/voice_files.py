"""Hibari's presets, as they always are; nothing of its package is imported, nor of onnxruntime.

The other real voices, which some of these may be, are told once it runs: their names are the package's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.api import Voice
from engines.toolkit.openai_voices import OPENAI_VOICES
from engines.toolkit.preset_voices import IsInstalled, PresetVoices, spread_over


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the characters, one for each of OpenAI's names."""
    voices = tuple(Voice(name, name.title(), ("en-US", "en")) for name in OPENAI_VOICES)
    return PresetVoices(voices, spread_over(voices))
