"""Choose the device that torch computes on: the one that is asked for, or the best there is.

For workers only, as this imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from engines.errors import EngineFailed
from engines.toolkit.gpu_architectures import missing_code_reason

PREFERENCE = ("cuda", "xpu", "mps", "cpu")
"""kinds of device, the best first; AMD's ROCm goes by the name of cuda"""


def choose_device(requested: str, supported: Sequence[str] = PREFERENCE, group: str = "main") -> torch.device:
    """Return the device for a request: "auto" for the best that is available, or a name such as "cuda:1".

    `supported` are the kinds that the engine runs on, the best first; `group` is the environment that it runs
    in. Raises EngineFailed where there is no such device here, or torch has no code for it: work never goes
    to a slower one without a word.
    """
    available = {kind: _count(kind) for kind in supported if _is_available(kind)}
    name = resolve_device(requested, supported, available, lambda name: _unusable_reason(name, group))
    return torch.device(name)


def resolve_device(
    requested: str,
    supported: Sequence[str],
    available: Mapping[str, int],
    unusable_reason: Callable[[str], str],
) -> str:
    """Return the name of the device that a request means.

    `available` is how many of each kind there are; `unusable_reason` says why a device cannot compute, and is
    empty for one that can. Raises EngineFailed as `choose_device` does.
    """
    name = requested if requested != "auto" else next(iter(available), "cpu")
    kind, _, number = name.partition(":")
    if kind not in supported:
        raise EngineFailed(
            f"There is no device '{requested}' for this engine: it should be auto, {', '.join(supported)}."
        )
    if kind not in available or (number and not (number.isdigit() and int(number) < available[kind])):
        raise EngineFailed(
            f"There is no device '{requested}' here: torch {torch.__version__} finds {', '.join(available)}."
        )
    if reason := unusable_reason(name):
        cpu_would_do = requested == "auto" and "cpu" in supported
        raise EngineFailed(f"{reason}, or set `device: cpu`." if cpu_would_do else f"{reason}.")
    return name


def choose_dtype(name: str, device: str) -> torch.dtype:
    """Return a dtype by its name; "auto" is half precision on NVIDIA's and AMD's GPUs.

    Raises EngineFailed where there is no such dtype.
    """
    if name == "auto":
        return torch.float16 if device.startswith("cuda") else torch.float32
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise EngineFailed(f"There is no dtype '{name}': it should be auto, float32, float16 or bfloat16.")
    return dtype


def _is_available(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return kind == "cpu" or _count(kind) > 0


def _count(kind: str) -> int:
    if kind == "cuda":
        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if kind == "xpu":
        return int(torch.xpu.device_count()) if torch.xpu.is_available() else 0
    return 1


def _unusable_reason(name: str, group: str) -> str:
    """Return why torch cannot compute on a device that is available; empty where it can."""
    if not name.startswith("cuda"):
        return ""
    device = torch.device(name)
    capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
    if torch.version.hip:
        capability = torch.cuda.get_device_properties(device).gcnArchName.partition(":")[0]
    return missing_code_reason(
        torch.cuda.get_device_name(device), capability, torch.cuda.get_arch_list(), group
    )
