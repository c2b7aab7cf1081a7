"""Room on the disk of model files, and what its errors mean."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.hub.errors import DiskFull, ModelError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_room(folder: Path, needed: int) -> None:
    """Raise DiskFull unless so many bytes fit on the disk of a folder."""
    free = shutil.disk_usage(_nearest_existing(folder)).free
    if needed > free:
        message = (
            f"The folder of models, {folder}, has room for {free / 1e6:,.0f} MB,"
            f" and {needed / 1e6:,.0f} MB are to come: make {(needed - free) / 1e6:,.0f} MB free,"
            " or choose another folder."
        )
        raise DiskFull(message, needed=needed, free=free)


@contextmanager
def translated_errors(folder: Path) -> Iterator[None]:
    """Raise ModelError in place of the OSError that the file system raises in the block."""
    try:
        yield
    except OSError as exc:
        if exc.errno in DISK_FULL:
            raise DiskFull(f"The disk of {folder} is full: make room, and pull it again to go on.") from exc
        raise ModelError(f"{folder} cannot be used: {exc.strerror or exc}.") from exc


def _nearest_existing(folder: Path) -> Path:
    """Return a folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
