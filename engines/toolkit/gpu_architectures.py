"""Which GPUs a build of torch has code for: CUDA's own rule. Where there is none, the first kernel fails ("no
kernel image").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([a-z]?)")
OLDER, NEWER = "https://download.pytorch.org/whl/cu126", "https://download.pytorch.org/whl/cu130"
"""where torch is built for GPUs that are older, or newer, than the usual build's"""
AMD = "gfx"
"""how the names of AMD's architectures begin"""
ROCM = "https://download.pytorch.org/whl/rocm7.2"
"""where torch is built for AMD's"""


def runs_on(built_for: Sequence[str], capability: str) -> bool:
    """Tell whether code for some architectures runs on a GPU; where none does, its first kernel fails ("no
    kernel image").

    Machine code runs on its own generation, of the same or a later minor number; what is compiled there, on
    all later ones; either with a letter at its end (sm_90a) on that very one. AMD's runs on its own
    architecture ("gfx1100"), or on a family of them ("gfx11-generic").
    """
    if capability.startswith(AMD):
        return any(
            one == capability
            or (one.endswith("-generic") and capability.startswith(one.removesuffix("-generic")))
            for one in built_for
        )
    major, minor = (int(part) for part in capability.split("."))
    for kind, high, low, only in (
        match.groups() for match in map(ARCHITECTURE.fullmatch, built_for) if match
    ):
        built = (int(high), int(low))
        if built == (major, minor) or (
            built < (major, minor) and not only and (kind == "compute" or built[0] == major)
        ):
            return True
    return False


def named(capability: str) -> str:
    """Say what a GPU is."""
    return f"{'architecture' if capability.startswith(AMD) else 'compute capability'} {capability}"


def mending(built_for: Sequence[str], capability: str) -> str:
    """Give the index of a torch that has code for a GPU of that compute capability, or AMD's architecture."""
    if capability.startswith(AMD):
        return ROCM
    return OLDER if _number(capability) < _oldest(built_for) else NEWER


def lacking(gpu: str, capability: str, built_for: Sequence[str], group: str = "main") -> str:
    """Say that a torch has no code for a GPU, and what mends it; empty where it has, or does not tell what it
    was built for.

    `group` names the environment that the torch is in.
    """
    if not built_for or runs_on(built_for, capability):
        return ""
    command = f"voicebox engines install {group} --index-url {mending(built_for, capability)}"
    has = f"{named(capability)}, it has {', '.join(built_for)}"
    return f"This torch has no code for the GPU {gpu} ({has}): `{command}` brings one that has"


def _number(capability: str) -> tuple[int, ...]:
    return tuple(int(part) for part in capability.split("."))


def _oldest(built_for: Sequence[str]) -> tuple[int, ...]:
    return min(((int(m[2]), int(m[3])) for m in map(ARCHITECTURE.fullmatch, built_for) if m), default=(0, 0))
