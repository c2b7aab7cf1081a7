"""Which GPUs a build of torch has code for, by CUDA's own rule.

Where it has none, the first kernel fails ("no kernel image"). A GPU's capability is NVIDIA's compute
capability, such as "9.0", or AMD's architecture, such as "gfx1100".
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([a-z]?)")
INDEX_FOR_OLDER_GPUS = "https://download.pytorch.org/whl/cu126"
"""where torch is built for NVIDIA's GPUs that are older than the usual build's"""
INDEX_FOR_NEWER_GPUS = "https://download.pytorch.org/whl/cu130"
"""where torch is built for those that are newer"""
INDEX_FOR_ROCM = "https://download.pytorch.org/whl/rocm7.2"
"""where torch is built for AMD's"""
AMD_PREFIX = "gfx"
"""how the names of AMD's architectures begin"""
AMD_FAMILY_SUFFIX = "-generic"


def runs_on(built_for: Sequence[str], capability: str) -> bool:
    """Return whether code for some architectures runs on a GPU.

    Machine code ("sm_90") runs on its own generation, of the same or a later minor number; what is compiled
    there ("compute_90"), on all later ones; either with a letter at its end ("sm_90a") on that very one.
    AMD's runs on its own architecture ("gfx1100"), or on a family of them ("gfx11-generic").
    """
    if capability.startswith(AMD_PREFIX):
        return any(_is_amd_match(name, capability) for name in built_for)
    gpu = _version(capability)
    for match in map(ARCHITECTURE.fullmatch, built_for):
        if match is None:
            continue
        kind, major, minor, exact_only = match.groups()
        built = (int(major), int(minor))
        later = built < gpu and not exact_only and (kind == "compute" or built[0] == gpu[0])
        if built == gpu or later:
            return True
    return False


def describe_capability(capability: str) -> str:
    """Return what a GPU's capability is called, for a message."""
    kind = "architecture" if capability.startswith(AMD_PREFIX) else "compute capability"
    return f"{kind} {capability}"


def torch_index(built_for: Sequence[str], capability: str) -> str:
    """Return the index whose torch has code for a GPU, where a torch built for `built_for` has none."""
    if capability.startswith(AMD_PREFIX):
        return INDEX_FOR_ROCM
    return INDEX_FOR_OLDER_GPUS if _version(capability) < _oldest(built_for) else INDEX_FOR_NEWER_GPUS


def missing_code_reason(gpu: str, capability: str, built_for: Sequence[str], group: str) -> str:
    """Return a sentence that a torch has no code for a GPU, and the command that brings one that has.

    It is empty where torch has code, or does not tell what it was built for. `group` names the environment
    that the torch is in, and is empty where that is none of ours.
    """
    if not built_for or runs_on(built_for, capability):
        return ""
    by_pip = f"{sys.executable} -m pip install --force-reinstall torch"
    install = f"voicebox engines install {group}" if group else by_pip
    command = f"{install} --index-url {torch_index(built_for, capability)}"
    has = f"{describe_capability(capability)}, it has {', '.join(built_for)}"
    return f"This torch has no code for the GPU {gpu} ({has}): `{command}` brings one that has"


def _is_amd_match(name: str, capability: str) -> bool:
    is_family = name.endswith(AMD_FAMILY_SUFFIX)
    return name == capability or (is_family and capability.startswith(name.removesuffix(AMD_FAMILY_SUFFIX)))


def _version(capability: str) -> tuple[int, ...]:
    return tuple(int(part) for part in capability.split("."))


def _oldest(built_for: Sequence[str]) -> tuple[int, ...]:
    found = (match for match in map(ARCHITECTURE.fullmatch, built_for) if match)
    return min(((int(match[2]), int(match[3])) for match in found), default=(0, 0))
