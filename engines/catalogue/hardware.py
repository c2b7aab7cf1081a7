"""What this machine has to run models on, and what keeps it from running one."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from functools import cache
from pathlib import Path

from engines.catalogue.records import Device, ModelRecord
from engines.environments.find import choose
from engines.toolkit.gpu_architectures import NEWER, ROCM

GPUS: frozenset[Device] = frozenset({"cuda", "rocm"})
"""those that torch comes without, where it is built for processors"""


@cache
def devices() -> frozenset[Device]:
    """Tell what this machine has to run models on, as its drivers say; torch is not asked, as it takes
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


def obstacle(record: ModelRecord, environments: Path | None = None) -> str:
    """Say what keeps this machine from running a model, and what mends it; empty where nothing does. Looks at
    the disk.

    `environments` is the folder of environments, None where there are none.
    """
    family = record.engine
    if not devices() & set(record.requires):
        return (
            f"it needs one of {', '.join(record.requires)}; this machine has {', '.join(sorted(devices()))}"
        )
    chosen = choose(family.group, family.packages, environments)
    return "" if chosen.python is not None else f"{', '.join(chosen.missing)} not installed: {chosen.mend}"


def slow_reason(record: ModelRecord, device: str, asked: str, there: frozenset[Device] | None = None) -> str:
    """Say why a model computes on the processor where this machine has a GPU for it, and what mends that;
    else nothing.

    `device` is what its engine says that it runs on, `asked` is its option, and `there` what this machine
    has: `devices()`.
    """
    family = record.engine
    found = sorted(GPUS & (devices() if there is None else there) & set(record.requires))
    if not found or (device, asked) != ("cpu", "auto") or "torch" not in family.packages:
        return ""
    index = NEWER if "cuda" in found else ROCM
    return (
        f"it computes on the processor, though this machine has a GPU ({', '.join(found)}): the installed torch finds none, as"
        f" one for processors does; another comes by `voicebox engines install {family.group} --index-url {index}`"
    )
