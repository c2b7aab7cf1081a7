"""AMD's GPUs as HIP counts them, and their memory, by files of Linux's drivers.

HIP's order is that of the nodes of the kernel's compute driver (KFD), by their numbers; those of the cards
are in an order of their own. ROCm lists a processor's own GPU among the others, so it is counted here too:
without it a worker would be shown that GPU in place of the card that was meant. The libraries' sources say so
(`BuildTopology` and `RvdFilter` of ROCR-Runtime, `Device::init` of ROCm's clr).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

DRM = Path("/sys/class/drm")
KFD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")
PROPERTY = re.compile(r"^(\w+) (\d+)$", re.MULTILINE)
# files of the kernel's amdgpu, in bytes but for the last: docs.kernel.org/gpu/amdgpu/driver-misc.html
VRAM_TOTAL = "mem_info_vram_total"
VRAM_USED = "mem_info_vram_used"
GTT_TOTAL = "mem_info_gtt_total"
VRAM_VENDOR = "mem_info_vram_vendor"
UUID_LENGTHS = range(5, 21)
"""characters of what ROCR_VISIBLE_DEVICES may have for a GPU's name: "GPU-" and some of its 16 digits"""


class Node(NamedTuple):
    """A GPU that ROCm can compute on."""

    device: Path
    """the folder of its device's files"""
    uuid: str = ""
    """as ROCm names it; empty where it has no name"""


class Memory(NamedTuple):
    """The memory of a GPU, in bytes; 0 where it has none of its own, or its driver does not report it."""

    total: int = 0
    free: int = 0


def amd_memory(environ: Mapping[str, str], cards: Path = DRM, nodes: Path = KFD_NODES) -> list[Memory]:
    """Return the memory of each of AMD's GPUs, in HIP's order, as the variables of ROCm choose among them.

    `cards` and `nodes` are the folders of the kernel's files.
    """
    found = list(_nodes(cards, nodes))
    found = [found[number] for number in rocr_visible([one.uuid for one in found], environ)]
    found = [found[number] for number in hip_visible([one.uuid for one in found], environ)]
    return [_memory_on(one.device) for one in found]


def hip_names(environ: Mapping[str, str], cards: Path = DRM, nodes: Path = KFD_NODES) -> list[str]:
    """Return what HIP_VISIBLE_DEVICES has for each of AMD's GPUs, in the order of `amd_memory`: the numbers
    among those that ROCR_VISIBLE_DEVICES lets through.
    """
    found = [one.uuid for one in _nodes(cards, nodes)]
    found = [found[number] for number in rocr_visible(found, environ)]
    return [str(number) for number in hip_visible(found, environ)]


def _nodes(cards: Path, nodes: Path) -> Iterator[Node]:
    """Yield the GPUs in the order of their nodes; of a kernel that tells none, in that of the cards."""
    if not nodes.is_dir():
        for path in sorted(_card_folders(cards), key=lambda path: int(path.name.removeprefix("card"))):
            yield Node(path / "device")
        return
    for path in sorted(
        (path for path in nodes.iterdir() if path.name.isdecimal()), key=lambda one: int(one.name)
    ):
        told: dict[str, int] = {}
        with suppress(
            OSError
        ):  # of a GPU that this container may not use, which ROCm then leaves out as well
            told = {name: int(value) for name, value in PROPERTY.findall((path / "properties").read_text())}
        if told.get("simd_count"):  # a processor has none
            unique = told.get("unique_id", 0)
            device = cards / f"renderD{told.get('drm_render_minor', 0)}" / "device"
            yield Node(device, f"GPU-{unique:016x}" if unique else "")


def _card_folders(cards: Path) -> list[Path]:
    found = [path.parents[1] for path in cards.glob(f"card*/device/{VRAM_TOTAL}")]
    return [path for path in found if re.fullmatch(r"card\d+", path.name)]


def rocr_visible(uuids: Sequence[str], environ: Mapping[str, str]) -> list[int]:
    """Return the numbers of the GPUs that ROCR_VISIBLE_DEVICES lets through, in its order.

    It lists numbers, or names or how these begin, mixed as one likes; what is no GPU's, or came before, ends
    it.
    """
    value = environ.get("ROCR_VISIBLE_DEVICES")
    if value is None:
        return list(range(len(uuids)))
    found: list[int] = []
    for entry in (entry.strip() for entry in value.split(",")[: len(uuids)]):
        number = _number_of_name(uuids, entry) if entry[:1] in ("G", "g") else _whole_number(entry)
        if not 0 <= number < len(uuids) or number in found:
            break
        found.append(number)
    return found


def _number_of_name(uuids: Sequence[str], begin: str) -> int:
    """Return the number of the one GPU whose name begins so; -1 where none's does, or several do."""
    found = [number for number, uuid in enumerate(uuids) if uuid.upper().startswith(begin.upper())]
    return found[0] if len(begin) in UUID_LENGTHS and len(found) == 1 else -1


def _whole_number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return -1


def hip_visible(uuids: Sequence[str], environ: Mapping[str, str]) -> list[int]:
    """Return the numbers of the GPUs that HIP_VISIBLE_DEVICES lets through, in its order, of those that the
    other variable left; CUDA_VISIBLE_DEVICES counts where it is not set.

    It lists numbers or names; what is no GPU's ends it, and what came before is passed over.
    """
    value = environ.get("HIP_VISIBLE_DEVICES") or environ.get("CUDA_VISIBLE_DEVICES")
    if value is None and "HIP_VISIBLE_DEVICES" not in environ:
        return list(range(len(uuids)))
    found: dict[int, None] = {}
    for entry in (value or "").split(","):
        named = next((number for number, uuid in enumerate(uuids) if entry in uuid), -1)
        number = named if "GPU-" in entry else int(entry) if entry.isdecimal() else -1
        if not 0 <= number < len(uuids):
            break
        found[number] = None
    return list(found)


def _memory_on(device: Path) -> Memory:
    """Return the memory of one of AMD's GPUs.

    What a processor's own GPU has is a piece cut out of the machine's memory, and where more of the latter
    may be used (GTT) work goes there. Other GPUs may use as much of it; but they name who made the memory
    that is theirs.
    """
    reported = {}
    for name in (VRAM_TOTAL, VRAM_USED, GTT_TOTAL, VRAM_VENDOR):
        with suppress(OSError):
            reported[name] = (device / name).read_text().strip()
    with suppress(KeyError, ValueError):
        total = int(reported[VRAM_TOTAL])
        own = int(reported.get(GTT_TOTAL, 0)) <= total or reported.get(VRAM_VENDOR, "unknown") != "unknown"
        return Memory(total, total - int(reported[VRAM_USED])) if own else Memory()
    return Memory()
