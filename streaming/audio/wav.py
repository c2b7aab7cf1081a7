"""WAV files: the canonical 44-byte header (RIFF, PCM format 1) before s16le audio."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from engines.api import BYTES_PER_SAMPLE

HEADER_BYTES = 44
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
RIFF_OFFSET = 4
"""where the size of the whole file stands, less the 8 bytes before and in it"""
DATA_OFFSET = 40
"""where the size of the audio stands"""
UNKNOWN_SIZE = 0xFFFFFFFF
"""the sizes of a file whose length is not known yet, as OpenAI and FFmpeg write them"""
SIZE = struct.Struct("<I")


def header(rate: int, data_bytes: int | None = None, *, channels: int = 1) -> bytes:
    """Return the header of s16le audio at `rate` Hertz.

    Without a length, or with one beyond 4 GiB, both sizes are UNKNOWN_SIZE.
    """
    data_size = riff_size = UNKNOWN_SIZE
    if data_bytes is not None and data_bytes + HEADER_BYTES - 8 < UNKNOWN_SIZE:
        data_size = data_bytes
        riff_size = data_bytes + HEADER_BYTES - 8
    block = BYTES_PER_SAMPLE * channels
    return HEADER.pack(
        b"RIFF",
        riff_size,
        b"WAVE",
        b"fmt ",
        16,  # bytes of this part
        1,  # PCM
        channels,
        rate,
        rate * block,
        block,
        8 * BYTES_PER_SAMPLE,
        b"data",
        data_size,
    )


def encode(pcm: bytes, rate: int) -> bytes:
    """Return a WAV file of s16le mono PCM at `rate` Hertz."""
    return header(rate, len(pcm)) + pcm


def fill_in_sizes(file: BinaryIO) -> None:
    """Write the sizes into a finished file whose header left them unknown; any other file stays as it is."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(HEADER_BYTES)
    unknown = SIZE.pack(UNKNOWN_SIZE)
    is_open = (start[:8], start[36:]) == (b"RIFF" + unknown, b"data" + unknown)
    if not is_open or size - 8 >= UNKNOWN_SIZE:
        return
    for offset, length in ((RIFF_OFFSET, size - 8), (DATA_OFFSET, size - HEADER_BYTES)):
        file.seek(offset)
        file.write(SIZE.pack(length))
