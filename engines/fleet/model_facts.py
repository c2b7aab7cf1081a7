"""What is known of models from when they last ran: what each said of itself and took, in a file each."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from engines.api import EngineInfo
from engines.memory.measure import gpu_bytes_of, resident_bytes


class Learned(msgspec.Struct, frozen=True):
    """What a model said of itself, and what it took."""

    key: str
    """the files that it was, and the adapter that ran them"""
    info: EngineInfo
    memory: int
    """bytes"""
    seconds: float = 0.0
    """that it took to load"""
    gpu: int = 0
    """bytes of a GPU's memory; 0 where its driver does not say"""
    packages: str = ""
    """what was installed where it ran: with others it may speak other languages"""


class LearnedModels:
    """The files in `folder`, one for each model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str, key: str) -> Learned | None:
        """Return what is known of a model with this key; None where it ran otherwise, or never."""
        found = self._read(name)
        return found if found and same_key(found.key, key) else None

    def load_seconds(self, name: str) -> float:
        """Return how many seconds it last took to load a model; 0 where that is not known."""
        found = self._read(name)
        return found.seconds if found else 0.0

    def measure_and_write(self, name: str, pid: int, learned: Learned) -> None:
        """Write down what a model said, with the memory that its process holds now."""
        learned = msgspec.structs.replace(learned, memory=resident_bytes(pid), gpu=gpu_bytes_of(pid))
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{name}.{pid}.part"
            part.write_bytes(msgspec.json.encode(learned))
            part.replace(self._folder / f"{name}.json")

    def _read(self, name: str) -> Learned | None:
        try:
            return msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=Learned)
        except (OSError, msgspec.DecodeError):
            return None


def same_key(written: str, key: str) -> bool:
    """Return whether a key that was written means the same as `key`.

    A key begins with the adapter's name. Earlier versions wrote the path it was imported from instead, as in
    `engines.whisper.engine:Whisper`: such a key counts by the rest, which names the model and its files.
    """
    adapter, _, rest = written.partition(" ")
    return written == key or (":" in adapter and rest == key.partition(" ")[2])
