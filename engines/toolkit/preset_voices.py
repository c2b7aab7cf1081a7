"""The preset voices of a model, as its files tell them before it has ever run.

An adapter says how they are read by a function that imports nothing of its library (`Adapter.voices`): the
gateway calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from engines.api import Voice
from engines.toolkit.openai_voices import OPENAI_VOICES


class PresetVoices(msgspec.Struct, frozen=True):
    """The voices that the files of a model hold."""

    voices: tuple[Voice, ...] = ()
    """the default first"""
    characters: dict[str, str] = {}
    """for each of OpenAI's voice names the preset that comes nearest to its character"""
    other_names: tuple[str, ...] = ()
    """names that the model goes by beside its own"""
    mixing: bool = False
    """several of them can be one voice"""


IsInstalled = Callable[[str], bool]
"""tells whether a package can be imported where the engine runs"""
ReadVoices = Callable[[Sequence[Path], Mapping[str, object], IsInstalled], PresetVoices]
"""reads the voices of a model in these folders, its own first, with the options of its engine: those that can
speak with the packages that are installed
"""


def spread_over(voices: Sequence[Voice]) -> dict[str, str]:
    """Return a voice for each of OpenAI's names where nothing tells how the voices sound."""
    return (
        {name: voices[index % len(voices)].id for index, name in enumerate(OPENAI_VOICES)} if voices else {}
    )
