"""Where further recordings begin in a file, by the structure of its format: nothing is decoded.

Ogg: RFC 3533. MP4: ISO/IEC 14496-12. Matroska and WebM: RFC 8794 and 9559. WAV, AVI and AIFF: EA IFF 85.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import msgspec

from engines.errors import BadAudio
from streaming.audio.recording import Source

MOST_PIECES = 3_000_000
"""pages, boxes and elements that are looked at: twelve gigabytes of Ogg, twelve seconds of the processor"""
SEARCHED = 65_536
"""bytes that are searched for a page at a time, behind damage"""
OGG_HEADER = 27
BEGINS_STREAM = 2
EBML = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
FORM_HEADER = 12
CHUNK_HEADER = 8
MOST_CHUNKS = 1000
"""of a form, that are counted to see whether its length is right"""
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)
"""of files that were written as a stream: nobody knows where they end"""


class Begin(msgspec.Struct, frozen=True):
    """Where a further recording begins."""

    offset: int
    head: bytes = b""
    """what belongs before it, and stands elsewhere"""
    is_rubbish: bool = False
    """it is no recording: what somebody left behind the last one"""


def ogg(source: Source, size: int) -> Iterator[Begin]:
    """Yield the links of a chain behind the first: pages that begin streams, behind others that do not."""
    position, in_head = 0, True
    for _ in _pieces():
        source.seek(position)
        header = source.read(OGG_HEADER + 255)
        if len(header) < OGG_HEADER:
            return
        if header[:4] != b"OggS":
            position = _next_page(source, position + 1)
            continue
        begins = bool(header[5] & BEGINS_STREAM)
        if begins and not in_head:
            yield Begin(position)
        in_head = begins
        segments = header[26]
        position += OGG_HEADER + segments + sum(header[OGG_HEADER : OGG_HEADER + segments])
        if position >= size:
            return


def _next_page(source: Source, position: int) -> int:
    """Return where the next page begins; the file's end where there is none."""
    source.seek(position)
    before = b""
    while data := source.read(SEARCHED):
        found = (before + data).find(b"OggS")
        if found >= 0:
            return position - len(before) + found
        position += len(data)
        before = data[-3:]
    return position


def mp4(source: Source, size: int) -> Iterator[Begin]:
    """Yield the files behind the first: a type of file, or a second description, behind what it describes."""
    position = 0
    seen: set[bytes] = set()
    for _ in _pieces():
        source.seek(position)
        header = source.read(16)
        if len(header) < 8:
            return
        length, kind = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        if length < 8:  # none, or up to the end
            return
        described = not seen.isdisjoint((b"moov", b"mdat"))
        if (kind == b"ftyp" and described) or (kind == b"moov" and seen >= {b"moov", b"moof"}):
            yield Begin(position)
            seen.clear()
        seen.add(kind)
        position += length
        if position >= size:
            return


def matroska(source: Source, size: int) -> Iterator[Begin]:
    """Yield the files behind the first: heads of EBML behind a segment, whose length may be unknown."""
    position, in_segment = 0, False
    for _ in _pieces():
        source.seek(position)
        header = source.read(12)
        name, behind_name = _number(header, 0, keeps_marker=True)
        length, behind_length = _number(header, behind_name)
        if behind_name == 0 or behind_length == behind_name:
            return
        element = name.to_bytes(behind_name)
        if element == EBML:
            if in_segment:
                yield Begin(position)
            in_segment = False
        in_segment = in_segment or element == SEGMENT
        is_unknown = length == (1 << 7 * (behind_length - behind_name)) - 1
        position += behind_length + (0 if is_unknown else length)
        if position >= size:
            return


def _number(data: bytes, start: int, *, keeps_marker: bool = False) -> tuple[int, int]:
    """Return a number of EBML's variable length and where it ends; where it began if it is none."""
    first = data[start] if start < len(data) else 0
    length = 9 - first.bit_length()
    if length > 8 or start + length > len(data):
        return 0, start
    number = int.from_bytes(data[start : start + length])
    return number if keeps_marker else number & ((1 << 7 * length) - 1), start + length


def riff(source: Source, size: int) -> Iterator[Begin]:
    """Yield the files of WAV or AVI behind the first."""
    return _forms(source, size, is_big=False)


def aiff(source: Source, size: int) -> Iterator[Begin]:
    """Yield the files of AIFF behind the first."""
    return _forms(source, size, is_big=True)


def _forms(source: Source, size: int, *, is_big: bool) -> Iterator[Begin]:
    """Yield where a form ends and another of its type begins, with or without the byte that evens its length,
    or something that is no form: FFmpeg would look for chunks in that to its end, and megabytes of zeros are
    hundreds of thousands.
    """
    source.seek(0)
    header = source.read(FORM_HEADER)
    first = header[:4], header[8:12]
    position = 0
    for _ in _pieces():
        length = _length(header[4:8], is_big=is_big)
        begin, end = position, position + CHUNK_HEADER + length
        if length in UNKNOWN_SIZES or end + FORM_HEADER > size:
            return
        for position in sorted({end, end + length % 2}):
            source.seek(position)
            header = source.read(FORM_HEADER)
            if (header[:4], header[8:12]) == first:
                yield Begin(position)
                break
        else:
            if header[:4] != first[0] and _is_filled(source, begin, end, is_big=is_big):
                yield Begin(end, is_rubbish=True)
            return


def _is_filled(source: Source, begin: int, end: int, *, is_big: bool) -> bool:
    """Return whether a form's chunks end where it does by its own length, which many a program gets wrong."""
    position = begin + FORM_HEADER
    for _ in range(MOST_CHUNKS):
        source.seek(position)
        length = _length(source.read(CHUNK_HEADER)[4:], is_big=is_big)
        position += CHUNK_HEADER + length
        if position < end:
            position += length % 2
        if position >= end:
            break
    return position == end


def _length(data: bytes, *, is_big: bool) -> int:
    return int.from_bytes(data, "big" if is_big else "little")


def _pieces() -> Iterator[int]:
    """Count pieces. Raises BadAudio for too many."""
    for number in count():
        if number > MOST_PIECES:
            raise BadAudio("The audio file is in too many pieces.", param="file")
        yield number
