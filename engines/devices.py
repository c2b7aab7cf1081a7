"""Where torch computes: the device that is asked for, or the best there is; in workers only, as this imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engines.api import EngineFailed
from engines.architectures import mending, runs_on

BEST = ("cuda", "xpu", "mps", "cpu")
"""ROCm goes by the name of cuda"""


def choose(asked: str, known: Sequence[str] = BEST) -> torch.device:
    """Choose a device: `asked` is "auto" for the best that is there, or a name such as "cpu", "cuda", "cuda:1", "mps".

    `known` are the kinds that the engine runs on, the best first. Raises EngineFailed where there is no such device here, or
    torch has no code for it: work never goes to a slower one than was asked for without a word.
    """
    there = [kind for kind in known if _is_there(kind)]
    name = asked if asked != "auto" else next((kind for kind in there if not _unfit(kind)), "cpu")
    kind, _, number = name.partition(":")
    if kind not in known:
        raise EngineFailed(f"There is no device '{asked}' for this engine: it should be auto, {', '.join(known)}.")
    if kind not in there or (number and not (number.isdigit() and int(number) < _count(kind))):
        raise EngineFailed(f"There is no device '{asked}' here: torch {torch.__version__} finds {', '.join(there)}.")
    if reason := _unfit(name):
        raise EngineFailed(reason)
    return torch.device(name)


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


def _unfit(name: str) -> str:
    """Say why torch cannot compute on a device that is there; empty where it can."""
    if not name.startswith("cuda") or torch.version.hip:
        return ""
    device = torch.device(name)
    capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
    built_for = torch.cuda.get_arch_list()
    if not built_for or runs_on(built_for, capability):
        return ""
    index = mending(built_for, capability)
    return (
        f"This torch has no code for the GPU {torch.cuda.get_device_name(device)} (compute capability {capability}, it has"
        f" {', '.join(built_for)}); install one that has: voicebox engines install main --index-url {index}"
    )
