"""The devices of this machine that models can run on."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from functools import cache
from pathlib import Path

from engines.catalogue.records import Device, ModelRecord
from engines.toolkit.gpu_architectures import INDEX_FOR_NEWER_GPUS, INDEX_FOR_ROCM

GPUS: frozenset[Device] = frozenset({"cuda", "rocm"})
"""devices that a torch built for processors lacks"""


@cache
def devices() -> frozenset[Device]:
    """Return the devices of this machine, as its drivers say; torch is not asked, as loading it takes
    seconds.
    """
    found: set[Device] = {"cpu"}
    if Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi"):
        found.add("cuda")
    if Path("/dev/kfd").exists():
        found.add("rocm")
    if any(Path(f"/sys/bus/pci/drivers/{driver}").exists() for driver in ("xe", "i915")) and os.environ.get(
        "ZE_AFFINITY_MASK"
    ):
        found.add("xpu")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found |= {"mps", "mlx"}
    return frozenset(found)


def slow_reason(
    record: ModelRecord, device: str, asked: str, available: frozenset[Device] | None = None
) -> str:
    """Return why a model computes on the processor where this machine has a GPU for it, and what to do about
    it; else nothing.

    `device` is what its engine says that it runs on, `asked` is its option, and `available` what this machine
    has, `devices()` by default.
    """
    engine = record.engine
    found = sorted(GPUS & (devices() if available is None else available) & set(record.requires))
    if not found or (device, asked) != ("cpu", "auto") or "torch" not in engine.packages:
        return ""
    index = INDEX_FOR_NEWER_GPUS if "cuda" in found else INDEX_FOR_ROCM
    return (
        f"it computes on the processor, though this machine has a GPU ({', '.join(found)}):"
        " the installed torch finds none, as one for processors does;"
        f" another comes by `voicebox engines install {engine.group} --index-url {index}`"
    )
