"""Tests of the response that is sent while it is made: what breaks it is told as what it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from streaming.http.response import ClientStalled, StreamingResponse


class Client:
    """The ASGI server's side of one request."""

    def __init__(self, *, reads: bool = True, listened: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.left = False
        self._reads = reads
        self._listened = listened

    async def receive(self) -> dict[str, Any]:
        """Return nothing for ever, or raise what it is to raise, once."""
        if self._listened:
            raised, self._listened = self._listened, None
            raise raised
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message; wait for ever on a body that is not read."""
        if message["type"] == "http.response.body" and not self._reads:
            await asyncio.get_running_loop().create_future()
        self.sent.append(message)

    def leave(self) -> None:
        """Note that the response takes it for gone."""
        self.left = True


def run(client: Client, chunks: AsyncGenerator[bytes, None]) -> None:
    """Send chunks to a client, which may read none for a tenth of a second."""
    response = StreamingResponse(
        chunks, "audio/mpeg", headers={}, send_timeout=0.1, on_disconnect=client.leave
    )
    asyncio.run(response({}, client.receive, client.send))


async def broken_off(exc: Exception | None) -> AsyncGenerator[bytes, None]:
    """Yield a chunk, then raise an error, if any."""
    yield b"one"
    if exc:
        raise exc


def test_a_timeout_in_the_stream_is_no_stall() -> None:
    """A TimeoutError of what makes the audio stays one: the client took everything."""
    client = Client()
    with pytest.raises(TimeoutError, match="the engine"):
        run(client, broken_off(TimeoutError("the engine")))
    assert not client.left


def test_a_client_that_reads_nothing_has_stalled() -> None:
    """A client that takes no byte for the send timeout has stalled, and counts as gone."""
    client = Client(reads=False)
    with pytest.raises(ClientStalled):
        run(client, broken_off(None))
    assert client.left


@pytest.mark.parametrize("exc", [TimeoutError("slow body"), ValueError("bad trailer")])
def test_what_breaks_the_rest_of_a_request_leaves_its_answer(exc: Exception) -> None:
    """Whatever listening to the client raises, the answer is whole, and no group of exceptions comes out."""
    client = Client(listened=exc)
    run(client, broken_off(None))
    assert [message.get("body") for message in client.sent[1:]] == [b"one", b""]


def test_an_error_of_the_stream_comes_out_alone() -> None:
    """What the chunks raise is raised as it is, not in a group."""
    with pytest.raises(ValueError, match="alone"):
        run(Client(), broken_off(ValueError("alone")))
