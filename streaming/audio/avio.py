"""FFmpeg's access to our files, and its errors as ours: what it writes to, what it may read."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import av
import av.error
from av.container import InputContainer

from engines.errors import BadAudio, EngineFailed
from streaming.audio.id3 import behind_tags
from streaming.audio.recording import Source

CONTAINERS = (
    "wav,w64,mp3,mov,matroska,ogg,flac,aac,aiff,caf,amr,amrnb,amrwb,asf,avi,flv,live_flv,mpeg,mpegts,mpegvideo,au,ac3,eac3,dts,"
    "loas,latm,wv,ape,tta,voc,tak,rm,nut,mpc,mpc8"
)
"""demuxers of formats that contain their audio, and are recognised by their content; playlists, scripts and
manifests are not here
"""
MAX_STREAMS = 256
"""a broadcast has a few dozen"""
PROBE_BYTES = 1_000_000
"""of packets, by which FFmpeg finds out what the streams are"""
PROBE_READ_BYTES = 67_108_864
"""that may be read until a container is open: some hold pictures of tens of megabytes before the sound"""
PROBE_CALLS = 400_000
"""reads and seeks until then: a RIFF file of 60 MB may have eight million chunks"""
STEP_SECONDS = 10.0
"""of the processor, for opening a container and for each half second of sound"""
NOT_DECODED = "The audio file could not be decoded or its format is not supported."
FFMPEG_ERRORS = (av.error.FFmpegError, ValueError, EOFError, MemoryError)
"""what PyAV raises over bytes that make no sense, and options no codec accepts"""


@contextmanager
def map_decode_errors() -> Iterator[None]:
    """Raise FFmpeg's errors as BadAudio."""
    try:
        yield
    except FFMPEG_ERRORS as exc:
        raise BadAudio(NOT_DECODED, param="file") from exc


@contextmanager
def map_encode_errors(codec: str) -> Iterator[None]:
    """Raise FFmpeg's errors as EngineFailed."""
    try:
        yield
    except FFMPEG_ERRORS as exc:
        raise EngineFailed(f"The audio could not be encoded by {codec}.") from exc


class Sink(io.RawIOBase):
    """A file that FFmpeg writes into memory; it cannot seek, so that FFmpeg writes as for a stream."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Return True: it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep what is written, and return its length."""
        self._parts.append(bytes(data))
        return len(data)

    def drain(self) -> bytes:
        """Return what has been written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class UploadReader:
    """An upload as FFmpeg reads it: without its name, whose ending would weigh in the guess of the format.

    Until the container is `opened`, so many bytes and calls may be spent, and in each step so many seconds of
    the processor. What needs more ends there as if the file were over, and so does what cannot be read:
    PyAV would keep an exception for whatever its thread does next. `check` raises the reason.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.tell = source.tell
        self._bytes_left: float = PROBE_READ_BYTES
        self._calls_left: float = PROBE_CALLS
        self._failure: Exception | None = None
        self.begin_step()

    def begin_step(self) -> None:
        """Begin another step, in the thread that does it."""
        self._step_ends = time.thread_time() + STEP_SECONDS

    def opened(self) -> None:
        """Note that the container is open: from here on only steps are bounded."""
        self._bytes_left = self._calls_left = math.inf

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end or once a bound is reached."""
        self._calls_left -= 1
        if self._bytes_left <= 0 or self._calls_left <= 0 or time.thread_time() > self._step_ends:
            self._failure = self._failure or BadAudio(NOT_DECODED, param="file")
        if self._failure:
            return b""
        try:
            data = self._source.read(size)
        except (OSError, ValueError) as exc:  # the latter where it was closed
            self._failure = exc
            return b""
        self._bytes_left -= len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return the new position; -1 where the file cannot be read any more."""
        self._calls_left -= 1
        try:
            return self._source.seek(offset, whence)
        except (OSError, ValueError) as exc:
            self._failure = self._failure or exc
            return -1

    def check(self) -> None:
        """Raise BadAudio if a bound was reached, or what broke the file."""
        if self._failure:
            raise self._failure


def open_upload(source: Source) -> tuple[InputContainer, UploadReader]:
    """Open a seekable file, from its start, and return what reads it too. Raises BadAudio.

    FFmpeg gets this one file and can open nothing else: the container must be one of CONTAINERS, and whatever
    else it were to ask for would need a protocol, of which none is allowed.
    """
    reader = UploadReader(behind_tags(source))
    try:
        with map_decode_errors():
            container = av.open(
                reader,
                "r",
                options={
                    "format_whitelist": CONTAINERS,
                    "protocol_whitelist": "none",
                    "probesize": str(PROBE_BYTES),
                    "max_streams": str(MAX_STREAMS),
                },
                metadata_errors="replace",
            )
    except BadAudio:
        reader.check()  # which may know better why
        raise
    try:
        reader.check()
    except BaseException:  # whatever it is, nobody else would close it
        container.close()
        raise
    reader.opened()
    return container, reader
