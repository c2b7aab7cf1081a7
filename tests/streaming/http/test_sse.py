"""Server-sent events, byte by byte."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from compat.errors import ErrorBody
from streaming.http import sse


def test_a_record() -> None:
    """A record is one data line and an empty line, nothing else."""
    assert sse.event({"type": "x", "text": "a\nb"}) == b'data: {"type":"x","text":"a\\nb"}\r\n\r\n'
    assert sse.DONE == b"data: [DONE]\r\n\r\n"


def test_an_error() -> None:
    """An error is an object under `error`, which the SDKs raise."""
    record = sse.error_event(ErrorBody("lost", "server_error"))

    assert json.loads(record.removeprefix(b"data: "))["error"]["message"] == "lost"


@given(st.text())
def test_no_text_breaks_a_record(text: str) -> None:
    """Whatever is inside, a record has one line."""
    record = sse.event({"text": text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")})

    assert record.count(b"\r\n") == 2
    assert record.count(b"\n") == 2


@given(st.binary(max_size=20_000))
def test_blocks(data: bytes) -> None:
    """Blocks are of 4096 bytes at most, and together the data."""
    blocks = list(sse.blocks(data))

    assert b"".join(blocks) == data
    assert all(0 < len(block) <= 4096 for block in blocks)
