"""Pulls under way in this process: who wants the same files as another joins its pull, which ends when nobody
wants it any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from pathlib import Path

from engines.hub.download import CANCELLED_MESSAGE, Cancellation
from engines.hub.errors import ModelError, PullCancelled
from engines.hub.progress import ProgressTracker, PullProgress

REPORT_SECONDS = 0.1
"""between two reports of progress, and between two checks whether a waiter has cancelled"""
STOP_SECONDS = 0.5
"""that the last waiter to leave waits for the thread to end, so that its files are closed"""
Work = Callable[[ProgressTracker, Cancellation], Path]
"""pulls, and returns the folder of the files; raises ModelError"""


class SharedPull:
    """One pull in a thread of its own, for any number of waiters."""

    def __init__(self, name: str, work: Work) -> None:
        self._cancellation = Cancellation()
        self.waiters = 0
        self._tracker = ProgressTracker(name)
        self._finished = threading.Event()
        self._path: Path | None = None
        self._error: Exception | None = None
        self._work = work
        threading.Thread(target=self._run, name=f"pull {name}", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether it has ended, so that nobody can join any more."""
        return self._finished.is_set()

    def wait(self, on_progress: Callable[[PullProgress], None], cancel: threading.Event) -> Path:
        """Wait for the end of the pull and return its folder, reporting progress meanwhile.

        Raises ModelError, and PullCancelled for this waiter alone once `cancel` is set.
        """
        while not self._finished.wait(REPORT_SECONDS):
            if cancel.is_set():
                raise PullCancelled(CANCELLED_MESSAGE, code="pull_cancelled")
            on_progress(self._tracker.progress())
        on_progress(self._tracker.progress())
        if self._path is None:
            raise self._error or ModelError("The pull ended without a result.")
        return self._path

    def stop(self) -> None:
        """Cancel the pull, if it has not ended, and wait a moment until it has."""
        self._cancellation.cancel()
        self._finished.wait(STOP_SECONDS)

    def _run(self) -> None:
        try:
            self._path = self._work(self._tracker, self._cancellation)
        except Exception as exc:  # whatever it is, it is raised in the threads that wait
            self._error = exc
        finally:
            self._finished.set()


class SharedPulls:
    """All pulls into one folder, by what they pull."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulls: dict[Hashable, SharedPull] = {}

    def join(
        self,
        key: Hashable,
        name: str,
        work: Work,
        on_progress: Callable[[PullProgress], None],
        cancel: threading.Event,
    ) -> Path:
        """Join the pull of the same files, or begin it, and wait for its end. Raises ModelError."""
        with self._lock:
            pull = self._pulls.get(key)
            if pull is None or pull.finished:
                pull = self._pulls[key] = SharedPull(name, work)
            pull.waiters += 1
        try:
            return pull.wait(on_progress, cancel)
        finally:
            self._leave(key, pull)

    def _leave(self, key: Hashable, pull: SharedPull) -> None:
        """Take a waiter off a pull, and stop it with the last one."""
        with self._lock:
            pull.waiters -= 1
            if pull.waiters:
                return
            if self._pulls.get(key) is pull:
                del self._pulls[key]
        pull.stop()
