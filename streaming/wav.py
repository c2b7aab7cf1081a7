"""The canonical 44-byte WAV header (RIFF, PCM format 1)."""

from __future__ import annotations

import struct

OPEN = 0xFFFFFFFF
"""the sizes of a file whose length is not known yet, as OpenAI and FFmpeg write them"""


def header(rate: int, data_bytes: int | None = None, *, channels: int = 1) -> bytes:
    """Make the header of s16le audio at `rate` Hertz; without a length, or with one beyond 4 GiB, both sizes are left open."""
    data, riff = OPEN, OPEN
    if data_bytes is not None and data_bytes + 36 < OPEN:
        data, riff = data_bytes, data_bytes + 36
    block = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * block, block, 16, b"data", data
    )
