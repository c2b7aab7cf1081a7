"""One file on its way from the hub into its blob: checked as it comes, resumed where it was cut."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

import msgspec

from engines.catalogue.records import Source
from engines.hub.errors import ModelDamaged, ModelUnreachable, PullCancelled
from engines.hub.hashing import PIECE, Digest, digest
from engines.hub.layout import RemoteFile, RepoFolder, Tree

if TYPE_CHECKING:
    from engines.hub.client import Answer, Hub

Result = TypeVar("Result")
CANCELLED = "It was cancelled. What has come is kept: pull it again to go on."


class Patience(msgspec.Struct, frozen=True):
    """How long a hub that does not answer well is borne with; times in seconds."""

    stall: float = 20.0
    """without a byte, before a connection is given up"""
    tries: int = 4
    """in a row that bring nothing, before the pull is given up"""
    pause: float = 1.0
    """before the second try; doubles with each"""
    longest: float = 60.0
    """that is waited when the hub says how long; above it the pull is given up at once"""


class Stop:
    """Ends a piece of work, from another thread, wherever it is."""

    def __init__(self, event: threading.Event | None = None) -> None:
        self._event = event or threading.Event()
        self._answer: Answer | None = None

    def set(self) -> None:
        """End it."""
        self._event.set()
        if answer := self._answer:
            answer.sever()

    def check(self) -> None:
        """Raise PullCancelled if it is to end."""
        self.rest(0.0)

    def rest(self, seconds: float) -> None:
        """Wait. Raises PullCancelled as soon as it is to end."""
        if self._event.wait(seconds) if seconds else self._event.is_set():
            raise PullCancelled(CANCELLED, code="pull_cancelled")

    @contextmanager
    def watching(self, answer: Answer) -> Iterator[None]:
        """Have an answer cut off when it is to end. Raises PullCancelled, in place of what its reader then
        gets.
        """
        self._answer = answer
        try:
            self.check()
            yield
        finally:
            self._answer = None
            self.check()


class Wanted(NamedTuple):
    """A file of a repository at a commit, and where it goes."""

    folder: RepoFolder
    source: Source
    commit: str
    path: str
    file: RemoteFile

    def present(self) -> bool:
        """Tell whether all its bytes are there."""
        return self.folder.has(self.commit, self.path, self.file)

    def arrived(self) -> int:
        """Give how many of its bytes are there."""
        return self.folder.arrived(self.commit, self.path, self.file)


class Blob:
    """The bytes of one file that are there, and their hash so far.

    Who writes holds the lock of the repository. Where locks do not lock (some network file systems) two may
    write at once: the hash tells, and the file is begun anew.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._partial = wanted.folder.partial(wanted.file.etag)
        self._path = wanted.path
        self._remote = wanted.file
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("ab")
        self.here = self._file.tell()
        self._digest = self._read_back() if self.here <= self._remote.size else self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def restart(self) -> Digest:
        """Forget the bytes."""
        self._file.truncate(0)
        self.here = 0
        self._digest = digest(self._remote.etag, self._remote.size)
        return self._digest

    def write(self, data: bytes) -> None:
        """Add some. Raises ModelDamaged when they are more than there should be."""
        if self.here + len(data) > self._remote.size:
            raise self._damaged("sends more of it than it lists")
        self._file.write(data)
        self._digest.update(data)
        self.here += len(data)

    def finish(self, blob: Path) -> None:
        """Put them where they belong. Raises ModelDamaged."""
        if self._digest.hexdigest() != self._remote.etag:
            raise self._damaged("lists another hash of it")
        self._file.flush()
        os.fsync(
            self._file.fileno()
        )  # or a power cut could leave a blob of the right name and length, and of zeros
        self._file.close()
        self._partial.replace(blob)

    def _damaged(self, reason: str) -> ModelDamaged:
        """Delete them, and say why."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
        return ModelDamaged(
            f"{self._path} came damaged: the hub {reason}. It was deleted: pull it again.", (self._path,)
        )

    def _read_back(self) -> Digest:
        found = digest(self._remote.etag, self._remote.size)
        with self._partial.open("rb") as file:
            while data := file.read(PIECE):
                found.update(data)
        return found


class Downloader:
    """Brings files of one hub, patiently."""

    def __init__(self, hub: Hub, patience: Patience, stop: Stop) -> None:
        self._hub = hub
        self._patience = patience
        self._stop = stop

    def list(self, source: Source) -> tuple[str, Tree]:
        """Give the commit that a source is at, and all files there. Raises ModelError."""
        return self.persist(lambda: self._hub.tree(source))

    def fetch(self, wanted: Wanted, reach: Callable[[int], None]) -> None:
        """Bring a file into its blob; `reach` is told how many of its bytes are there. Raises ModelError and
        OSError.
        """
        with Blob(wanted) as blob:

            def attempt() -> None:
                if blob.here < wanted.file.size:
                    self._transfer(wanted, blob, reach)

            self.persist(attempt, lambda: blob.here)
            blob.finish(wanted.folder.blob(wanted.file.etag))

    def _transfer(self, wanted: Wanted, blob: Blob, reach: Callable[[int], None]) -> None:
        """Read what comes of one answer. Raises ModelUnreachable when that was not all of it."""
        path, size = wanted.path, wanted.file.size
        with (
            self._hub.open(wanted.source, wanted.commit, path, blob.here) as answer,
            self._stop.watching(answer),
        ):
            if answer.length not in (None, size - answer.start):
                message = f"The hub lists {path} with {size} bytes and sends {answer.length}: nothing of that was kept."
                raise ModelDamaged(message, (path,))
            if answer.start != blob.here:
                blob.restart()
            for data in answer.chunks():
                self._stop.check()
                blob.write(data)
                reach(blob.here)
        if blob.here < size:
            raise ModelUnreachable(
                f"The hub sent only a part of {path}. What has come is kept: pull it again to go on."
            )

    def persist(self, attempt: Callable[[], Result], gained: Callable[[], int] = lambda: 0) -> Result:
        """Try until it works, or has brought nothing too often. Raises ModelError."""
        failures, best = 0, gained()
        while True:
            try:
                return attempt()
            except ModelUnreachable as exc:
                failures = 1 if gained() > best else failures + 1
                best = max(best, gained())
                wait = exc.retry_after or self._patience.pause * 2 ** (failures - 1)
                if failures >= self._patience.tries or wait > self._patience.longest:
                    raise
            self._stop.rest(wait)
