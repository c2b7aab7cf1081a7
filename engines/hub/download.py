"""The download of one file: checked as it arrives, resumed where it was cut."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import msgspec

from engines.hub.errors import ModelDamaged, ModelUnreachable, PullCancelled
from engines.hub.hashing import BLOCK_SIZE, Digest, new_digest
from engines.hub.layout import RemoteFile
from engines.hub.responses import FileBody

Result = TypeVar("Result")
IMPATIENT_ATTEMPTS = 2
CANCELLED_MESSAGE = "It was cancelled. What has come is kept: pull it again to go on."


class DownloadPolicy(msgspec.Struct, frozen=True):
    """When a hub that answers badly is tried again, and when it is given up; times in seconds."""

    stall_timeout: float = 20.0
    """without a byte, before a connection is given up"""
    attempts: int = 4
    """in a row that bring nothing, before the pull is given up"""
    retry_delay: float = 1.0
    """before the second attempt; doubles with each"""
    max_delay: float = 60.0
    """that is waited when the hub says how long; above it the pull is given up at once"""

    def impatient(self) -> DownloadPolicy:
        """Return the policy of asking one who is not the only one that may have it."""
        return msgspec.structs.replace(self, attempts=min(self.attempts, IMPATIENT_ATTEMPTS))


class Cancellation:
    """The means to end a pull from another thread, wherever it is."""

    def __init__(self, event: threading.Event | None = None) -> None:
        self._event = event or threading.Event()
        self._response: FileBody | None = None

    def cancel(self) -> None:
        """End the pull, and the response that it reads."""
        self._event.set()
        if response := self._response:
            response.abort()

    def check(self) -> None:
        """Raise PullCancelled if it is cancelled."""
        self.sleep(0.0)

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds. Raises PullCancelled as soon as it is cancelled."""
        if self._event.wait(seconds) if seconds else self._event.is_set():
            raise PullCancelled(CANCELLED_MESSAGE, code="pull_cancelled")

    @contextmanager
    def aborting(self, response: FileBody) -> Iterator[None]:
        """Abort a response when cancelled during the block. Raises PullCancelled in place of what its reader
        then gets.
        """
        self._response = response
        try:
            self.check()
            yield
        finally:
            self._response = None
            self.check()


class Transfer(NamedTuple):
    """A file that is to be downloaded."""

    name: str
    """for people"""
    file: RemoteFile
    partial: Path
    """where its bytes go until all are there"""
    blob: Path
    """where it lies then"""
    open: Callable[[int], AbstractContextManager[FileBody]]
    """requests it from a byte on; the answer may begin at 0 all the same; raises ModelError"""
    sender: str = "the hub"
    expected: str = "it lists"
    """who says what the file is to be"""

    def damaged(self, reason: str) -> ModelDamaged:
        """Return the error of a file that is not what it should be."""
        return ModelDamaged(
            f"{self.name} came damaged: {self.sender} {reason} than {self.expected}."
            " It was deleted: pull it again.",
            (self.name,),
        )


class PartialBlob:
    """The bytes of one file that are on the disk, and their hash so far.

    Who writes holds the lock of the repository. Where locks do not lock (some network file systems) two may
    write at once: the hash shows it, and the file is begun anew.
    """

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._partial = transfer.partial
        self._remote = transfer.file
        self._partial.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("ab")
        self.size = self._file.tell()
        self._digest = self._hash_present() if self.size <= self._remote.size else self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def restart(self) -> Digest:
        """Delete the bytes that are there, and return the empty digest."""
        self._file.truncate(0)
        self.size = 0
        self._digest = new_digest(self._remote.etag, self._remote.size)
        return self._digest

    def write(self, data: bytes) -> None:
        """Append bytes. Raises ModelDamaged when they are more than there should be."""
        if self.size + len(data) > self._remote.size:
            raise self._delete_damaged("sends more of it")
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def finish(self, blob: Path) -> None:
        """Check the hash, and rename the file to the blob. Raises ModelDamaged."""
        if self._digest.hexdigest() != self._remote.etag:
            raise self._delete_damaged("sends another file")
        self._file.flush()
        # or a power cut could leave a blob of the right name and length, and of zeros
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(blob)

    def _delete_damaged(self, reason: str) -> ModelDamaged:
        """Delete the bytes, and return the error that says why."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
        return self._transfer.damaged(reason)

    def _hash_present(self) -> Digest:
        """Return the digest of the bytes that are there."""
        digest = new_digest(self._remote.etag, self._remote.size)
        with self._partial.open("rb") as file:
            while data := file.read(BLOCK_SIZE):
                digest.update(data)
        return digest


class Downloader:
    """Downloads files, trying again as its policy says."""

    def __init__(self, policy: DownloadPolicy, cancellation: Cancellation) -> None:
        self._policy = policy
        self._cancellation = cancellation

    def download(self, transfer: Transfer, on_progress: Callable[[int], None]) -> None:
        """Download a file; `on_progress` gets how many of its bytes are there.

        Raises ModelError and OSError.
        """
        with PartialBlob(transfer) as blob:

            def attempt() -> None:
                if blob.size < transfer.file.size:
                    self._read(transfer, blob, on_progress)

            self.retry(attempt, lambda: blob.size)
            blob.finish(transfer.blob)

    def _read(self, transfer: Transfer, blob: PartialBlob, on_progress: Callable[[int], None]) -> None:
        """Write the body of one response to a blob. Raises ModelUnreachable when that was not all of it."""
        name, size, sender = transfer.name, transfer.file.size, transfer.sender
        with transfer.open(blob.size) as response, self._cancellation.aborting(response):
            if response.length not in (None, size - response.start):
                message = (
                    f"{sender[0].upper()}{sender[1:]} should send {name} with {size} bytes and sends"
                    f" {response.length}: nothing of that was kept."
                )
                raise ModelDamaged(message, (name,))
            if response.start != blob.size:
                blob.restart()
            for data in response.chunks():
                self._cancellation.check()
                blob.write(data)
                on_progress(blob.size)
        if blob.size < size:
            raise ModelUnreachable(f"{sender[0].upper()}{sender[1:]} sent only a part of {name}.")

    def retry(self, attempt: Callable[[], Result], bytes_present: Callable[[], int] = lambda: 0) -> Result:
        """Return what an attempt returns, trying again after ModelUnreachable.

        Raises ModelError after too many attempts in a row that brought no further bytes.
        """
        failures, most = 0, bytes_present()
        while True:
            try:
                return attempt()
            except ModelUnreachable as exc:
                failures = 1 if bytes_present() > most else failures + 1
                most = max(most, bytes_present())
                delay = exc.retry_after or self._policy.retry_delay * 2 ** (failures - 1)
                if failures >= self._policy.attempts or delay > self._policy.max_delay:
                    raise
            self._cancellation.sleep(delay)
