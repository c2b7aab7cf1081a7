"""Tests of clients of workers that were closed while somebody was about to use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from engines.api import PromptJob, Sample, SpeechJob, TranscriptionJob
from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerClient, WorkerUnreachable


async def speak(client: WorkerClient) -> None:
    async for _ in client.speak(SpeechJob("one", "low")):
        pass


async def transcribe(client: WorkerClient) -> None:
    async def audio() -> AsyncIterator[bytes]:
        yield bytes(2)

    async for _ in client.transcribe(TranscriptionJob(), audio()):
        pass


async def create_prompt(client: WorkerClient) -> None:
    await client.create_prompt(PromptJob((Sample(bytes(2), "one"),), "mimic"), 16_000)


@pytest.mark.parametrize("use", [speak, transcribe, create_prompt])
def test_a_closed_client(use: Callable[[WorkerClient], Awaitable[None]]) -> None:
    """A job that gets a client which was closed fails as with a worker that is gone: it is done again."""

    async def test() -> None:
        client = WorkerClient(WorkerAddress("http://worker", "/nowhere/worker.sock"), stall_timeout=1.0)
        await client.close()
        with pytest.raises(WorkerUnreachable):
            await use(client)
        assert not await client.health(1.0)

    asyncio.run(test())
