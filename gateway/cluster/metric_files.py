"""The files in which a member counts its metrics: their disk space is taken before they are used.

prometheus_client maps sparse files into memory. Where the disk is full, the first write to a page of one that
has no space yet ends the process (SIGBUS), and so it would end every member.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

KINDS = ("counter", "histogram")
"""of our metrics, which begin the names of the files"""
BYTES = 1_048_576
"""of each file: some ten thousand values with their labels"""
USED = struct.Struct("i")
"""at the begin of a file: how many of its bytes are used"""


def has_space(folder: Path) -> bool:
    """Return whether a member's files would find space in a folder."""
    probe = folder / "probe"
    try:
        _allocate(probe, len(KINDS) * BYTES)
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def allocate(folder: Path, pid: int) -> None:
    """Take the space of a member's files. Raises OSError, and leaves none then."""
    try:
        for kind in KINDS:
            _allocate(_path(folder, kind, pid), BYTES)
    except OSError:
        for kind in KINDS:
            _path(folder, kind, pid).unlink(missing_ok=True)
        raise


def trim(folder: Path, pid: int) -> None:
    """Give back what a member that has ended did not use; what it counted stays."""
    for kind in KINDS:
        with suppress(OSError, struct.error), _path(folder, kind, pid).open("r+b") as file:
            (used,) = USED.unpack(file.read(USED.size))
            file.truncate(max(used, USED.size))


def _path(folder: Path, kind: str, pid: int) -> Path:
    return folder / f"{kind}_{pid}.db"


def _allocate(path: Path, size: int) -> None:
    with path.open("ab") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
