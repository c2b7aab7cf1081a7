"""The voices of a folder, each read when it is first used, and mixtures of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from engines.adapters.kokoro.voices import is_voice_name
from engines.errors import EngineFailed, UnknownVoice

Floats = NDArray[np.float32]
WIDTH = 256
"""numbers of a voice's row: 128 say how it sounds, as many behind them how it moves"""


class VoiceBank:
    """Voices by their names, with what reads them.

    A voice is [lengths, 1, 256], a row for each number of phonemes. `where` says where they should be. Raises
    EngineFailed where there are none.
    """

    def __init__(self, readers: Mapping[str, Callable[[], Floats]], where: str) -> None:
        self._readers = {name: readers[name] for name in sorted(readers) if is_voice_name(name)}
        self._loaded: dict[str, Floats] = {}
        if not self._readers:
            raise EngineFailed(f"Kokoro has no voices: there is no {where}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the voices."""
        return tuple(self._readers)

    def voice(self, name: str) -> Floats:
        """Return a voice. Raises UnknownVoice or EngineFailed."""
        if name not in self._readers:
            raise UnknownVoice(f"Kokoro has no voice '{name}'.", param="voice")
        if name not in self._loaded:
            self._loaded[name] = self._readers[name]()
        return self._loaded[name]

    def mix(self, parts: Sequence[tuple[str, float]]) -> Floats:
        """Return the weighted sum of voices. Raises UnknownVoice or EngineFailed."""
        return weighted_sum([(self.voice(name), weight) for name, weight in parts])


def weighted_sum(parts: Iterable[tuple[Floats, float]]) -> Floats:
    """Return the weighted sum of voices, as long as the shortest of them."""
    voices = [voice * np.float32(weight) for voice, weight in parts]
    rows = min(map(len, voices))
    return np.asarray(reduce(add, (voice[:rows] for voice in voices)), np.float32)


def check_shape(voice: object, source: object) -> Floats:
    """Return a voice. Raises EngineFailed where it has another shape than voices have."""
    fits = isinstance(voice, np.ndarray) and voice.ndim == 3 and voice.shape[1:] == (1, WIDTH)
    if not isinstance(voice, np.ndarray) or not fits or not len(voice):
        raise EngineFailed(f"Kokoro's voice {source} has another shape than voices have.")
    return voice.astype(np.float32, copy=False)
