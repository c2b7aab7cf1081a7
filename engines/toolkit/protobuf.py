"""Read and write the fields of protobuf messages, as far as ONNX files need it, without a library.

The format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

NUMBER = 0
FIXED_64 = 1
BYTES = 2
FIXED_32 = 5
"""protobuf's types of fields"""
FIXED_SIZES = {FIXED_64: 8, FIXED_32: 4}


class Field(NamedTuple):
    """A field of a message, [start, end) of its bytes."""

    number: int
    start: int
    end: int
    content: memoryview
    """what is in a field of bytes; of others what stands for the value"""


def read_fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message. Raises ValueError for what is none."""
    position = 0
    while position < len(message):
        start = position
        key, position = _read_varint(message, position)
        kind = key & 7
        if kind == BYTES:
            size, position = _read_varint(message, position)
        elif kind == NUMBER:
            size = _read_varint(message, position)[1] - position
        elif kind in FIXED_SIZES:
            size = FIXED_SIZES[kind]
        else:
            raise ValueError("this is no protobuf message")
        if position + size > len(message):
            raise ValueError("a protobuf message ends too early")
        yield Field(key >> 3, start, position + size, message[position : position + size])
        position += size


def write_field(number: int, content: bytes) -> bytes:
    """Return a field that holds bytes."""
    return field_head(number, len(content)) + content


def field_head(number: int, size: int) -> bytes:
    """Return what stands before the bytes of a field that holds so many."""
    return _write_varint(number << 3 | BYTES) + _write_varint(size)


def write_number(number: int, value: int) -> bytes:
    """Return a field that holds a number, not a negative one."""
    return _write_varint(number << 3 | NUMBER) + _write_varint(value)


def _write_varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, lowest first, the top bit where more come."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a number, and where the next field begins."""
    number = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise ValueError("a protobuf message ends too early")
