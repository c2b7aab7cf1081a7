"""FFmpeg's access to our files, and its errors as ours: what it writes to, what it may read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import av
import av.error
from av.container import InputContainer

from engines.errors import BadAudio, EngineFailed

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


class UnnamedFile:
    """A file without its name, whose ending FFmpeg would let weigh in its guess of the format."""

    def __init__(self, source: IO[bytes]) -> None:
        self.read = source.read
        self.seek = source.seek
        self.tell = source.tell


def open_upload(source: IO[bytes]) -> InputContainer:
    """Open a seekable file, from its start. Raises BadAudio.

    FFmpeg gets this one file and can open nothing else: the container must be one of CONTAINERS, and whatever
    else it were to ask for would need a protocol, of which none is allowed.
    """
    source.seek(0)
    with map_decode_errors():
        return av.open(
            UnnamedFile(source),
            "r",
            options={
                "format_whitelist": CONTAINERS,
                "protocol_whitelist": "none",
                "probesize": str(PROBE_BYTES),
                "max_streams": str(MAX_STREAMS),
            },
            metadata_errors="replace",
        )
