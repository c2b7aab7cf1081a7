"""What the engine needs of a network of Kokoro's, whatever computes it: torch or onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from engines.adapters.kokoro.voice_bank import Floats, VoiceBank

RATE = 24_000
"""Hertz"""
TORCH_WEIGHTS = "kokoro-v1_0.pth"
"""as it is published"""
Check = Callable[[Sequence[int]], None]
"""raises Stop once nobody wants any of the lines with these indexes"""


def torch_weights(folder: Path) -> Path:
    """Return the file by which a folder is known to be one for torch: of the published name, or, of a model
    of one's own, the only one of its kind.
    """
    others = sorted(folder.glob("*.pth"))
    return others[0] if len(others) == 1 else folder / TORCH_WEIGHTS


class NetworkFacts(msgspec.Struct, frozen=True):
    """What a network is and can do."""

    version: str
    """of the library that computes it"""
    vocabulary: Mapping[str, int]
    """the ids of phonemes"""
    max_phonemes: int
    """in a line"""
    device: str
    batch: int = 1
    """lines that go through at once"""
    words: bool = True
    """it tells how long each phoneme lasts"""
    seed: bool = True
    """the same seed gives the same audio"""
    speed: tuple[float, float] = (0.5, 2.0)
    """lowest and highest speed"""
    light: bool = False
    """its texts are read without torch and spaCy"""


class Line(msgspec.Struct, frozen=True, eq=False):
    """What a network speaks at once."""

    ids: Sequence[int]
    """of its phonemes, without the zeros around them"""
    voice: Floats
    """the row of a voice, [1, 256]"""
    speed: float
    noise: object
    """of its job, as the network made it"""
    reproducible: bool = True
    """comes out the same whoever shares its batch, but for the last bits"""


class LineAudio(msgspec.Struct, frozen=True, eq=False):
    """The audio of a line."""

    index: int
    """of the line, among those that were given"""
    pcm: bytes
    """s16le at 24 kHz"""
    frames: list[int]
    """how many each of its ids lasts, and both ends; nothing where the network does not tell"""


class Network(Protocol):
    """A network with its voices. One thread at a time."""

    @property
    def facts(self) -> NetworkFacts:
        """Return what it is and can do."""
        ...

    @property
    def voices(self) -> VoiceBank:
        """Return its voices."""
        ...

    def start_noise(self, seed: int) -> object:
        """Return the random numbers of a job, which are used up line by line."""
        ...

    def speak(self, lines: Sequence[Line], check: Check) -> Iterator[LineAudio]:
        """Yield the audio of lines, in any order.

        `check` is called now and then with the indexes of those in work; where it raises Stop, they are left
        out. Raises EngineFailed.
        """
        ...
