"""What is known of models from when they last ran: what each said of itself and took, in a file each.

What a model takes is the most that it took. What it took in earlier runs and not in this one counts half: so
one job beyond all measure is forgotten after some runs, while what all runs need is known when each begins.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, ParamSpec

import msgspec

from engines.api import EngineInfo
from engines.errors import EngineUnavailable
from engines.memory.governor import GPUS
from engines.memory.measure import gpu_bytes_of, resident_bytes
from engines.wire.memory_use import MemoryUse

LEARNED_FOLDER = "models"
"""of the data folder: where the files are"""
Arguments = ParamSpec("Arguments")
CONTEXT = 600 * 1024 * 1024
"""bytes that CUDA takes of a GPU for each process, before any model, where its driver does not say"""
STEP = 16 * 1024 * 1024
"""bytes by which a model must have taken more for that to be written down"""


class Learned(msgspec.Struct, frozen=True):
    """What a model said of itself, and what it took."""

    key: str
    """the files that it was, and the adapter that ran them"""
    info: EngineInfo
    memory: int
    """bytes, at most"""
    seconds: float = 0.0
    """that it took to load"""
    gpu: int = 0
    """bytes of a GPU's memory, at most; 0 where nobody says"""
    packages: str = ""
    """what was installed where it ran: with others it may speak other languages"""


class Taken(NamedTuple):
    """Bytes that a process takes."""

    memory: int
    gpu: int


class LearnedModels:
    """The files in `folder`, one for each model; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def find(self, name: str, key: str) -> Learned | None:
        """Return what is known of a model with this key; None where it ran otherwise, or never."""
        found = self._read(name)
        return found if found and same_key(found.key, key) else None

    def load_seconds(self, name: str) -> float:
        """Return how many seconds it last took to load a model; 0 where that is not known."""
        found = self._read(name)
        return found.seconds if found else 0.0

    def last_info(self, name: str) -> EngineInfo | None:
        """Return what a model said of itself when it last ran, with whichever files; None where it never
        ran.
        """
        found = self._read(name)
        return found.info if found else None

    def measure_and_write(self, name: str, pid: int, learned: Learned) -> None:
        """Write down what a model said when it began to run, with the memory that its process holds, and half
        of what it took more in earlier runs.
        """
        now = _measured(pid, learned.info, MemoryUse())
        with self._lock:
            before = self.find(name, learned.key) or learned
            memory = max(now.memory, (now.memory + before.memory) // 2)
            gpu = max(now.gpu, (now.gpu + before.gpu) // 2) if now.gpu else before.gpu
            self._write(name, msgspec.structs.replace(learned, memory=memory, gpu=gpu))

    def measure_again(self, name: str, key: str, pid: int, use: MemoryUse) -> None:
        """Write down what a model that runs has taken by now, as it says itself, where that is more than
        before.
        """
        known = self.find(name, key)
        now = _measured(pid, known.info, use) if known else None
        with self._lock:
            known = self.find(name, key)
            if now and known and (now.memory > known.memory + STEP or now.gpu > known.gpu + STEP):
                memory, gpu = max(known.memory, now.memory), max(known.gpu, now.gpu)
                self._write(name, msgspec.structs.replace(known, memory=memory, gpu=gpu))

    def _write(self, name: str, learned: Learned) -> None:
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{name}.{os.getpid()}.part"
            part.write_bytes(msgspec.json.encode(learned))
            part.replace(self._folder / f"{name}.json")

    def _read(self, name: str) -> Learned | None:
        try:
            return msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=Learned)
        except (OSError, msgspec.DecodeError):
            return None


def in_thread(write: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
    """Have something written down in a thread: nobody waits for that."""
    asyncio.get_running_loop().run_in_executor(None, partial(write, *args, **kwargs))


def _measured(pid: int, info: EngineInfo, use: MemoryUse) -> Taken:
    """Return what a process has taken, at most: by what it says itself, and by what is seen of it now.

    What torch took of a GPU is not all: the driver adds a context for each process. Asks the driver.
    """
    seen = 0
    if info.device.startswith(GPUS):
        with suppress(EngineUnavailable):  # a driver that does not answer
            seen = gpu_bytes_of(pid)
    context = max(0, seen - use.gpu) if seen else CONTEXT
    return Taken(
        max(use.peak, resident_bytes(pid)), max(seen, use.gpu_peak + context) if use.gpu_peak else seen
    )


def same_key(written: str, key: str) -> bool:
    """Return whether a key that was written means the same as `key`.

    A key begins with the adapter's name. Earlier versions wrote the path it was imported from instead, as in
    `engines.whisper.engine:Whisper`: such a key counts by the rest, which names the model and its files.
    """
    adapter, _, rest = written.partition(" ")
    return written == key or (":" in adapter and rest == key.partition(" ")[2])
