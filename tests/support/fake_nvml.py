"""NVIDIA's library for a test, under the name of `pynvml` in a copy of the program: cards that are files.

`CUDA_FAKE_CARDS` names a folder with `cards.json`, the bytes of each card by its UUID, and for each process that
computes on one a file by its id, which says which card it is and how many bytes it holds (`engine_on_card`).
While there is a file `hangs` in it, nothing is answered.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(os.environ.get("CUDA_FAKE_CARDS", "."))


class NVMLError(Exception):
    """What NVML raises."""


class Memory(NamedTuple):
    """Bytes of a card."""

    total: int
    free: int


class Process(NamedTuple):
    """A process on a card."""

    pid: int
    usedGpuMemory: int


def nvmlInit() -> None:
    """Do nothing."""


def _cards() -> dict[str, int]:
    while (FOLDER / "hangs").exists():
        time.sleep(0.05)
    return dict(json.loads((FOLDER / "cards.json").read_text()))


def nvmlDeviceGetCount() -> int:
    """Return how many cards there are."""
    return len(_cards())


def nvmlDeviceGetHandleByIndex(number: int) -> str:
    """Return a card's UUID, which is its handle here."""
    return list(_cards())[number]


def nvmlDeviceGetUUID(handle: str) -> str:
    """Return the UUID of a card."""
    return handle


def nvmlDeviceGetName(_handle: str) -> str:
    """Return the name of all cards."""
    return "Fake"


def nvmlDeviceGetMigMode(_handle: str) -> Any:
    """Say that a card cannot be divided."""
    raise NVMLError


def nvmlDeviceGetComputeRunningProcesses(handle: str) -> list[Process]:
    """Return the processes on a card that live."""
    found = []
    for file in FOLDER.glob("[0-9]*.json"):
        held = json.loads(file.read_text())
        if held["card"] == handle and Path(f"/proc/{file.stem}").exists():
            found.append(Process(int(file.stem), held["bytes"]))
    return found


def nvmlDeviceGetMemoryInfo(handle: str) -> Memory:
    """Return the memory of a card."""
    total = _cards()[handle]
    return Memory(
        total, total - sum(one.usedGpuMemory for one in nvmlDeviceGetComputeRunningProcesses(handle))
    )
