"""Protobuf messages are read as they were written, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.toolkit.protobuf import read_fields, write_field, write_number


@given(st.lists(st.tuples(st.integers(1, 5000), st.binary(max_size=300) | st.integers(0, 2**63))))
def test_what_was_written_is_read(fields: list[tuple[int, bytes | int]]) -> None:
    """Fields come back in order, with their numbers, their bytes, and where they are."""
    written = [
        write_field(number, value) if isinstance(value, bytes) else write_number(number, value)
        for number, value in fields
    ]
    message = b"".join(written)
    read = list(read_fields(memoryview(message)))

    assert [field.number for field in read] == [number for number, _ in fields]
    assert [message[field.start : field.end] for field in read] == written
    for field, (_, value) in zip(read, fields, strict=True):
        assert not isinstance(value, bytes) or bytes(field.content) == value


def test_fields_of_a_fixed_size_are_passed_over() -> None:
    """A field of eight bytes and one of four are fields too."""
    message = bytes([1 << 3 | 1, *range(8), 2 << 3 | 5, *range(4)]) + write_field(3, b"x")

    assert [(field.number, field.end - field.start) for field in read_fields(memoryview(message))] == [
        (1, 9),
        (2, 5),
        (3, 3),
    ]


@pytest.mark.parametrize("message", [b"no graph at all", b"\x0a", b"\x0a\x05ab", b"\x0c", b"\x80"])
def test_what_is_no_message(message: bytes) -> None:
    """Bytes that break off, or that no message has, raise ValueError."""
    with pytest.raises(ValueError, match="protobuf"):
        list(read_fields(memoryview(message)))
