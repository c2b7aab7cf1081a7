"""How many cores there are for what is computed: those of the machine, or what a container pays for."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from engines.memory.control_groups import CGROUPS, OWN_CGROUPS, GroupFolder, group_folders


def usable_cores(cgroups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """Return how many cores this process may use: those that it may run on, or fewer where a quota of
    processor time pays for fewer. More threads than that would stop each other.

    `cgroups` is where control groups are mounted, `own` the file that says which are this process's.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in group_folders("cpu", cgroups, own):
        with suppress(OSError, ValueError, ZeroDivisionError):  # "max" is no number
            cores = min(cores, max(1, math.ceil(_quota(group))))
    return cores


def share_of_cores(workers: int) -> int:
    """Return how many cores each of so many workers has that share what there is."""
    return max(1, usable_cores() // max(1, workers))


def _quota(group: GroupFolder) -> float:
    """Return the cores that a control group's quota pays for. Raises OSError or ValueError without one."""
    if not group.is_version_1:
        quota, period = (group.path / "cpu.max").read_text().split()
        return int(quota) / int(period)
    given = int((group.path / "cpu.cfs_quota_us").read_text())
    if given <= 0:
        raise ValueError("no quota")
    return given / int((group.path / "cpu.cfs_period_us").read_text())
