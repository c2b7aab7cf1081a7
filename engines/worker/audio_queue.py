"""A recording on its way into the engine's thread: multipart off the wire, WAV header off the PCM, chunk by
chunk.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from engines.api import TranscriptionJob
from engines.errors import BadInput

MAX_WAITING = 2 * 1024 * 1024
"""bytes of audio that wait for the engine in memory; what comes after them waits in a file"""
MAX_FILED = 24 * 3600 * 2 * 16_000
"""bytes of that file, a day at 16 kHz; beyond it, or where the disk is full, the sender waits"""
PIECE = 64 * 1024
FULL_PAUSE = 0.01
HEADER_LIMIT = 4096


class Backlog:
    """Bytes on disk, first in, first out, in a file without a name, of which nothing stays. One thread adds,
    another takes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._begin = self._end = 0
        self._closed = False

    def add(self, chunk: bytes) -> bool:
        """Add a chunk; False where there is no room for it."""
        with self._lock:
            if self._begin == self._end:
                self._begin = self._end = 0
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
        left = memoryview(chunk)
        while left:
            left = left[self._file.write(left) :]

    def take(self, size: int) -> bytes:
        """Take the first bytes, no more than `size` and those that were added."""
        with self._lock:
            if self._closed or self._file is None:
                return b""
            self._file.seek(self._begin)
            chunk = self._file.read(min(size, self._end - self._begin))
            self._begin += len(chunk)
            return chunk

    def close(self) -> None:
        """Give the room on disk back, with what still waits there."""
        with self._lock:
            self._closed = True
            if self._file:
                self._file.close()


class AudioQueue:
    """PCM from the event loop to the engine's thread; iterating blocks until there is more.

    However far the engine lags, what comes is taken, or the client's leaving would not be seen behind it: up
    to `limit` bytes wait on disk.
    """

    def __init__(self, limit: int = MAX_FILED) -> None:
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._backlog = Backlog(limit)
        self.filed = 0
        """bytes in the backlog, all of them later than the chunks"""
        self._closed = False
        self._changed = threading.Condition()

    async def put(self, chunk: bytes) -> None:
        """Add a chunk, on disk where too many wait already."""
        if self._full and await asyncio.to_thread(self._backlog.add, chunk):
            with self._changed:
                self.filed += len(chunk)
                self._changed.notify()
            return
        while self._full and not self._closed:  # noqa: ASYNC110 - the engine's thread has no loop
            await asyncio.sleep(FULL_PAUSE)
        with self._changed:
            self._chunks.append(chunk)
            self._waiting += len(chunk)
            self._changed.notify()

    @property
    def _full(self) -> bool:
        return self.filed > 0 or self._waiting > MAX_WAITING

    def close(self) -> None:
        """Say that no more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def discard(self) -> None:
        """Forget what waits: the job is over. It may take a while."""
        with self._changed:
            self._closed = True
            self.filed = 0
            self._chunks.clear()
            self._changed.notify()
        self._backlog.close()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self.filed and not self._closed:
                    self._changed.wait()
                if not self._chunks and not self.filed:
                    return
                chunk, filed = (self._chunks.popleft(), 0) if self._chunks else (b"", self.filed)
                self._waiting -= len(chunk)
            if filed:
                chunk = self._backlog.take(min(PIECE, filed))
                with self._changed:
                    self.filed -= min(self.filed, len(chunk))
                if not chunk:
                    return
            yield chunk


class WavStripper:
    """Takes a WAV as it comes and gives its PCM: everything behind the header of the `data` chunk, whole
    samples.
    """

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._odd = b""

    def push(self, data: bytes) -> bytes:
        """Give the PCM in the next bytes. Raises BadInput when this is no WAV."""
        if self._head is not None:
            self._head += data
            at = self._head.find(b"data")
            if at < 0 or len(self._head) < at + 8:
                if len(self._head) > HEADER_LIMIT or not b"RIFF".startswith(self._head[:4]):
                    raise BadInput("`audio` should be a WAV file.", param="audio")
                return b""
            data, self._head = self._head[at + 8 :], None
        data = self._odd + data
        whole = len(data) - len(data) % 2
        self._odd = data[whole:]
        return data[:whole]


class FormReader:
    """Reads a transcription request: `options` (JSON of a ListenJob), then `audio` (WAV) into the feed."""

    def __init__(self, content_type: str, feed: AudioQueue) -> None:
        kind, options = parse_options_header(content_type)
        if kind != "multipart/form-data" or "boundary" not in options:
            raise BadInput("The body should be multipart/form-data with `options` and `audio`.")
        self._parser = PushMultipartParser(options["boundary"])
        self._feed = feed
        self._wav = WavStripper()
        self._part = ""
        self._options = b""
        self.job = TranscriptionJob()
        self.ready = asyncio.Event()
        """set once the options are known and the audio begins, or the form has ended"""

    async def feed(self, data: bytes) -> None:
        """Take some more of the body. Raises BadInput."""
        try:
            for part in self._parser.parse(data):
                if isinstance(part, MultipartSegment):
                    self._begin(part.name)
                elif part is not None:
                    await self._take(bytes(part))
        except MultipartError as exc:
            raise BadInput(f"The multipart body is malformed: {exc}") from exc

    def _begin(self, name: str) -> None:
        self._part = name
        if name == "audio":
            if self._options:
                try:
                    self.job = msgspec.json.decode(self._options, type=TranscriptionJob)
                except msgspec.DecodeError as exc:
                    raise BadInput(f"`options` cannot be read: {exc}", param="options") from exc
            self.ready.set()

    async def _take(self, data: bytes) -> None:
        if self._part == "audio":
            if pcm := self._wav.push(data):
                await self._feed.put(pcm)
        elif self._part == "options":
            self._options += data
