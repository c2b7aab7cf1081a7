"""How much memory there is, and who holds it: the machine's by psutil, NVIDIA's GPUs' by NVML, AMD's by what Linux tells of them.

On Apple silicon both are one (unified memory), which psutil tells. Intel's GPUs tell nobody; models there are bounded by the
machine's memory alone.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from pathlib import Path
from typing import Any

CARDS = Path("/sys/class/drm")
TOTAL, USED = "mem_info_vram_total", "mem_info_vram_used"
"""files of the kernel's amdgpu, in bytes: docs.kernel.org/gpu/amdgpu/driver-misc.html"""


def available() -> int:
    """Give the bytes of memory that a new process could take without others being swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


def resident(pid: int) -> int:
    """Give the bytes that a process holds, with those it started; 0 when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0


def gpus() -> list[int]:
    """Give the free bytes of each GPU whose driver tells them, in the driver's order; none where there is none."""
    nvml = _nvml()
    if nvml is None:
        return _of_amd()
    with suppress(nvml.NVMLError):
        return [int(nvml.nvmlDeviceGetMemoryInfo(card).free) for card in _cards(nvml)]
    return []


def held_on_gpus(pid: int) -> int:
    """Give the bytes that a process holds on NVIDIA's GPUs; 0 where that is not told, as to a container."""
    nvml, held = _nvml(), 0
    if nvml is None:
        return 0
    with suppress(nvml.NVMLError):
        for card in _cards(nvml):
            running = nvml.nvmlDeviceGetComputeRunningProcesses(card)
            held += sum(one.usedGpuMemory or 0 for one in running if one.pid == pid)
    return held


@functools.cache
def _nvml() -> Any:  # noqa: ANN401 - a module without types
    """Start NVML; None where it is not there, or there is no driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _cards(nvml: Any) -> list[Any]:  # noqa: ANN401 - a module without types
    return [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]


def _of_amd() -> list[int]:
    found = []
    for total in sorted(CARDS.glob(f"card*/device/{TOTAL}")):
        with suppress(OSError, ValueError):
            found.append(int(total.read_text()) - int(total.with_name(USED).read_text()))
    return found
