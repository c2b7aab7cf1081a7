"""The progress of a pull: bytes, files, speed and time to go."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Literal

import msgspec

PullState = Literal["looking", "waiting", "pulling", "done"]
"""asking what there is, waiting for another pull of the same files, pulling, all there"""
SPEED_WINDOW = 5.0
"""seconds over which the speed is measured"""
MIN_INTERVAL = 0.05
"""seconds between two measurements that are kept"""


class PullProgress(msgspec.Struct, frozen=True):
    """The progress of a pull at one moment; sizes are bytes, and those of earlier pulls count as done."""

    model: str
    state: PullState = "looking"
    done: int = 0
    total: int = 0
    """0 until the hub has listed the files"""
    speed: float = 0.0
    """bytes a second, over the last few seconds"""
    eta: float | None = None
    """seconds to go at that speed"""
    file: str = ""
    """the one that is being downloaded"""
    files_done: int = 0
    files_total: int = 0


class SpeedMeter:
    """A measurement of bytes a second over the last few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int]] = deque()
        """times, and the bytes that were there"""

    def add(self, done: int) -> None:
        """Record how many bytes are there now; the first record is where measuring begins."""
        now = self._clock()
        with self._lock:
            if len(self._samples) > 1 and now - self._samples[-2][0] < MIN_INTERVAL:
                self._samples.pop()
            self._samples.append((now, done))
            while len(self._samples) > 2 and self._samples[1][0] < now - SPEED_WINDOW:
                self._samples.popleft()

    def speed(self) -> float:
        """Return the bytes a second up to now: 0 once nothing was recorded for a whole window."""
        now = self._clock()
        with self._lock:
            if not self._samples or self._samples[-1][0] < now - SPEED_WINDOW:
                return 0.0
            began, first = self._samples[0]
            return max(0.0, self._samples[-1][1] - first) / (now - began) if now > began else 0.0


class ProgressTracker:
    """The progress of a pull as its thread records it and other threads read it."""

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meter = SpeedMeter(clock)
        self._model = model
        self._sizes: dict[Hashable, int] = {}
        self._present: dict[Hashable, int] = {}
        self._done = 0
        self.state: PullState = "looking"
        self.file = ""

    def begin(self) -> None:
        """Begin to pull from a source, whatever was begun from another."""
        self._present, self._sizes = {}, {}  # who reads looks up in the second what it finds in the first
        self._done = 0
        self._meter = SpeedMeter(self._clock)
        self.state, self.file = "looking", ""

    def set_sizes(self, sizes: dict[Hashable, int]) -> None:
        """Set the size in bytes of every file to pull; of none anything is there yet."""
        self._sizes = sizes  # first: who reads meanwhile looks up in it what it finds in the other
        self._present = dict.fromkeys(sizes, 0)
        self._done = 0

    def set_present(self, file: Hashable, size: int) -> None:
        """Set how many bytes of a file are on the disk."""
        self._done += size - self._present[file]
        self._present[file] = size
        if self.state != "looking":  # what an earlier pull brought is no speed
            self._meter.add(self._done)

    def progress(self) -> PullProgress:
        """Return the progress at this moment."""
        sizes = self._sizes
        total, done = sum(sizes.values()), self._done
        speed = self._meter.speed() if self.state in ("waiting", "pulling") else 0.0
        return PullProgress(
            model=self._model,
            state=self.state,
            done=done,
            total=total,
            speed=speed,
            eta=(total - done) / speed if speed else None,
            file=self.file,
            files_done=sum(size >= sizes.get(file, 0) for file, size in list(self._present.items())),
            files_total=len(sizes),
        )
