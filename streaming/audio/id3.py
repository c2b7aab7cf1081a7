"""Recordings behind ID3v2 tags (id3.org, id3v2.4.0-structure): some programs put one before any format.

FFmpeg knows what follows a tag only where the tag is small; a picture of a cover has megabytes.
"""

from __future__ import annotations

from streaming.audio.recording import Source

HEADER_BYTES = 10
HAS_FOOTER = 0x10
MOST_TAGS = 16


class Offset:
    """A recording from one of its bytes on, as if it began there."""

    def __init__(self, source: Source, begin: int) -> None:
        self._source = source
        self._begin = begin
        self.read = source.read

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return the new position. Raises ValueError before the begin."""
        if whence == 0 and offset < 0:
            raise ValueError("a position before the begin")
        return self._source.seek(offset + self._begin if whence == 0 else offset, whence) - self._begin

    def tell(self) -> int:
        """Return the position."""
        return self._source.tell() - self._begin


def behind_tags(source: Source) -> Source:
    """Return a recording from behind the tags at its begin, at its begin."""
    begin = 0
    for _ in range(MOST_TAGS):
        source.seek(begin)
        size = tag_bytes(source.read(HEADER_BYTES))
        if not size:
            break
        begin += size
    found: Source = Offset(source, begin) if begin else source
    found.seek(0)
    return found


def tag_bytes(header: bytes) -> int:
    """Return how long the tag is whose first bytes these are; 0 where they are none."""
    if len(header) < HEADER_BYTES or header[:3] != b"ID3" or 0xFF in header[3:5] or max(header[6:]) > 0x7F:
        return 0
    size = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
    return HEADER_BYTES + size + (HEADER_BYTES if header[5] & HAS_FOOTER else 0)
