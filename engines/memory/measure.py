"""Measures of memory: the machine's by psutil, NVIDIA's GPUs' by NVML, AMD's by files of Linux's drivers.

In a container its limits count. On Apple silicon machine and GPU share one memory, which psutil reports. For
Intel's GPUs nothing reports it; models there are bounded by the machine's memory alone, and so are those on
AMD's GPUs that have no memory of their own.

NVIDIA's driver is waited for so long (`engines.memory.driver_answers`): what asks it raises DriverSilent, an
EngineUnavailable.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from engines.memory.amd_gpus import amd_memory
from engines.memory.control_groups import CGROUPS, OWN_CGROUPS, group_folders
from engines.memory.driver_answers import DriverQuestions

PCI = "PCI_BUS_ID"
"""the order in which NVML counts GPUs, and CUDA where CUDA_DEVICE_ORDER is this, as it is for workers unless
the gateway's environment sets another
"""
NVIDIA_DRIVER = DriverQuestions()
LEADING_NUMBER = re.compile(r"\s*([+-]?[0-9]+)")


class LimitFiles(NamedTuple):
    """The files of a version of control groups that say what limits memory, in bytes."""

    limit: str
    usage: str
    inactive: str
    """the line of `memory.stat` with the pages of files that count as used and can be given back"""


VERSION_1 = LimitFiles("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = LimitFiles("memory.max", "memory.current", "inactive_file")
"""docs.kernel.org/admin-guide/cgroup-v2.html"""


def available_bytes(cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Return the bytes of memory that a new process could take, without others being swapped out or a
    container's limit reached.

    `cgroups` is where control groups are mounted, `own` the file that says which are this process's.
    """
    import psutil

    return min([int(psutil.virtual_memory().available), *limit_headrooms(cgroups, own)])


