"""How many threads a model runs on where it runs on a CPU."""

from __future__ import annotations

import os

SHARE_VARIABLE = "OMP_NUM_THREADS"
"""how many threads a worker may have: its gateway says so, by the cores that a container pays for and the
workers that share them; libraries of numbers know the variable too
"""


def usable_cores() -> int:
    """Return how many cores this process may use: its share, and no more than it may run on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(SHARE_VARIABLE, "").partition(",")[0].strip()
    return min(cores, int(share)) if share.isdecimal() and int(share) else cores


def cpu_threads(threads: int) -> int:
    """Return the number that the option `threads` asks for; 0 asks for one thread a core."""
    return threads or usable_cores()


def set_torch_threads(threads: int) -> None:
    """Set how many threads torch runs on: there are libraries that make it one when they are imported."""
    import torch  # here, as not every engine that counts threads has it

    torch.set_num_threads(cpu_threads(threads))
