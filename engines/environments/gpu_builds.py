"""Which GPUs the library that computes for a model was built for, by its files where the model runs: nothing
is imported.

A torch for processors, or the plain onnxruntime, uses no GPU, whatever the machine has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from engines.catalogue.hardware import GpuBuild
from engines.catalogue.records import Device

TORCH_SAYS = re.compile(r"^(\w+)\s*(?::[^=]*)?=\s*(?:'([^']*)'|\"([^\"]*)\")\s*$", re.MULTILINE)
"""a line of torch/version.py that gives a name a text; what the build lacks is None there"""
NAMES_OF_TORCH: dict[str, Device] = {"cuda": "cuda", "hip": "rocm", "xpu": "xpu"}
"""what torch calls what it is built for, and what we call it"""
CUDA_OF_ONNXRUNTIME = ("libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll")


def gpu_build(packages: Sequence[str], site: Path | None) -> GpuBuild | None:
    """Return what computes for a model with these packages; None where no file tells which GPUs it uses.

    `site` is the folder of the packages that it runs with; None is our own interpreter's. Reads the disk.
    """
    if "torch" in packages:
        folder = _folder("torch", site)
        return _torch_build(folder / "version.py") if folder else None
    if "onnxruntime" in packages:
        folder = _folder("onnxruntime", site)
        return _onnxruntime_build(folder / "capi") if folder else None
    return None


def _folder(package: str, site: Path | None) -> Path | None:
    """Return the folder of a package; None where there is none."""
    found: ModuleSpec | None = (
        PathFinder.find_spec(package, [str(site)]) if site is not None else find_spec(package)
    )
    return Path(found.origin).parent if found and found.origin else None


def _torch_build(file: Path) -> GpuBuild | None:
    try:
        return _read_torch_build(file, file.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=16)
def _read_torch_build(file: Path, _changed: int) -> GpuBuild | None:
    """Return what torch's file says of its build, read once for each torch; None where it says nothing."""
    said = {name: one or other for name, one, other in TORCH_SAYS.findall(file.read_text("utf-8"))}
    if "__version__" not in said:
        return None
    kinds = frozenset(kind for name, kind in NAMES_OF_TORCH.items() if said.get(name))
    return GpuBuild(f"torch {said['__version__']}", kinds)


def _onnxruntime_build(capi: Path) -> GpuBuild | None:
    if not capi.is_dir():
        return None
    has_cuda = any((capi / name).exists() for name in CUDA_OF_ONNXRUNTIME)
    return GpuBuild("onnxruntime", frozenset[Device]({"cuda"}) if has_cuda else frozenset())
