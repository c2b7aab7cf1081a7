"""The temporary folders of a gateway and its workers: each belongs to whoever holds its lock.

One that nobody holds was left by a gateway that was killed. The id of the owner's process, which is in its
name, does not tell that: two containers that share a folder have the same ones. The system
releases the lock when the process ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

PREFIX = "voicebox-"
"""how the name of a temporary folder begins; the id of its owner's process comes next"""
LOCK = "lock"
"""the file in it that its owner holds locked"""
LOCK_IN_MAKING = "lock.new"
"""that file before it is locked: who finds only this does not know yet whether the folder is held"""
UNLOCKED_SECONDS = 3600.0
"""after which a folder without a lock is stale: a version of before made it, or its owner died at once"""


class TemporaryFolder:
    """A temporary folder of this process, held until it is removed. Raises OSError."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        try:
            self._lock: IO[bytes] = (self.path / LOCK_IN_MAKING).open("wb")
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        _try_lock(self._lock)
        (self.path / LOCK_IN_MAKING).rename(self.path / LOCK)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_stale_folders() -> None:
    """Remove the folders of gateways that were killed before they could do so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's stays, and one that goes at this moment
            if _is_stale(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_stale(folder: Path) -> bool:
    """Return whether nobody holds a folder. Raises OSError."""
    lock = folder / LOCK
    if not lock.exists():
        return time.time() - folder.stat().st_mtime > UNLOCKED_SECONDS
    with lock.open("rb") as file:
        return _try_lock(file)


def _try_lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed, and return whether that could be done: somebody else may hold it, or
    the file system may have no locks.
    """
    if sys.platform == "win32":
        return False  # nor can what is open be removed there
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
