"""Chatterbox's own voice, which lies beside the weights; nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.api import Voice
from engines.toolkit.preset_voices import IsInstalled, PresetVoices, spread_over

DEFAULT = "default"
FILE = "conds.pt"
MULTILINGUAL = "chatterbox"
TURBO = "chatterbox-turbo"
LANGUAGE_CODES = "en ar da de el es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh"
LANGUAGES = tuple(LANGUAGE_CODES.split())
"""that the multilingual model speaks"""


def default_voices(is_there: bool, languages: tuple[str, ...]) -> tuple[Voice, ...]:
    """Return the voice that a checkpoint brings along, if it is there."""
    return (
        (Voice(DEFAULT, "Default", languages, None, "the voice that its makers chose"),) if is_there else ()
    )


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voice of a multilingual model."""
    return _read(folders, MULTILINGUAL, LANGUAGES)


def read_turbo_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voice of a Turbo."""
    return _read(folders, TURBO, ("en",))


def _read(folders: Sequence[Path], name: str, languages: tuple[str, ...]) -> PresetVoices:
    voices = default_voices(any((folder / FILE).is_file() for folder in folders), languages)
    return PresetVoices(voices, spread_over(voices), (name,))
