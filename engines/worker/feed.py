"""A recording on its way into the engine's thread: multipart off the wire, WAV header off the PCM, chunk by chunk."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from engines.api import BadInput, ListenJob

MAX_WAITING = 2 * 1024 * 1024
"""bytes of audio that may wait for the engine; beyond it the sender waits"""
FULL_PAUSE = 0.01
HEADER_LIMIT = 4096


class Feed:
    """PCM from the event loop to the engine's thread; iterating blocks until there is more."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()

    async def put(self, chunk: bytes) -> None:
        """Add a chunk, waiting while the engine lags."""
        while self._waiting > MAX_WAITING and not self._closed:  # noqa: ASYNC110 - the engine's thread has no loop
            await asyncio.sleep(FULL_PAUSE)
        with self._changed:
            self._chunks.append(chunk)
            self._waiting += len(chunk)
            self._changed.notify()

    def close(self) -> None:
        """Say that no more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self._closed:
                    self._changed.wait()
                if not self._chunks:
                    return
                chunk = self._chunks.popleft()
                self._waiting -= len(chunk)
            yield chunk


class WavStripper:
    """Takes a WAV as it comes and gives its PCM: everything behind the header of the `data` chunk, whole samples."""

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

    def __init__(self, content_type: str, feed: Feed) -> None:
        kind, options = parse_options_header(content_type)
        if kind != "multipart/form-data" or "boundary" not in options:
            raise BadInput("The body should be multipart/form-data with `options` and `audio`.")
        self._parser = PushMultipartParser(options["boundary"])
        self._feed = feed
        self._wav = WavStripper()
        self._part = ""
        self._options = b""
        self.job = ListenJob()
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
                    self.job = msgspec.json.decode(self._options, type=ListenJob)
                except msgspec.DecodeError as exc:
                    raise BadInput(f"`options` cannot be read: {exc}", param="options") from exc
            self.ready.set()

    async def _take(self, data: bytes) -> None:
        if self._part == "audio":
            if pcm := self._wav.push(data):
                await self._feed.put(pcm)
        elif self._part == "options":
            self._options += data
