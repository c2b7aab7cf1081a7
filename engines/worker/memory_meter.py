"""What this process takes of memory, at most: that is what a model needs, not what it holds after a word.

While a model is loaded, pages of its files count as memory of the process, though the system takes them back
where it needs them. So of that time only what is the process's alone counts, and the kernel's own record of
the most (VmHWM) from then on: writing 5 to clear_refs begins it anew (proc_pid_clear_refs(5)).

Apple's GPUs have no memory but the machine's, and what they have of it is not in what the kernel says of a
process.
It is added to that: where a part of it is in both, that is more than the model takes, never less.
"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engines.wire.memory_use import MemoryUse

PROC = Path("/proc/self")
LOOK_SECONDS = 0.05
"""between two looks at a process that loads"""
HIGH_WATER_MARK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
BEGIN_ANEW = "5"
WITH_PEAKS = ("cuda", "xpu")
"""torch's devices that keep a record of the most that they held"""


class Held(NamedTuple):
    """Bytes that a process holds of the memory that an Apple GPU shares with the machine."""

    now: int = 0
    """with what its library keeps for later"""
    most: int = 0


class MemoryMeter:
    """Measures the memory of this process; `proc` is where the kernel tells of it."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._loading_peak = 0
        self._shortages = 0
        self._missing = 0
        self._device = ""
        self._shared = Held()

    def computes_on(self, device: str) -> None:
        """Note what the engine, which is loaded, computes on."""
        self._device = device.partition(":")[0]

    def look(self) -> None:
        """Look at what is held of a GPU whose library keeps no record of the most, as a job has ended."""
        found = _shared_bytes(self._device)
        self._shared = Held(found.now, max(found.most, self._shared.most))

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
        self.look()
        use = MemoryUse(
            max(self._loading_peak, self._peak_bytes()) + self._shared.most,
            gpu=self._shared.now,
            gpu_peak=self._shared.most,
            shortages=self._shortages,
            missing=self._missing,
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


def _shared_bytes(device: str) -> Held:
    """Return what this process holds of the memory of Apple's GPU, where it computes on that."""
    # AttributeError: of a library that is older; RuntimeError: of a device that can tell nothing
    with suppress(AttributeError, RuntimeError):
        if device == "mps" and (torch := sys.modules.get("torch")):
            # with what torch keeps for later, which has all that a job took until it is given back
            now = int(torch.mps.driver_allocated_memory())
            return Held(now, now)
        if device == "mlx" and (mlx := sys.modules.get("mlx.core")):
            now = int(mlx.get_active_memory()) + int(mlx.get_cache_memory())
            return Held(now, max(now, int(mlx.get_peak_memory())))
    return Held()
