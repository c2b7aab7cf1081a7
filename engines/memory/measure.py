"""How much memory there is, and who holds it: the machine's by psutil, NVIDIA's GPUs' by NVML, AMD's by what
Linux tells of them.

In a container its limits count. On Apple silicon both are one (unified memory), which psutil tells. Intel's
GPUs tell nobody; models there are bounded by the machine's memory alone, and so are those on AMD's GPUs that
have no memory of their own.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
CARDS = Path("/sys/class/drm")
TOTAL, USED, SHARED, MAKER = (
    "mem_info_vram_total",
    "mem_info_vram_used",
    "mem_info_gtt_total",
    "mem_info_vram_vendor",
)
"""files of the kernel's amdgpu, in bytes but for the last: docs.kernel.org/gpu/amdgpu/driver-misc.html"""
PCI = "PCI_BUS_ID"
"""the order that NVML counts cards in, and CUDA with CUDA_DEVICE_ORDER at this, as workers have it unless
told otherwise
"""
NUMBER = re.compile(r"\s*([+-]?[0-9]+)")


class Limits(NamedTuple):
    """Where a version of control groups tells what limits memory: two files, and a line of `memory.stat`; all
    in bytes.
    """

    most: str
    used: str
    idle: str
    """of files, what can be given back: it counts as used, and nobody would miss it"""


VERSION_1 = Limits("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = Limits("memory.max", "memory.current", "inactive_file")
"""docs.kernel.org/admin-guide/cgroup-v2.html"""


def available(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """Give the bytes of memory that a new process could take, without others being swapped out or a
    container's limit reached.

    `cgroups` is where control groups are mounted, `own` the file that tells which are this process's.
    """
    import psutil

    return min([int(psutil.virtual_memory().available), *left(cgroups, own)])


def left(cgroups: Path, own: Path) -> Iterator[int]:
    """Give the bytes that each limit on this process and its control groups leaves; none where nothing limits
    it.

    The machine's own figures do not tell: in a container they are still the machine's.
    """
    for root, path, limits in _groups(cgroups, own):
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        for depth in range(
            len(parts), -1, -1
        ):  # in a container the path may be the machine's: then the root alone is there
            with suppress(OSError, ValueError):  # "max" is no number
                yield _left(root.joinpath(*parts[:depth]), limits)


def _groups(cgroups: Path, own: Path) -> Iterator[tuple[Path, str, Limits]]:
    try:
        lines = own.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield cgroups, path, VERSION_2
        elif "memory" in controllers.split(","):
            yield cgroups / "memory", path, VERSION_1


def _left(folder: Path, limits: Limits) -> int:
    """Give the bytes that the limit on one control group leaves. Raises OSError or ValueError where it has
    none.
    """
    most, used = (int((folder / name).read_text()) for name in (limits.most, limits.used))
    idle = 0
    with suppress(OSError):
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        idle = sum(int(line[1]) for line in lines if line[:1] == [limits.idle])
    return max(0, most - max(0, used - idle))


def resident(pid: int) -> int:
    """Give the bytes that a process holds, with those it started; 0 when it is gone."""
    import psutil

    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):  # a child may end between two looks
                total += one.memory_info().rss
    return total


def gpus(environ: Mapping[str, str] = os.environ) -> list[int]:
    """Give the free bytes of each GPU whose driver tells them, in torch's order; none where none does, or
    that is not known.
    """
    nvml = _nvml()
    if nvml is None:
        return of_amd(CARDS, environ)
    with suppress(nvml.NVMLError):
        cards = _cards(nvml)
        uuids, names = (
            [_text(ask(card)) for card in cards] for ask in (nvml.nvmlDeviceGetUUID, nvml.nvmlDeviceGetName)
        )
        return [
            int(nvml.nvmlDeviceGetMemoryInfo(cards[number]).free)
            for number in in_order(uuids, names, environ)
        ]
    return []


def in_order(uuids: Sequence[str], names: Sequence[str], environ: Mapping[str, str]) -> list[int]:
    """Give the numbers of those of NVIDIA's cards that CUDA sees, in its order; none where it counts the
    fastest first.

    Which card that is only CUDA knows, unless they are all of one name, or told by their UUIDs.
    """
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if (
        environ.get("CUDA_DEVICE_ORDER", PCI) != PCI
        and len(set(names)) > 1
        and not (chosen or "").startswith("GPU-")
    ):
        return []
    return visible(uuids, chosen)


def visible(order: Sequence[str], value: str | None) -> list[int]:
    """Give the numbers of the cards that CUDA_VISIBLE_DEVICES lets through, in its order; `order` are all
    cards' UUIDs.

    It names numbers, or UUIDs ("GPU-…") or how these begin, by CUDA's own rules, as torch has them: what is
    no card's ends the list, what comes twice empties it. Parts of cards ("MIG-…") are not told of.
    """
    if value is None:
        return list(range(len(order)))
    parts: list[str] | list[int]
    if value.startswith("GPU-"):
        parts = list(takewhile(lambda one: one.startswith("GPU-"), value.split(",")))
        numbers = [_only(order, one) for one in parts]
    else:
        parts = numbers = list(takewhile(lambda number: number >= 0, map(_number, value.split(","))))
    found = list(takewhile(lambda number: 0 <= number < len(order), numbers))
    return found if len(set(parts)) == len(parts) and len(set(found)) == len(found) else []


def _only(order: Sequence[str], begin: str) -> int:
    """Give the number of the one card whose UUID begins so; -1 where none's does, or several do."""
    found = [number for number, uuid in enumerate(order) if uuid.startswith(begin)]
    return found[0] if len(found) == 1 else -1


def _number(text: str) -> int:
    found = NUMBER.match(text)
    return int(found[1]) if found else -1


def of_amd(cards: Path, environ: Mapping[str, str]) -> list[int]:
    """Give the free bytes of AMD's GPUs under a folder of cards, by their numbers, as the variables of ROCm
    choose among them.
    """
    found = [path for path in cards.glob(f"card*/device/{TOTAL}") if re.fullmatch(r"card\d+", path.parts[-3])]
    devices = [
        path.parent for path in sorted(found, key=lambda path: int(path.parts[-3].removeprefix("card")))
    ]
    of_hip = environ.get("HIP_VISIBLE_DEVICES", environ.get("CUDA_VISIBLE_DEVICES"))
    for value in (
        environ.get("ROCR_VISIBLE_DEVICES"),
        of_hip,
    ):  # in this order: the second counts what the first left
        devices = [devices[number] for number in visible([""] * len(devices), value)]
    return [free for device in devices if (free := _free(device)) is not None]


def _free(device: Path) -> int | None:
    """Give the free bytes of one of AMD's GPUs; None where that is not told, or it has no memory of its own.

    What a processor's own GPU has is a piece cut out of the machine's memory, and where more of the latter
    may be used (GTT) work goes there. Other cards may use as much of it; but they name who made the memory
    that is theirs.
    """
    told = {}
    for name in (TOTAL, USED, SHARED, MAKER):
        with suppress(OSError):
            told[name] = (device / name).read_text().strip()
    with suppress(KeyError, ValueError):
        total, used = int(told[TOTAL]), int(told[USED])
        own = int(told.get(SHARED, 0)) <= total or told.get(MAKER, "unknown") != "unknown"
        return total - used if own else None
    return None


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


def _text(value: str | bytes) -> str:
    """Give what NVML says as text: older ones say bytes."""
    return value.decode() if isinstance(value, bytes) else value
