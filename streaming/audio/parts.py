"""The parts of a recording: files one behind the other, in one file.

Radio streams are recorded as chained Ogg, downloads put fragmented MP4 together, broadcasts change their
coding at a program's end. FFmpeg ends at such a place, or decodes what follows as what was before; so each
part is opened as a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from streaming.audio import part_ends, transport_stream
from streaming.audio.id3 import behind_tags
from streaming.audio.part_ends import Begin
from streaming.audio.recording import Source

SIGNATURE_BYTES = 12
Begins = Callable[[Source, int], Iterator[Begin]]
"""yields where the second and later parts of a file of so many bytes begin"""
BY_SIGNATURE: tuple[tuple[int, tuple[bytes, ...], Begins], ...] = (
    (0, (b"OggS",), part_ends.ogg),
    (0, (b"\x1a\x45\xdf\xa3",), part_ends.matroska),
    (0, (b"RIFF",), part_ends.riff),
    (0, (b"FORM",), part_ends.aiff),
    (4, (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip"), part_ends.mp4),
)
"""what a format's files have at which offset, and what finds their parts"""


class Part:
    """Bytes of a file as if they were one, behind a head that stands elsewhere."""

    def __init__(self, source: Source, begin: int, end: int, head: bytes = b"") -> None:
        self._source = source
        self._begin = begin - len(head)
        """where the whole would begin in the file"""
        self._head = head
        self.size = end - self._begin
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end."""
        left = max(0, self.size - self._position)
        wanted = left if size < 0 else min(size, left)
        if self._position < len(self._head):
            data = self._head[self._position : self._position + wanted]
            self.seek(self._position + len(data))
            return data
        data = self._source.read(wanted)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return the new position. Raises ValueError before the begin."""
        position = offset + (0, self._position, self.size)[whence]
        if position < 0:
            raise ValueError("a position before the begin")
        self._source.seek(self._begin + max(position, len(self._head)))
        self._position = position
        return position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class Found(msgspec.Struct, frozen=True):
    """A part of a recording."""

    source: Source
    size: int
    number: int
    """from 1"""
    is_last: bool

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the recording."""
        return self.number == 1 and self.is_last


def parts(source: Source) -> Iterator[Found]:
    """Yield the parts of a seekable file, from its start, each to be read before the next is asked for.

    Raises BadAudio for a file of too many pieces.
    """
    source = behind_tags(source)
    signature = source.read(SIGNATURE_BYTES)
    size = source.seek(0, 2)
    number, begin, head = 1, 0, b""
    for following in _begins(source, signature)(source, size):
        if following.is_rubbish:
            size = following.offset
            break
        yield Found(Part(source, begin, following.offset, head), following.offset - begin, number, False)
        number, begin, head = number + 1, following.offset, following.head
    is_whole = number == 1 and size == source.seek(0, 2)
    source.seek(begin)
    last = source if is_whole else Part(source, begin, size, head)
    yield Found(last, size - begin, number, True)


def _begins(source: Source, signature: bytes) -> Begins:
    for offset, signatures, begins in BY_SIGNATURE:
        if signature[offset:].startswith(signatures):
            return begins
    return transport_stream.parts if transport_stream.is_one(source) else _none


def _none(_source: Source, _size: int) -> Iterator[Begin]:
    return iter(())
