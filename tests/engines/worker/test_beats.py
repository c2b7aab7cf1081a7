"""Tests of the signs that work goes on: they keep a worker alive that needs long, in whatever it does, and only
them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import aiohttp
import contract_engines
import pytest
from one_worker import path_of_engines, started

from engines.api import Audio, Beat, Progress, PromptJob, Sample, SpeechJob, TranscriptionJob
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineHung
from engines.fleet.pool import Pool
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire import frames

STALL = 3.0
"""seconds without a sign after which a job has hung, in these tests"""
LONG = 2.2 * STALL
SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=STALL, start_timeout=60.0)
THINKING = EngineRecord("thinking", "contract_engines:Thinking", ("speech", "transcription"), "MIT")
SAMPLE = Sample(bytes([1, 0]) * contract_engines.RATE)


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))


@asynccontextmanager
async def pool(options: Options) -> AsyncIterator[Pool]:
    """Run one worker, and yield its pool."""
    engine = EngineSettings(workers=1, options=options)
    group = WorkerGroup(THINKING, engine, SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool("thinking", group, 1)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


async def speak(pool: Pool) -> bytes:
    async with aclosing(pool.speak(SpeechJob("one", "low"))) as events:
        return b"".join([event.pcm async for event in events if isinstance(event, Audio)])


async def create_prompt(pool: Pool) -> bytes:
    async with pool.open() as stream:
        return (await stream.create_prompt(PromptJob((SAMPLE,)), contract_engines.RATE)).data


async def transcribe(pool: Pool) -> bytes:
    async def audio() -> AsyncIterator[bytes]:
        yield bytes(32_000)

    async with aclosing(pool.transcribe(TranscriptionJob(), audio())) as events:
        return bytes([type(event) is not Progress async for event in events])


WORK = {"speak": speak, "prompt": create_prompt, "transcribe": transcribe}


@pytest.mark.parametrize("what", WORK)
def test_signs_keep_long_work_alive(what: str) -> None:
    """Work that needs longer than the stall limit before it gives anything is not ended while it gives signs."""

    async def test() -> None:
        async with pool({"seconds": LONG}) as thinking:
            assert await WORK[what](thinking)
            status = thinking.status()
            assert (status.workers[0].restarts, status.retried) == (0, 0)

    run(test)


@pytest.mark.parametrize("what", WORK)
def test_work_without_signs_is_ended(what: str) -> None:
    """Work that gives neither anything nor signs for the stall limit has hung: its worker is replaced."""

    async def test() -> None:
        async with pool({"seconds": 3600.0, "quiet": what}) as thinking:
            with pytest.raises(EngineHung):
                await WORK[what](thinking)
            while not thinking.status().workers[0].restarts:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.01)

    run(test)


def test_loading_gives_signs() -> None:
    """A start may take longer than its limit while it gives signs, and is ended where it gives none."""
    settings = WorkerSettings(start_timeout=STALL)

    async def start(options: Options) -> WorkerProcess:
        return await WorkerProcess.start(THINKING, settings, lambda *_, **__: None, options=options)

    async def test() -> None:
        process = await start({"seconds": LONG, "slow_load": True})
        await process.stop(5)
        with pytest.raises(StartFailed, match="no sign of life for 3 s while it was starting"):
            await start({"seconds": LONG, "slow_load": True, "quiet": "load"})

    run(test)


def test_a_second_job_lives_by_the_first() -> None:
    """A job that waits for its turn in a worker gets signs while the one before it gives some."""

    async def test() -> None:
        async with started(THINKING, {"seconds": LONG}) as (_, client):
            parser = frames.FrameParser()
            beats = 0

            async def first() -> None:
                async for _ in client.speak(SpeechJob("one", "low")):
                    pass

            task = asyncio.create_task(first())
            await asyncio.sleep(0.3)
            connector = aiohttp.UnixConnector(str(client.address.socket))
            headers = {"accept": frames.MEDIA_TYPE}
            async with (
                aiohttp.ClientSession("http://worker", connector=connector) as session,
                session.post("/tts/generate", json={"text": "two"}, headers=headers) as answer,
            ):
                while not task.done():
                    chunk = await asyncio.wait_for(answer.content.readany(), STALL)
                    beats += sum(isinstance(frame, Beat) for frame in parser.feed(chunk))
            assert beats >= 2
            await task

    run(test)


def test_few_signs_cross() -> None:
    """However often an engine gives a sign, one a second at most leaves the worker."""

    async def test() -> None:
        async with started(THINKING, {"seconds": LONG}) as (_, client):
            parser = frames.FrameParser()
            connector = aiohttp.UnixConnector(str(client.address.socket))
            headers = {"accept": frames.MEDIA_TYPE}
            began = time.monotonic()
            async with (
                aiohttp.ClientSession("http://worker", connector=connector) as session,
                session.post("/tts/generate", json={"text": "one"}, headers=headers) as answer,
            ):
                found = [frame for chunk in [await answer.read()] for frame in parser.feed(chunk)]
            beats = [frame for frame in found if isinstance(frame, Beat)]
            assert 1 <= len(beats) <= time.monotonic() - began
            assert beats[0].progress == 0.5
            assert isinstance(found[-1], frames.EndFrame)

    run(test)
