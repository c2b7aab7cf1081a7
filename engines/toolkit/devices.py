"""Where torch computes: the device that is asked for, or the best there is; in workers only, as this imports
torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from engines.errors import EngineFailed
from engines.toolkit.gpu_architectures import lacking

BEST = ("cuda", "xpu", "mps", "cpu")
"""ROCm goes by the name of cuda"""


def choose(asked: str, known: Sequence[str] = BEST, group: str = "main") -> torch.device:
    """Choose a device: `asked` is "auto" for the best that is there, or a name such as "cpu", "cuda",
    "cuda:1", "mps".

    `known` are the kinds that the engine runs on, the best first; `group` is the environment that it runs in.
    Raises EngineFailed where there is no such device here, or torch has no code for it: work never goes to a
    slower one without a word.
    """
    there = {kind: _count(kind) for kind in known if _is_there(kind)}
    return torch.device(named(asked, known, there, lambda name: _unfit(name, group)))


def named(asked: str, known: Sequence[str], there: Mapping[str, int], unfit: Callable[[str], str]) -> str:
    """Name the device that is meant; `there` tells how many of each kind there are, `unfit` why one cannot
    compute, if so.

    Raises EngineFailed as `choose` does.
    """
    name = asked if asked != "auto" else next(iter(there), "cpu")
    kind, _, number = name.partition(":")
    if kind not in known:
        raise EngineFailed(
            f"There is no device '{asked}' for this engine: it should be auto, {', '.join(known)}."
        )
    if kind not in there or (number and not (number.isdigit() and int(number) < there[kind])):
        raise EngineFailed(
            f"There is no device '{asked}' here: torch {torch.__version__} finds {', '.join(there)}."
        )
    if reason := unfit(name):
        raise EngineFailed(
            f"{reason}, or set `device: cpu`." if asked == "auto" and "cpu" in known else f"{reason}."
        )
    return name


def precision(name: str, device: str) -> torch.dtype:
    """Choose a dtype by its name; "auto" is half precision on NVIDIA's and AMD's GPUs. Raises EngineFailed."""
    if name == "auto":
        return torch.float16 if device.startswith("cuda") else torch.float32
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise EngineFailed(f"There is no dtype '{name}': it should be auto, float32, float16 or bfloat16.")
    return dtype


def _is_there(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return kind == "cpu" or _count(kind) > 0


def _count(kind: str) -> int:
    if kind == "cuda":
        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if kind == "xpu":
        return int(torch.xpu.device_count()) if torch.xpu.is_available() else 0
    return 1


def _unfit(name: str, group: str) -> str:
    """Say why torch cannot compute on a device that is there; empty where it can."""
    if not name.startswith("cuda"):
        return ""
    device = torch.device(name)
    capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
    if torch.version.hip:
        capability = torch.cuda.get_device_properties(device).gcnArchName.partition(":")[0]
    return lacking(torch.cuda.get_device_name(device), capability, torch.cuda.get_arch_list(), group)
