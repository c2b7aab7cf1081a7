"""The environment variables of worker processes: of the C library, of torch, and where their modules are."""

from __future__ import annotations

import os
import platform
import shutil
from functools import cache
from pathlib import Path

from engines.environments.layout import environ_for_other_python

PACKAGE = Path(__file__).parents[1]
ONE_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""glibc's malloc keeps one heap, of large pages where Linux has them, until engines/worker/malloc_trim.py
gives memory back

A network's layers allocate and free memory by the hundred megabytes. glibc would get it from the system anew
each time, page by page, which took a quarter of Kokoro's time; or keep it, in a heap of each thread that ever
was, with holes that grow.
"""
ONE_HEAP_SINCE = (2, 35)
"""the glibc that accepts all of these: older ones refuse such thresholds in part, and are then slower than
without
"""
DEFAULTS = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as NVML counts cards (engines/memory/measure.py)
    # The threads that share a layer wait for each other awake, for milliseconds. Where another program, or
    # another model, wants the same cores they wait for each other in turn: a second load made Kokoro nine
    # times slower. So they wait for microseconds, and then sleep; alone on its cores a model is as quick.
    "GOMP_SPINCOUNT": "1000",
    # oneDNN, and what torch calls it through, keep what they made for each length of input they met, by
    # default for 1024 of each kind: hundreds of megabytes. A line has hardly ever the length of another, and
    # what one model needs at once is less.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
    "LRU_CACHE_CAPACITY": "128",
}


@cache
def default_variables(libc: tuple[str, str] | None = None) -> dict[str, str]:
    """Return the variables that a worker has unless the gateway was started with others.

    `libc` is the C library's name and version; ours where it is None.
    """
    name, version = libc or platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    return {**DEFAULTS, **ONE_HEAP} if name == "glibc" and numbers >= ONE_HEAP_SINCE else dict(DEFAULTS)


def environ_for_other_interpreter(folder: Path) -> dict[str, str]:
    """Return the environment of a worker that another interpreter runs: of ours it finds `engines` alone.

    What lies beside that package may be everything that we have installed, whose versions are not that
    interpreter's. `folder` is the worker's own, where what it finds is put.
    """
    modules = folder / "modules"
    modules.mkdir()
    try:
        (modules / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
    except OSError:  # as on Windows, where not everybody may
        shutil.copytree(PACKAGE, modules / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return {**environ_for_other_python(os.environ), "PYTHONPATH": str(modules)}
