"""The engines that run models: how each is imported, what it needs installed, and which machines it runs on."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from engines.environments.find import choose
from engines.models.records import Device, ModelRecord


class Family(msgspec.Struct, frozen=True):
    """An engine that runs models."""

    adapter: str
    """module:class; made with `path` and `model`, and what the settings say"""
    packages: tuple[str, ...]
    """what must be importable"""
    extra: str
    """of our own package, which installs them"""
    rank: int
    """which engine serves OpenAI's names: the highest that is there"""
    group: str = "main"
    """whose environment runs it: engines/environments/groups.py"""


FAMILIES = {
    "kokoro": Family("engines.kokoro.engine:Kokoro", ("torch", "kokoro"), "kokoro", 50),
    "pocket-tts": Family("engines.pocket.engine:Pocket", ("torch", "pocket_tts"), "pocket", 40),
    "whisper": Family("engines.whisper.engine:Whisper", ("torch", "transformers"), "whisper", 30),
    "faster-whisper": Family("engines.whisper.faster:FasterWhisper", ("faster_whisper",), "faster-whisper", 40),
}


@cache
def devices() -> frozenset[Device]:
    """Tell what this machine has to run models on, as its drivers say; torch is not asked, as it takes seconds."""
    found: set[Device] = {"cpu"}
    if Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi"):
        found.add("cuda")
    if Path("/dev/kfd").exists():
        found.add("rocm")
    if any(Path(f"/sys/bus/pci/drivers/{driver}").exists() for driver in ("xe", "i915")) and os.environ.get("ZE_AFFINITY_MASK"):
        found.add("xpu")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found |= {"mps", "mlx"}
    return frozenset(found)


def obstacle(record: ModelRecord, environments: Path | None = None) -> str:
    """Say what keeps this machine from running a model, and what mends it; empty where nothing does. Looks at the disk.

    `environments` is the folder of environments, None where there are none.
    """
    family = FAMILIES.get(record.engine)
    if family is None or find_spec(family.adapter.partition(":")[0]) is None:
        return f"this version has no engine `{record.engine}` yet"
    if not devices() & set(record.requires):
        return f"it needs one of {', '.join(record.requires)}; this machine has {', '.join(sorted(devices()))}"
    chosen = choose(family.group, family.packages, environments)
    return "" if chosen.python is not None else f"{', '.join(chosen.missing)} not installed: {chosen.mend}"
