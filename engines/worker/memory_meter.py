"""What this process takes of memory, at most: that is what a model needs, not what it holds after a word.

While a model is loaded, pages of its files count as memory of the process, though the system takes them back
where it needs them. So of that time only what is the process's alone counts, and the kernel's own record of
the most (VmHWM) from then on: writing 5 to clear_refs begins it anew (proc_pid_clear_refs(5)).
"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from engines.wire.memory_use import MemoryUse

PROC = Path("/proc/self")
LOOK_SECONDS = 0.05
"""between two looks at a process that loads"""
HIGH_WATER_MARK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
BEGIN_ANEW = "5"
WITH_PEAKS = ("cuda", "xpu")
"""torch's devices that keep a record of the most that they held"""


class MemoryMeter:
    """Measures the memory of this process; `proc` is where the kernel tells of it."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._loading_peak = 0
        self._shortages = 0
        self._missing = 0

    def watch_loading(self, loading: Future[Any]) -> None:
        """Wait until a model is loaded, and measure meanwhile."""
        while not wait([loading], timeout=LOOK_SECONDS).done:
            self._loading_peak = max(self._loading_peak, self._unshared_bytes())
        self._loading_peak = max(self._loading_peak, self._unshared_bytes())
        with suppress(OSError):  # without it the peak has those pages too: more than it takes, never less
            (self._proc / "clear_refs").write_text(BEGIN_ANEW)

    def note_shortage(self, missing: int) -> None:
        """Note that a job found too little memory, and how many bytes it lacked; 0 where it did not say."""
        self._shortages += 1
        self._missing = missing

    def use(self) -> MemoryUse:
        """Return what the process takes. May ask a driver, and wait for it."""
        use = MemoryUse(
            max(self._loading_peak, self._peak_bytes()), shortages=self._shortages, missing=self._missing
        )
        torch = sys.modules.get("torch")
        for kind in WITH_PEAKS:
            # RuntimeError: of a context that is lost, which can tell nothing
            with suppress(AttributeError, RuntimeError):
                device = getattr(torch, kind)
                if device.is_available() and device.is_initialized():
                    return msgspec.structs.replace(
                        use,
                        gpu=int(device.memory_reserved()),
                        gpu_peak=int(device.max_memory_reserved()),
                        gpu_peak_used=int(device.max_memory_allocated()),
                    )
        return use

    def _unshared_bytes(self) -> int:
        """Return the bytes that are this process's alone now; 0 where that is not known."""
        with suppress(OSError, ValueError, IndexError):
            fields = (self._proc / "statm").read_text().split()
            return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
        return 0

    def _peak_bytes(self) -> int:
        """Return the most that this process has held since it was loaded; 0 where that is not known."""
        with suppress(OSError):
            if found := HIGH_WATER_MARK.search((self._proc / "status").read_text("utf-8", "replace")):
                return int(found[1]) * 1024
        with suppress(ImportError):  # of Windows, which has none
            import resource

            unit = 1 if sys.platform == "darwin" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return 0
