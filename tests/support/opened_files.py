"""Notice that a file is opened, by whichever process: Linux's inotify."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

IN_ACCESS = 0x001
IN_OPEN = 0x020
"""from <sys/inotify.h>"""


class FileWatch:
    """Watches one file; what only looks at its name or size is not seen."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._events < 0 or libc.inotify_add_watch(self._events, bytes(path), IN_ACCESS | IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify does not watch", str(path))

    def opened(self) -> bool:
        """Return whether the file was opened or read since the last call."""
        try:
            return bool(os.read(self._events, 4096))
        except BlockingIOError:
            return False

    def __enter__(self) -> FileWatch:
        """Go on watching."""
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        os.close(self._events)
