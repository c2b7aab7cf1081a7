"""The canonical 44-byte WAV header (RIFF, PCM format 1)."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

SIZE = 44
"""bytes"""
OPEN = 0xFFFFFFFF
"""the sizes of a file whose length is not known yet, as OpenAI and FFmpeg write them"""
UNKNOWN = struct.pack("<I", OPEN)


def header(rate: int, data_bytes: int | None = None, *, channels: int = 1) -> bytes:
    """Make the header of s16le audio at `rate` Hertz; without a length, or with one beyond 4 GiB, both sizes
    are left open.
    """
    data, riff = OPEN, OPEN
    if data_bytes is not None and data_bytes + 36 < OPEN:
        data, riff = data_bytes, data_bytes + 36
    block = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff,
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        rate,
        rate * block,
        block,
        16,
        b"data",
        data,
    )


def settle(file: BinaryIO) -> None:
    """Write into a file, which is whole now, the sizes that its header left open; any other file stays as it
    is.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    begin = file.read(SIZE)
    if (begin[:8], begin[36:]) != (b"RIFF" + UNKNOWN, b"data" + UNKNOWN) or size - 8 >= OPEN:
        return
    for place, length in ((4, size - 8), (40, size - SIZE)):
        file.seek(place)
        file.write(struct.pack("<I", length))
