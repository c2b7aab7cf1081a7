"""What a recording is read from, what it declares of itself, and the bounds that it is read within."""

from __future__ import annotations

from typing import Protocol

import msgspec

CHUNK_SECONDS = 0.5
"""of sound that is decoded at a time"""
SHORTEST_SECONDS = 0.1
MOST_SILENCE = 3600.0
"""seconds of silence that one recording is filled with, in all its holes together"""


class Source(Protocol):
    """A file as far as an upload needs to be one."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""
        ...

    def tell(self) -> int:
        """Return the position."""
        ...


class AudioFacts(msgspec.Struct, frozen=True):
    """What a recording declares of itself, by FFmpeg's names."""

    container: str
    codec: str
    rate: int
    """the sample rate in Hertz"""
    channels: int
    duration: float | None
    """seconds, where they are known"""
