"""Tests of server-sent events, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.errors import ErrorBody
from streaming.http import sse


def test_an_event() -> None:
    """An event is one data line and an empty line."""
    assert sse.event({"type": "x", "text": "a\nb"}) == b'data: {"type":"x","text":"a\\nb"}\r\n\r\n'
    assert sse.DONE == b"data: [DONE]\r\n\r\n"


def test_an_error() -> None:
    """An error is an object under `error`, which the SDKs raise."""
    framed = sse.error_event(ErrorBody("lost", "server_error"))

    assert json.loads(framed.removeprefix(b"data: "))["error"]["message"] == "lost"


@pytest.mark.parametrize("before", [[], [b""], [b"one", b"two"]])
def test_a_failure_after_the_first_event_is_an_event(before: list[bytes]) -> None:
    """A failure before any event is raised; after one, even an empty one, it ends the stream as an event."""
    failures: list[Exception] = []
    closed: list[bool] = []

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            for framed in before:
                yield framed
            raise OSError("broken")
        finally:
            closed.append(True)

    def on_failure(failure: Exception) -> msgspec.Struct:
        failures.append(failure)
        return ErrorBody(str(failure), "server_error")

    async def collected() -> list[bytes]:
        return [framed async for framed in sse.with_error_event(events(), on_failure)]

    if before:
        assert asyncio.run(collected()) == [*before, sse.error_event(ErrorBody("broken", "server_error"))]
        assert [str(failure) for failure in failures] == ["broken"]
    else:
        with pytest.raises(OSError, match="broken"):
            asyncio.run(collected())
        assert failures == []
    assert closed == [True]


def test_closing_closes_the_events() -> None:
    """Closing a stream closes its source at once, and is no error."""
    closed: list[bool] = []

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"more"
        finally:
            closed.append(True)

    def on_failure(failure: Exception) -> msgspec.Struct:
        raise AssertionError(failure)

    async def leave() -> None:
        stream = sse.with_error_event(events(), on_failure)
        assert await anext(stream) == b"more"
        await stream.aclose()
        assert closed == [True]

    asyncio.run(leave())


@given(st.text())
def test_no_text_breaks_an_event(text: str) -> None:
    """An event has one line, whatever text it contains."""
    framed = sse.event({"text": text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")})

    assert framed.count(b"\r\n") == 2
    assert framed.count(b"\n") == 2


@given(st.binary(max_size=20_000))
def test_blocks(data: bytes) -> None:
    """Blocks are of 4096 bytes at most, and together the data."""
    blocks = list(sse.blocks(data))

    assert b"".join(blocks) == data
    assert all(0 < len(block) <= 4096 for block in blocks)
