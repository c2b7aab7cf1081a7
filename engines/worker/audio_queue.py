"""PCM on its way from the event loop to the engine's thread: in memory, and on disk where it waits long."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO

from engines.api import BYTES_PER_SAMPLE

MAX_IN_MEMORY = 2 * 1024 * 1024
"""bytes of audio that wait for the engine in memory; what comes after them waits in a file"""
MAX_ON_DISK = 24 * 3600 * BYTES_PER_SAMPLE * 16_000
"""bytes of that file, a day at 16 kHz; beyond it, or where the disk is full, the sender waits"""
READ_SIZE = 64 * 1024
"""bytes that are read from the file at once"""
FULL_POLL_SECONDS = 0.01
"""between two looks of a sender that waits"""


class DiskBuffer:
    """Bytes on disk, first in, first out, in a file without a name, of which nothing stays.

    One thread writes, another reads.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._start = 0
        """offset of the first byte that was not read yet"""
        self._end = 0
        """offset behind the last byte that was written"""
        self._closed = False

    def write(self, chunk: bytes) -> bool:
        """Write a chunk, and return whether there was room for it."""
        with self._lock:
            if self._start == self._end:
                self._start = 0
                self._end = 0
            if self._closed or self._end + len(chunk) > self._limit:
                return False
            try:
                self._write(chunk)
            except OSError:
                return False
            self._end += len(chunk)
            return True

    def _write(self, chunk: bytes) -> None:
        self._file = self._file or tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        self._file.seek(self._end)
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]

    def read(self, size: int) -> bytes:
        """Return the first bytes, `size` at most, and remove them."""
        with self._lock:
            if self._closed or self._file is None:
                return b""
            self._file.seek(self._start)
            chunk = self._file.read(min(size, self._end - self._start))
            self._start += len(chunk)
            return chunk

    def close(self) -> None:
        """Delete the file, with what still waits there."""
        with self._lock:
            self._closed = True
            if self._file:
                self._file.close()


class AudioQueue:
    """PCM from the event loop to the engine's thread; iterating blocks until there is more.

    However far the engine lags, what comes is accepted, or the client's leaving would not be seen behind it:
    up to `disk_limit` bytes wait on disk.
    """

    def __init__(self, disk_limit: int = MAX_ON_DISK) -> None:
        self._chunks: deque[bytes] = deque()
        self._in_memory = 0
        """bytes of the chunks"""
        self._disk = DiskBuffer(disk_limit)
        self.on_disk = 0
        """bytes on disk, all of them later than the chunks"""
        self._closed = False
        self._changed = threading.Condition()

    async def put(self, chunk: bytes) -> None:
        """Add a chunk, on disk where too many wait already."""
        if self._full and await asyncio.to_thread(self._disk.write, chunk):
            with self._changed:
                self.on_disk += len(chunk)
                self._changed.notify()
            return
        while self._full and not self._closed:  # noqa: ASYNC110 - the engine's thread has no loop
            await asyncio.sleep(FULL_POLL_SECONDS)
        with self._changed:
            self._chunks.append(chunk)
            self._in_memory += len(chunk)
            self._changed.notify()

    @property
    def _full(self) -> bool:
        return self.on_disk > 0 or self._in_memory > MAX_IN_MEMORY

    def close(self) -> None:
        """Mark the end: no more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def discard(self) -> None:
        """Drop what waits: the job is over. It may block for a while."""
        with self._changed:
            self._closed = True
            self.on_disk = 0
            self._chunks.clear()
            self._changed.notify()
        self._disk.close()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self.on_disk and not self._closed:
                    self._changed.wait()
                if not self._chunks and not self.on_disk:
                    return
                chunk, on_disk = (self._chunks.popleft(), 0) if self._chunks else (b"", self.on_disk)
                self._in_memory -= len(chunk)
            if on_disk:
                chunk = self._disk.read(min(READ_SIZE, on_disk))
                with self._changed:
                    self.on_disk -= min(self.on_disk, len(chunk))
                if not chunk:
                    return
            yield chunk
