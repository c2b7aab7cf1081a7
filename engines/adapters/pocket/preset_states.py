"""The states of Pocket TTS's presets, read from their files when wanted; those used last are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from engines.errors import EngineFailed, UnknownVoice
from engines.toolkit.error_text import telling_line

CACHED_STATES = 8

State = TypeVar("State")


class PresetStates(Generic[State]):
    """The states of presets, of which `read` makes one of a file's bytes."""

    def __init__(self, files: Mapping[str, Path], read: Callable[[bytes], State]) -> None:
        self.files = files
        self._read = read
        self._states: OrderedDict[str, State] = OrderedDict()

    def state(self, voice: str) -> State:
        """Return the state of a preset. Raises UnknownVoice or EngineFailed."""
        if voice not in self.files:
            raise UnknownVoice(f"Pocket TTS has no voice '{voice}' here.", param="voice")
        if voice not in self._states:
            self._states[voice] = self._opened(self.files[voice])
        self._states.move_to_end(voice)
        if len(self._states) > CACHED_STATES:
            self._states.popitem(last=False)
        return self._states[voice]

    def _opened(self, file: Path) -> State:
        try:
            return self._read(file.read_bytes())
        except Exception as exc:  # a broken file, or another model's
            raise EngineFailed(
                f"Pocket TTS's voice {file} is none of this model's: {telling_line(exc)}"
            ) from exc
