"""Pulls that are under way in this process: who wants the same as another joins it, and it ends when nobody
wants it any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from engines.catalogue.records import Source
from engines.hub.download import CANCELLED, Stop
from engines.hub.errors import ModelError, PullCancelled
from engines.hub.progress import Progress, Tally

TICK = 0.1
"""seconds between two reports, and between two looks whether somebody wants to leave"""
PARTING = 0.5
"""seconds that the last one to leave waits for the work to end, so that its files are closed"""
Work = Callable[[Tally, Stop], Path]
Key = tuple[Source, ...]


class SharedPull:
    """One pull, in a thread of its own."""

    def __init__(self, name: str, work: Work) -> None:
        self._stop = Stop()
        self.passengers = 0
        self._tally = Tally(name)
        self._landed = threading.Event()
        self._path: Path | None = None
        self._error: Exception | None = None
        self._work = work
        threading.Thread(target=self._fly, name=f"pull {name}", daemon=True).start()

    def ride(self, progress: Callable[[Progress], None], cancel: threading.Event) -> Path:
        """Wait for its end, and tell how far it is. Raises ModelError; PullCancelled for this passenger
        alone.
        """
        while not self._landed.wait(TICK):
            if cancel.is_set():
                raise PullCancelled(CANCELLED, code="pull_cancelled")
            progress(self._tally.progress())
        progress(self._tally.progress())
        if self._path is None:
            raise self._error or ModelError("The pull ended without a result.")
        return self._path

    def over(self) -> bool:
        """Tell whether nobody can join any more."""
        return self._landed.is_set()

    def abandon(self) -> None:
        """End it, be it that it has ended."""
        self._stop.set()
        self._landed.wait(PARTING)

    def _fly(self) -> None:
        try:
            self._path = self._work(self._tally, self._stop)
        except Exception as exc:  # whatever it is, it is the passengers' to raise
            self._error = exc
        finally:
            self._landed.set()


class SharedPulls:
    """All pulls of one folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Key, SharedPull] = {}

    def take(
        self, key: Key, name: str, work: Work, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Path:
        """Join the pull of the same files, or begin it, and wait for its end. Raises ModelError."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or flight.over():
                flight = self._flights[key] = SharedPull(name, work)
            flight.passengers += 1
        try:
            return flight.ride(progress, cancel)
        finally:
            self._leave(key, flight)

    def _leave(self, key: Key, flight: SharedPull) -> None:
        with self._lock:
            flight.passengers -= 1
            if flight.passengers:
                return
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.abandon()
