"""Write an Ogg file of one Opus stream page by page: RFC 3533 (pages), RFC 7845 (Opus in them).

FFmpeg's muxer makes the same, but takes 150 kB for every open file (two whole pages of 65 kB, and its
buffer), twice what the codec takes, and sends each page only with the next one.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Sequence

OPUS_RATE = 48_000
"""Hertz; positions in the file count samples at this rate"""
PACKET_SAMPLES = 960
"""20 ms"""
PAGE_PACKETS = 10
"""packets in a page at most: a player cannot begin a page before it has all of it"""
VENDOR = b"voicebox-gateway"
FIRST_PAGE = 0x02
LAST_PAGE = 0x04
PAGE_HEADER = struct.Struct("<4sBBqIIIB")
NO_PACKET_ENDS = -1
"""the position of a page on which no packet ends"""
PRE_SKIP = struct.Struct("<10xH")
"""the field of OpusHead with the number of samples at the beginning that are not to be played"""
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """Return the CRC of RFC 3533: zlib's with the order of all bits reversed, and without its inversions."""
    crc = zlib.crc32(page.translate(REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "big").translate(REVERSED_BITS), "little")


def lacing_values(packet: bytes) -> bytes:
    """Return the sizes of a packet's Ogg segments: as many of 255 as go into it, and the rest."""
    return b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])


class PageWriter:
    """Writes the pages of one file, whose `head` is the OpusHead packet.

    Packets are of 20 ms, and of less than 6 kB.
    """

    def __init__(self, head: bytes) -> None:
        (self._pre_skip,) = PRE_SKIP.unpack_from(head)
        self._serial = secrets.randbits(32)
        self._page_number = 0
        self._position = 0
        tags = b"OpusTags" + struct.pack("<I", len(VENDOR)) + VENDOR + bytes(4)
        self._headers = self._page([head], 0, FIRST_PAGE) + self._page([tags], 0)

    def push(self, packets: Sequence[bytes]) -> bytes:
        """Return pages with these packets, which must not be the last ones."""
        groups = (packets[start : start + PAGE_PACKETS] for start in range(0, len(packets), PAGE_PACKETS))
        return self._first_headers() + b"".join(self._packets_page(group) for group in groups)

    def finish(self, packets: Sequence[bytes], samples: int) -> bytes:
        """Return the pages that end the file with its last packets.

        `samples` went into the encoder, at 48 kHz: what is decoded beyond is cut off.
        """
        before = self.push(packets[:-1])
        return before + self._page(
            packets[-1:], self._pre_skip + samples if packets else NO_PACKET_ENDS, LAST_PAGE
        )

    def _first_headers(self) -> bytes:
        """Return the header pages for the first call, and nothing later."""
        headers = self._headers
        self._headers = b""
        return headers

    def _packets_page(self, packets: Sequence[bytes]) -> bytes:
        self._position += PACKET_SAMPLES * len(packets)
        return self._page(packets, self._position)

    def _page(self, packets: Sequence[bytes], position: int, flags: int = 0) -> bytes:
        table = b"".join(lacing_values(packet) for packet in packets)
        body = table + b"".join(packets)
        fields = (b"OggS", 0, flags, position, self._serial, self._page_number)
        crc = checksum(PAGE_HEADER.pack(*fields, 0, len(table)) + body)
        self._page_number += 1
        return PAGE_HEADER.pack(*fields, crc, len(table)) + body
