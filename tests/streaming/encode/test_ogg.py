"""Tests of Ogg pages against the RFCs, by a reader of the tests' own and by FFmpeg's."""

from __future__ import annotations

import struct

import msgspec
import numpy as np
from decoded import decoded
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streaming.encode.file_encoders import open_file_encoder
from streaming.encode.ogg import PACKET_SAMPLES, PageWriter, checksum

RATE = 24_000
HEAD = b"OpusHead\x01\x01" + struct.pack("<HIhB", 312, RATE, 0, 0)


class Page(msgspec.Struct):
    """One Ogg page."""

    flags: int
    position: int
    serial: int
    number: int
    packets: list[bytes]


def crc(data: bytes) -> int:
    """Return the CRC, computed bit by bit as RFC 3533 words it: polynomial 0x04c11db7, from 0, nothing
    inverted.
    """
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
        register &= 0xFFFFFFFF
    return register


def pages(data: bytes) -> list[Page]:
    """Return the pages, read strictly: nothing between them, checksums right, whole packets."""
    found = []
    while data:
        mark, version, flags, position, serial, number, check, segments = struct.unpack_from(
            "<4sBBqIIIB", data
        )
        sizes, start = data[27 : 27 + segments], 27 + segments
        length = start + sum(sizes)
        assert (mark, version) == (b"OggS", 0)
        assert check == crc(data[:22] + bytes(4) + data[26:length])
        packets, packet = [], b""
        for size in sizes:
            packet += data[start : start + size]
            start += size
            if size < 255:
                packets.append(packet)
                packet = b""
        assert not packet
        found.append(Page(flags, position, serial, number, packets))
        data = data[length:]
    return found


@given(data=st.binary(max_size=200))
def test_checksum(data: bytes) -> None:
    """The checksum is the RFC's."""
    assert checksum(data) == crc(data)


@given(
    pushes=st.lists(st.lists(st.binary(min_size=1, max_size=1600), max_size=25), max_size=6),
    last=st.binary(min_size=1),
)
@example(pushes=[[bytes(255), bytes(510), bytes(254)]], last=bytes(255))
@settings(deadline=None)
def test_packets_come_back(pushes: list[list[bytes]], last: bytes) -> None:
    """Whatever the packets, a reader gets them back in order; the file begins, counts and ends as the RFCs
    say.
    """
    writer = PageWriter(HEAD)
    written = pages(b"".join(writer.push(packets) for packets in pushes) + writer.finish([last], 1000))

    assert [packet for page in written[2:] for packet in page.packets] == [
        *(one for push in pushes for one in push),
        last,
    ]
    assert written[0].packets == [HEAD]
    assert written[1].packets[0].startswith(b"OpusTags")
    assert [page.number for page in written] == list(range(len(written)))
    assert len({page.serial for page in written}) == 1
    assert [page.flags for page in written] == [2, *[0] * (len(written) - 2), 4]
    count = 0
    for page in written[2:-1]:
        count += len(page.packets)
        assert page.position == count * PACKET_SAMPLES
    assert written[-1].position == 312 + 1000


@given(samples=st.integers(1, 5 * 480 + 5))
@example(samples=480)
@example(samples=960)
@settings(max_examples=60, deadline=None)
def test_any_length_is_exact(samples: int) -> None:
    """A file has its sound's exact number of samples, wherever in a packet that ends."""
    pcm = (8000 * np.sin(np.arange(samples) / 20)).astype("<i2").tobytes()
    encoder = open_file_encoder("opus")
    data = encoder.push(pcm) + encoder.finish()

    assert len(decoded(data, "opus", 48_000)) == 2 * samples
    assert pages(data)[-1].flags == 4


def test_a_page_is_written_as_soon_as_a_packet_is_full() -> None:
    """A page is written as soon as a packet is full, not with the next one."""
    encoder = open_file_encoder("opus")
    first = pages(encoder.push(bytes(2 * 480)))
    second = pages(encoder.push(bytes(2 * 480)))

    assert [len(page.packets) for page in first + second] == [1, 1, 1, 1]
    encoder.close()
