"""How far a pull is."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Literal

import msgspec

State = Literal["looking", "waiting", "pulling", "done"]
"""asking the hub, waiting for another pull of the same files, pulling, all there"""
WINDOW = 5.0
"""seconds over which the speed is taken"""
GRAIN = 0.05
"""seconds between two notes that are kept"""


class Progress(msgspec.Struct, frozen=True):
    """A pull at one moment; sizes are bytes, and those of earlier pulls count as done."""

    model: str
    state: State = "looking"
    done: int = 0
    total: int = 0
    """0 until the hub has told"""
    speed: float = 0.0
    """bytes a second, over the last few seconds"""
    eta: float | None = None
    """seconds to go at that speed"""
    file: str = ""
    """the one that is coming"""
    files_done: int = 0
    files_total: int = 0


class Meter:
    """Measures bytes a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._notes: deque[tuple[float, int]] = deque()

    def note(self, done: int) -> None:
        """Take down how many bytes there are now; the first note is where measuring begins."""
        now = self._clock()
        with self._lock:
            if len(self._notes) > 1 and now - self._notes[-2][0] < GRAIN:
                self._notes.pop()
            self._notes.append((now, done))
            while len(self._notes) > 2 and self._notes[1][0] < now - WINDOW:
                self._notes.popleft()

    def speed(self) -> float:
        """Give the bytes a second up to now: 0 once nothing came for a whole window."""
        now = self._clock()
        with self._lock:
            if not self._notes or self._notes[-1][0] < now - WINDOW:
                return 0.0
            began, first = self._notes[0]
            return max(0.0, self._notes[-1][1] - first) / (now - began) if now > began else 0.0


class Tally:
    """What a pull writes down while it works, and others read."""

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._meter = Meter(clock)
        self._model = model
        self._sizes: dict[Hashable, int] = {}
        self._here: dict[Hashable, int] = {}
        self._done = 0
        self.state: State = "looking"
        self.file = ""

    def expect(self, sizes: dict[Hashable, int]) -> None:
        """Set what there is to pull, in bytes by file, once."""
        self._sizes = sizes  # first: who reads meanwhile looks up in it what it finds in the other
        self._here = dict.fromkeys(sizes, 0)

    def reach(self, file: Hashable, bytes_: int) -> None:
        """Set how many bytes of a file are there."""
        self._done += bytes_ - self._here[file]
        self._here[file] = bytes_
        if self.state != "looking":  # what an earlier pull brought is no speed
            self._meter.note(self._done)

    def progress(self) -> Progress:
        """Give the moment."""
        total, done = sum(self._sizes.values()), self._done
        speed = self._meter.speed() if self.state in ("waiting", "pulling") else 0.0
        return Progress(
            model=self._model,
            state=self.state,
            done=done,
            total=total,
            speed=speed,
            eta=(total - done) / speed if speed else None,
            file=self.file,
            files_done=sum(here >= self._sizes[file] for file, here in list(self._here.items())),
            files_total=len(self._sizes),
        )
