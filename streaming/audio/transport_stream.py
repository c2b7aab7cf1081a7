"""Where an MPEG transport stream changes what it holds (ISO/IEC 13818-1): its programs, or their coding.

FFmpeg goes on with what it found at the begin. A table says what the streams are, again and again; where it
says something else, another part begins, with the last table of programs before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from streaming.audio.part_ends import Begin
from streaming.audio.recording import Source

SYNC = 0x47
PACKET_SIZES = (188, 192, 204)
"""bytes: as sent, with a time before each packet (Blu-ray), with parity behind"""
PACKETS_TO_KNOW = 5
"""with the sync byte at its place, which are no accident"""
TO_BEGIN = 4096
"""bytes in which the first packet is looked for"""
PACKETS_AT_ONCE = 4096
PAT = 0
"""the identifier of packets with the table of programs"""
PROGRAMS_TABLE = 0
STREAMS_TABLE = 2
LONGEST_SECTION = 1024
VIDEO_AND_DATA = frozenset(
    {*(0x01, 0x02, 0x10, 0x1B, 0x1E, 0x20, 0x21, 0x24, 0x33, 0x42, 0xD1, 0xEA)}
    | {*(0x05, 0x08, 0x0B, 0x0C, 0x0D, 0x13, 0x14, 0x15, 0x86)}
)
"""types of streams that hold no sound"""
PRIVATE = 0x06
CODING_TAGS = frozenset({0x05, 0x6A, 0x7A, 0x7B, 0x7C, 0x7F})
"""descriptors that tell a private stream's coding"""
Streams = dict[int, tuple[int, bytes]]
"""by the identifier of its packets: a stream's type, and what else tells its coding"""
Key = tuple[int, bytes]
"""of a table: the identifier of its packets, and what tells it from others in these"""


class Packets(msgspec.Struct, frozen=True):
    """How a file's packets lie."""

    begin: int
    size: int
    sync: int
    """the offset of the sync byte in each"""


def is_one(source: Source) -> bool:
    """Return whether a file begins as a transport stream."""
    source.seek(0)
    return _packets(source.read(TO_BEGIN + PACKETS_TO_KNOW * max(PACKET_SIZES))) is not None


def parts(source: Source, size: int) -> Iterator[Begin]:
    """Yield the parts of a stream behind the first."""
    tables = Tables()
    position = 0
    while position < size:
        source.seek(position)
        data = source.read(PACKETS_AT_ONCE * max(PACKET_SIZES))
        if len(data) < PACKETS_TO_KNOW * min(PACKET_SIZES):
            return
        layout = _packets(data)
        if layout is None:
            position += TO_BEGIN
            continue
        count = _in_step(data, layout)
        for number in _wanted(data, layout, count, tables):
            start = layout.begin + number * layout.size
            packet = data[start : start + layout.size]
            if tables.changes(packet, layout.sync):
                head = b"" if tables.last_was_programs else tables.programs_packet
                yield Begin(position + start, head)
        position += layout.begin + count * layout.size


def _packets(data: bytes) -> Packets | None:
    """Return how the first packets in some bytes lie; None where there are none."""
    at = data.find(SYNC)
    while 0 <= at <= TO_BEGIN:
        for size in PACKET_SIZES:
            syncs = data[at : at + PACKETS_TO_KNOW * size : size]
            sync = 4 if size == 192 else 0
            if at >= sync and syncs.count(SYNC) == len(syncs) == PACKETS_TO_KNOW:
                return Packets(at - sync, size, sync)
        at = data.find(SYNC, at + 1)
    return None


def _in_step(data: bytes, layout: Packets) -> int:
    """Return how many whole packets follow each other before one is out of step."""
    whole = (len(data) - layout.begin) // layout.size
    syncs = data[layout.begin + layout.sync :: layout.size][:whole]
    if syncs.count(SYNC) == whole:
        return whole
    return next(number for number, byte in enumerate(syncs) if byte != SYNC)


def _wanted(data: bytes, layout: Packets, count: int, tables: Tables) -> Iterator[int]:
    """Yield the numbers of the packets with tables, in order; each is taken before the next is looked for."""
    first = layout.begin + layout.sync
    high = data[first + 1 :: layout.size][:count]
    low = data[first + 2 :: layout.size][:count]
    for number, byte in enumerate(low):
        if byte in tables.low_bytes and (high[number] & 0x1F) << 8 | byte in tables.identifiers:
            yield number


