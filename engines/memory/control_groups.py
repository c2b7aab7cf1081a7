"""The control groups of this process: where Linux says what a container may have of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

CGROUPS = Path("/sys/fs/cgroup")
"""where control groups are mounted"""
OWN_CGROUPS = Path("/proc/self/cgroup")
"""which of them are this process's"""


class GroupFolder(NamedTuple):
    """The folder of a control group, which may not be there."""

    path: Path
    is_version_1: bool


def group_folders(controller: str, cgroups: Path, own: Path) -> Iterator[GroupFolder]:
    """Yield the control groups of a controller that this process is in, and those above them.

    `cgroups` is where control groups are mounted, `own` the file that says which are this process's.
    """
    for root, path, is_version_1 in _own_groups(controller, cgroups, own):
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        # in a container the path may be the machine's: then the root alone is there
        for depth in range(len(parts), -1, -1):
            yield GroupFolder(root.joinpath(*parts[:depth]), is_version_1)


def _own_groups(controller: str, cgroups: Path, own: Path) -> Iterator[tuple[Path, str, bool]]:
    try:
        lines = own.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield cgroups, path, False
        elif controller in controllers.split(","):
            yield cgroups / controller, path, True  # a link where several are mounted together
