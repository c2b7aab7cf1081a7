"""Where torch comes from, where nobody says: on Linux the usual one brings CUDA's libraries, gigabytes that
a machine without such a GPU has no use for.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from engines.catalogue.hardware import devices
from engines.catalogue.records import Device
from engines.toolkit.gpu_architectures import INDEX_FOR_ROCM

INDEX_FOR_CPUS = "https://download.pytorch.org/whl/cpu"
INDEX_FOR_XPU = "https://download.pytorch.org/whl/xpu"


def choose_torch_index(available: Collection[Device] | None = None, platform: str = sys.platform) -> str:
    """Return the index whose torch suits a machine; empty where that is the usual one.

    `available` are the machine's devices, `devices()` by default.
    """
    found = set(devices() if available is None else available)
    if platform != "linux" or "cuda" in found:
        return ""
    if "rocm" in found:
        return INDEX_FOR_ROCM
    return INDEX_FOR_XPU if "xpu" in found else INDEX_FOR_CPUS