class Tables:
    """The tables of a stream, as they come."""

    def __init__(self) -> None:
        self.programs_packet = b""
        """the last packet with the table of programs"""
        self.last_was_programs = False
        """whether the packet before was one"""
        self.identifiers = {PAT}
        """of packets with tables"""
        self.low_bytes = {PAT}
        """of the identifiers"""
        self._programs: dict[int, int] = {}
        """by number: the identifier of the packets with its table of streams"""
        self._streams: dict[Key, Streams] = {}
        self._sections: dict[Key, bytes] = {}
        """the last whole table of each"""
        self._begun: dict[int, bytearray] = {}

    def changes(self, packet: bytes, sync: int) -> bool:
        """Take a packet with a table, and return whether it says something new of the sound."""
        identifier = (packet[sync + 1] & 0x1F) << 8 | packet[sync + 2]
        self.last_was_programs = identifier == PAT
        if identifier == PAT:
            self.programs_packet = packet
        section = self._section(identifier, packet[sync : sync + 188])
        key = identifier, section[3:5] + section[6:7]
        if not section or section == self._sections.get(key):
            return False
        if not section[5] & 1 or _crc(section):  # not in force yet, or damaged
            return False
        self._sections[key] = section
        if section[0] == PROGRAMS_TABLE and identifier == PAT:
            return self._take_programs(section)
        if section[0] == STREAMS_TABLE and identifier != PAT:
            return self._take_streams(key, section)
        return False

    def _section(self, identifier: int, packet: bytes) -> bytes:
        """Return a table once it is whole; nothing before."""
        begins, has_field, has_payload = packet[1] & 0x40, packet[3] & 0x20, packet[3] & 0x10
        start = 5 + packet[4] if has_field else 4
        if not has_payload or packet[1] & 0x80 or start >= len(packet):
            return b""
        if begins:
            self._begun[identifier] = bytearray(packet[start + 1 + packet[start] :])
        elif identifier in self._begun:
            self._begun[identifier] += packet[start:]
        section = self._begun.get(identifier, bytearray())
        length = 3 + int.from_bytes(section[1:3]) % 0x1000 if len(section) >= 3 else LONGEST_SECTION
        if len(section) < length:
            return b""
        del self._begun[identifier]
        return bytes(section[:length]) if length >= 12 else b""

    def _take_programs(self, section: bytes) -> bool:
        found = {
            int.from_bytes(section[at : at + 2]): int.from_bytes(section[at + 2 : at + 4]) & 0x1FFF
            for at in range(8, len(section) - 4, 4)
        }
        found.pop(0, None)  # the network's own table
        is_one_of_several = bool(section[7])
        is_new = bool(self._programs) and not found.items() <= self._programs.items()
        self._programs = self._programs | found if is_one_of_several else found
        self.identifiers = {PAT, *self._programs.values()}
        self.low_bytes = {identifier & 0xFF for identifier in self.identifiers}
        if is_one_of_several or not is_new:
            return False
        self._streams.clear()
        self._sections = {key: one for key, one in self._sections.items() if key[0] == PAT}
        return True

    def _take_streams(self, key: Key, section: bytes) -> bool:
        found = _sound_streams(section)
        known = self._streams.get(key)
        is_new = known is not None and not found.items() <= known.items()
        if is_new or not known:
            self._streams[key] = found
        return is_new


def _sound_streams(section: bytes) -> Streams:
    """Return the streams of a table that may hold sound."""
    at = 12 + int.from_bytes(section[10:12]) % 0x1000
    found: Streams = {}
    while at + 5 <= len(section) - 4:
        kind, identifier = section[at], int.from_bytes(section[at + 1 : at + 3]) & 0x1FFF
        behind = at + 5 + int.from_bytes(section[at + 3 : at + 5]) % 0x1000
        if kind not in VIDEO_AND_DATA:
            coding = _coding(section[at + 5 : behind]) if kind >= 0x80 or kind == PRIVATE else b""
            if kind != PRIVATE or coding:
                found[identifier] = kind, coding
        at = behind
    return found


def _coding(descriptors: bytes) -> bytes:
    """Return what the descriptors of a private stream tell of its coding; nothing where it is no sound."""
    starts = [0]
    while starts[-1] + 2 <= len(descriptors):
        starts.append(starts[-1] + 2 + descriptors[starts[-1] + 1])
    told = [descriptors[start:end] for start, end in pairwise(starts)]
    return b"".join(one for one in told if one[0] in CODING_TAGS)


def _crc(section: bytes) -> int:
    """Return the CRC-32 of MPEG over a table and its own one: 0 where it is whole."""
    remainder = 0xFFFFFFFF
    for byte in section:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = remainder << 1 ^ (0x04C11DB7 if remainder & 0x80000000 else 0)
            remainder &= 0xFFFFFFFF
    return remainder
