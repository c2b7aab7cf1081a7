"""The devices of this machine that models can run on."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from engines.catalogue.records import Adapter, Device, ModelRecord
from engines.toolkit.gpu_architectures import INDEX_FOR_NEWER_GPUS, INDEX_FOR_ROCM

GPUS: frozenset[Device] = frozenset({"cuda", "rocm"})
"""devices that a torch built for processors lacks"""


class GpuBuild(NamedTuple):
    """The library that computes for a model, as it is installed where the model runs."""

    library: str
    """its name and version"""
    kinds: frozenset[Device]
    """of GPUs that it was built for"""


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
    record: ModelRecord,
    device: str,
    asked: str,
    available: frozenset[Device] | None = None,
    build: GpuBuild | None = None,
) -> str:
    """Return why a model computes on the processor where this machine has a GPU for it, and what to do about
    it; else nothing.

    `device` is what its engine said that it runs on, empty where it has not run yet; `asked` is its option;
    `available` is what this machine has, `devices()` by default, and `build` what computes for it, where that
    is known.
    """
    engine = record.engine
    found = GPUS & (devices() if available is None else available) & set(record.requires)
    if not found or asked != "auto":
        return ""
    gpus = ", ".join(sorted(found))
    begin = f"it computes on the processor, though this machine has a GPU ({gpus}): "
    if build and not found & build.kinds:
        return begin + f"{build.library} is not built for it; {_remedy(engine, found)}"
    if device != "cpu" or "torch" not in engine.packages:
        return ""
    if build:
        return begin + f"{build.library} finds none; look at the GPU's driver, as with nvidia-smi or rocminfo"
    return begin + f"the installed torch finds none, as one for processors does; {_remedy(engine, found)}"


def _remedy(engine: Adapter, found: frozenset[Device]) -> str:
    """Return what brings an engine a library that is built for the GPUs that were found."""
    if "torch" not in engine.packages:
        return "onnxruntime-gpu in its place is"
    index = INDEX_FOR_NEWER_GPUS if "cuda" in found else INDEX_FOR_ROCM
    return f"another comes by `voicebox engines install {engine.group} --index-url {index}`"
