"""An Ogg file of one Opus stream, written page by page: RFC 3533 (pages), RFC 7845 (Opus in them).

FFmpeg's muxer makes the same, but holds 150 kB for every open file (two whole pages of 65 kB, and its
buffer), twice what the codec holds, and each page leaves only once the next is there.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Sequence

OPUS_RATE = 48_000
"""Hertz, of all positions"""
PACKET_SAMPLES = 960
"""20 ms"""
PAGE_PACKETS = 10
"""what a page holds at most: a reader cannot begin one before it is whole"""
VENDOR = b"voicebox-gateway"
FIRST, LAST = 0x02, 0x04
PAGE = struct.Struct("<4sBBqIIIB")
NO_PACKET_ENDS = -1
"""the position of a page on which no packet ends"""
PRE_SKIP = struct.Struct("<10xH")
"""where OpusHead tells how many samples at its beginning are not to be played"""
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """Give the CRC of RFC 3533: that of zlib with the order of all bits reversed, and without its inversions."""
    crc = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "big").translate(REVERSED), "little")


def lacing(packet: bytes) -> bytes:
    """Give a packet's segment sizes: as many of 255 as go into it, and the rest."""
    return b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])


class Pages:
    """Writes one file; `head` is the OpusHead packet. Packets are of 20 ms, and of less than 6 kB."""

    def __init__(self, head: bytes) -> None:
        (self._skip,) = PRE_SKIP.unpack_from(head)
        self._serial = secrets.randbits(32)
        self._number = 0
        self._position = 0
        tags = b"OpusTags" + struct.pack("<I", len(VENDOR)) + VENDOR + bytes(4)
        self._headers = self._page([head], 0, FIRST) + self._page([tags], 0)

    def push(self, packets: Sequence[bytes]) -> bytes:
        """Give pages with these packets, which must not be the last ones."""
        groups = (packets[start : start + PAGE_PACKETS] for start in range(0, len(packets), PAGE_PACKETS))
        return self._take_headers() + b"".join(self._packets(group) for group in groups)

    def finish(self, packets: Sequence[bytes], samples: int) -> bytes:
        """End the file with its last packets. `samples` went into the encoder, at 48 kHz: what is decoded
        beyond is cut off.
        """
        before = self.push(packets[:-1])
        return before + self._page(packets[-1:], self._skip + samples if packets else NO_PACKET_ENDS, LAST)

    def _take_headers(self) -> bytes:
        headers, self._headers = self._headers, b""
        return headers

    def _packets(self, packets: Sequence[bytes]) -> bytes:
        self._position += PACKET_SAMPLES * len(packets)
        return self._page(packets, self._position)

    def _page(self, packets: Sequence[bytes], position: int, flags: int = 0) -> bytes:
        table = b"".join(lacing(packet) for packet in packets)
        body = table + b"".join(packets)
        fields = (b"OggS", 0, flags, position, self._serial, self._number)
        crc = checksum(PAGE.pack(*fields, 0, len(table)) + body)
        self._number += 1
        return PAGE.pack(*fields, crc, len(table)) + body
