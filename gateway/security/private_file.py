"""Files that only their owner can read, and that a crash leaves whole."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def write_private_file(path: Path, content: bytes) -> None:
    """Write a file of mode 0600; the old content stays until the new one is on the disk. Raises OSError."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:  # whatever it was, Ctrl-C included, no part may stay
        Path(part).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Write a rename to the disk; Windows has no such call, and does not need it."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
