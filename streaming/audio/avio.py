"""Where FFmpeg meets our files and our errors: what it writes to, what it may read, and how its faults are
told.
"""

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
"""demuxers that hold their sound in themselves, and know it by its content; playlists, scripts and manifests
are not here
"""
MOST_STREAMS = 256
"""a broadcast has a few dozen"""
PROBED_BYTES = 1_000_000
NOT_DECODED = "The audio file could not be decoded or its format is not supported."
FAULTS = (av.error.FFmpegError, ValueError, EOFError, MemoryError)
"""what PyAV raises over bytes that make no sense, and options no codec takes"""


@contextmanager
def decoding() -> Iterator[None]:
    """Tell FFmpeg's faults as BadAudio."""
    try:
        yield
    except FAULTS as exc:
        raise BadAudio(NOT_DECODED, param="file") from exc


@contextmanager
def encoding(codec: str) -> Iterator[None]:
    """Tell FFmpeg's faults as EngineFailed."""
    try:
        yield
    except FAULTS as exc:
        raise EngineFailed(f"The audio could not be encoded by {codec}.") from exc


class Sink(io.RawIOBase):
    """Where FFmpeg writes: no seeking, so that it writes as for a stream."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep what is written."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Give what has been written since."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class Upload:
    """A file by its content alone: a name would lend its ending to the guess of what it is."""

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
    with decoding():
        return av.open(
            Upload(source),
            "r",
            options={
                "format_whitelist": CONTAINERS,
                "protocol_whitelist": "none",
                "probesize": str(PROBED_BYTES),
                "max_streams": str(MOST_STREAMS),
            },
            metadata_errors="replace",
        )
