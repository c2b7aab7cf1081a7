"""Keep the garbage collector from objects that are all still wanted: to look at a hundred thousand of them
would hold every thread, the event loop's too.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class CollectionPause:
    """Pauses the automatic collection while somebody is within `begun`, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._was_enabled = False

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Pause for the block, which is short, and frees what it has made by dropping it."""
        with self._lock:
            if not self._within:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._within += 1
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if not self._within and self._was_enabled:
                    gc.enable()


NO_COLLECTION = CollectionPause()
"""that of this process, which has one collector"""