def limit_headrooms(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield the bytes that each limit on this process and its control groups leaves; none without limits.

    The machine's figures do not say so: in a container they are still the machine's.
    """
    for group in group_folders("memory", cgroups, own):
        with suppress(OSError, ValueError):  # "max" is no number
            yield _headroom(group.path, VERSION_1 if group.is_version_1 else VERSION_2)


def _headroom(folder: Path, limits: LimitFiles) -> int:
    """Return the bytes that the limit on one control group leaves. Raises OSError or ValueError if none."""
    limit = int((folder / limits.limit).read_text())
    usage = int((folder / limits.usage).read_text())
    inactive = 0
    with suppress(OSError):
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        inactive = sum(int(line[1]) for line in lines if line[:1] == [limits.inactive])
    return max(0, limit - max(0, usage - inactive))


def resident_bytes(pid: int) -> int:
    """Return the bytes that a process and those it started hold; 0 when it has ended."""
    import psutil

    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):  # a child may end meanwhile
                total += one.memory_info().rss
    return total


def unshared_bytes(pid: int) -> int:
    """Return the bytes that a process and those it started have taken of what is available: not the pages of
    files, which others may have as well, and which the system takes back where it needs them.
    """
    import psutil

    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):  # a child may end meanwhile
                held = one.memory_info()
                total += held.rss - getattr(held, "shared", 0)
    return total


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in seconds; 0 when it has ended."""
    with suppress(OSError, ValueError, IndexError):
        # without psutil, which takes 70 ms to import: this is asked on event loops (proc_pid_stat(5))
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if sys.platform == "linux":
        return 0.0
    import psutil

    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


def free_gpu_bytes(environ: Mapping[str, str] = os.environ) -> list[int]:
    """Return the free bytes of each GPU, in torch's order; none where there is none, or that order is not
    known. A GPU without memory of its own, or whose driver does not report it, has 0.
    """
    cards = NVIDIA_DRIVER.ask(lambda: _nvidia_memory(environ))
    return [int(card.free) for card in (amd_memory(environ) if cards is None else cards)]


def total_gpu_bytes(environ: Mapping[str, str] = os.environ) -> list[int]:
    """Return all bytes of each GPU, in the order of `free_gpu_bytes`."""
    cards = NVIDIA_DRIVER.ask(lambda: _nvidia_memory(environ))
    return [int(card.total) for card in (amd_memory(environ) if cards is None else cards)]


def gpu_names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return how CUDA_VISIBLE_DEVICES names each of NVIDIA's GPUs, or part of one, in the order of
    `free_gpu_bytes`; none where there is none, or that order is not known.
    """
    return NVIDIA_DRIVER.ask(lambda: _nvidia_names(environ))


def _nvidia_names(environ: Mapping[str, str]) -> list[str]:
    nvml = _nvml()
    if nvml is None:
        return []
    with suppress(nvml.NVMLError):
        return [_text(nvml.nvmlDeviceGetUUID(card)) for card in _nvidia_cards(nvml, environ)]
    return []


def _nvidia_memory(environ: Mapping[str, str]) -> list[Any] | None:
    """Return what NVML says of the memory of each GPU; None where there is no NVML."""
    nvml = _nvml()
    if nvml is None:
        return None
    with suppress(nvml.NVMLError):
        return [nvml.nvmlDeviceGetMemoryInfo(card) for card in _nvidia_cards(nvml, environ)]
    return []


def _nvidia_cards(nvml: Any, environ: Mapping[str, str]) -> list[Any]:  # noqa: ANN401 - a module without types
    """Return the GPUs that CUDA may use, in its order, and in place of one that is divided (MIG) its parts.

    Raises NVMLError.
    """
    chosen = environ.get("CUDA_VISIBLE_DEVICES", "")
    if chosen.startswith("MIG-"):
        named = takewhile(lambda one: one.startswith("MIG-"), chosen.split(","))
        return [nvml.nvmlDeviceGetHandleByUUID(one) for one in named]
    cards = _cards(nvml)
    uuids, names = (
        [_text(ask(card)) for card in cards] for ask in (nvml.nvmlDeviceGetUUID, nvml.nvmlDeviceGetName)
    )
    order = cuda_order(uuids, names, environ)
    return [part for number in order for part in _parts(nvml, cards[number])]


def _parts(nvml: Any, card: Any) -> list[Any]:  # noqa: ANN401 - a module without types
    """Return the parts of a GPU that is divided; the GPU itself where it is not."""
    try:
        divided, _ = nvml.nvmlDeviceGetMigMode(card)
    except nvml.NVMLError:  # it cannot be
        return [card]
    if not divided:
        return [card]
    parts = []
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(card)):
        with suppress(nvml.NVMLError):  # there are fewer
            parts.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, number))
    return parts


def cuda_order(uuids: Sequence[str], names: Sequence[str], environ: Mapping[str, str]) -> list[int]:
    """Return the numbers of the NVIDIA GPUs that CUDA sees, in its order; none where it counts the fastest
    first.

    Which that is only CUDA knows, unless all have one name, or are chosen by their UUIDs.
    """
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if (
        environ.get("CUDA_DEVICE_ORDER", PCI) != PCI
        and len(set(names)) > 1
        and not (chosen or "").startswith("GPU-")
    ):
        return []
    return visible_devices(uuids, chosen)


def visible_devices(order: Sequence[str], value: str | None) -> list[int]:
    """Return the numbers of the GPUs that CUDA_VISIBLE_DEVICES lets through, in its order.

    `order` are the UUIDs of all GPUs. The variable lists numbers, or UUIDs ("GPU-…") or how these begin, by
    CUDA's own rules, as torch has them: what is no GPU's ends the list, what comes twice empties it. Parts of
    GPUs ("MIG-…") are for NVML to find (`gpu_names`).
    """
    if value is None:
        return list(range(len(order)))
    parts: list[str] | list[int]
    if value.startswith("GPU-"):
        parts = list(takewhile(lambda one: one.startswith("GPU-"), value.split(",")))
        numbers = [_unique_prefix(order, one) for one in parts]
    else:
        parts = numbers = list(takewhile(lambda number: number >= 0, map(_leading_number, value.split(","))))
    found = list(takewhile(lambda number: 0 <= number < len(order), numbers))
    return found if len(set(parts)) == len(parts) and len(set(found)) == len(found) else []


def _unique_prefix(order: Sequence[str], begin: str) -> int:
    """Return the number of the one GPU whose UUID begins so; -1 where none's does, or several do."""
    found = [number for number, uuid in enumerate(order) if uuid.startswith(begin)]
    return found[0] if len(found) == 1 else -1


def _leading_number(text: str) -> int:
    found = LEADING_NUMBER.match(text)
    return int(found[1]) if found else -1


def gpu_bytes_of(pid: int) -> int:
    """Return the bytes that a process holds on NVIDIA's GPUs; 0 where the driver does not say, as in a
    container.
    """
    return NVIDIA_DRIVER.ask(lambda: _nvidia_bytes_of(pid))


def _nvidia_bytes_of(pid: int) -> int:
    nvml = _nvml()
    held = 0
    if nvml is None:
        return 0
    with suppress(nvml.NVMLError):
        for card in _cards(nvml):
            for part in _parts(nvml, card):
                running = nvml.nvmlDeviceGetComputeRunningProcesses(part)
                held += sum(one.usedGpuMemory or 0 for one in running if one.pid == pid)
    return held


@functools.cache
def _nvml() -> Any:  # noqa: ANN401 - a module without types
    """Start NVML and return it; None where it is not installed, or there is no driver."""
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


def _text(value: str | bytes) -> str:
    """Return what NVML says as text: older versions say bytes."""
    return value.decode() if isinstance(value, bytes) else value
