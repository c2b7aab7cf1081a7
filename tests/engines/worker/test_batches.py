"""Batching in the worker: real workers, with the engine that works at a set pace."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from engines.api import Audio, BatchItem, EngineInfo, SpeechEvent, SpeechJob
from engines.catalogue.engines import EngineRecord, find
from engines.errors import EngineFailed
from engines.fakes.paced import Paced
from engines.fleet.pool import Pool
from engines.fleet.streams import RequestTerms
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire.client import Lost

PACE = find("pace")
SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=5.0, start_timeout=30.0)


class Moody(Paced):
    """Fails on request: the whole batch, one turn of it, or by never coming back."""

    def speak_batch(self, turns: Sequence[BatchItem]) -> None:
        """Speak, unless told otherwise."""
        for turn in turns:
            if turn.job.text == "fail all":
                raise ValueError("no batch of mine")
            if turn.job.text == "fail me":
                turn.finish(EngineFailed("Not this one."))
            while turn.job.text == "hang":
                time.sleep(0.1)
        super().speak_batch([turn for turn in turns if turn.job.text != "fail me"])


@pytest.fixture
def moody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker import this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


MOODY = EngineRecord("moody", "test_batches:Moody", ("speech",), "MIT")


@asynccontextmanager
async def pool(options: Options, record: EngineRecord = PACE) -> AsyncIterator[Pool]:
    group = WorkerGroup(record, EngineSettings(workers=1, options=options), SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool(record.name, group, 1)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def whole(spoken: AsyncGenerator[SpeechEvent, None]) -> bytes:
    async with aclosing(spoken) as events:
        return b"".join([event.pcm async for event in events if isinstance(event, Audio)])


def jobs(count: int) -> list[SpeechJob]:
    return [SpeechJob(f"text number {number} with words", f"tone-{number % 32}") for number in range(count)]


def test_a_batch_gives_each_its_own() -> None:
    """What comes out of a batch is, to the sample, what comes out of each job alone."""

    async def test() -> None:
        async with (
            pool({"rtf": 0.001, "first_chunk": 0.001}) as single,
            pool({"rtf": 0.001, "first_chunk": 0.0, "batch": 8}) as many,
        ):
            alone = [await whole(single.speak(job)) for job in jobs(20)]
            assert await asyncio.gather(*(whole(many.speak(job)) for job in jobs(20))) == alone
            assert len(set(alone)) == 20

    run(test)


def test_jobs_that_wait_together_share_a_call() -> None:
    """Eight jobs in one call take the time of one, not of eight."""
    calls: list[int] = []

    class Counting(Paced):
        def speak_batch(self, turns: Sequence[BatchItem]) -> None:
            calls.append(len(turns))
            super().speak_batch(turns)

    async def test() -> None:
        from concurrent.futures import ThreadPoolExecutor

        from engines.worker.batches import Batcher
        from engines.worker.event_queue import EventQueue

        engine = Counting(rtf=0.0, first_chunk=0.05, batch=8, batch_wait=0.05)
        info: EngineInfo = engine.load()
        batcher = Batcher(
            engine, info, ThreadPoolExecutor(1), grace=5.0, hung=lambda: pytest.fail("it did not hang")
        )
        handovers: list[EventQueue[SpeechEvent]] = [EventQueue() for _ in range(13)]
        overs = [batcher.submit(job, handover) for job, handover in zip(jobs(13), handovers, strict=True)]
        await asyncio.gather(*overs)
        assert calls == [8, 5]

    run(test)


def test_one_that_leaves_holds_nobody() -> None:
    """A client that goes away in the middle of a batch frees its place at once; the others get all of theirs."""

    async def test() -> None:
        async with pool({"rtf": 0.3, "first_chunk": 0.01, "batch": 4, "batch_wait": 0.1}) as made:
            rest = [asyncio.create_task(whole(made.speak(job))) for job in jobs(3)]
            async with aclosing(
                made.speak(SpeechJob("a text that is left in the middle " * 3, "tone-9"))
            ) as events:
                await anext(events)
            assert made.status().running == 3
            assert all(await asyncio.gather(*rest))
            assert await whole(made.speak(jobs(1)[0])) == rest[0].result()
            assert made.status().workers[0].restarts == 0

    run(test)


@pytest.mark.usefixtures("moody_is_found")
def test_errors_in_a_batch() -> None:
    """One turn's failure is its own; a call that fails, fails all; either way the worker goes on."""

    async def test() -> None:
        async with pool({"rtf": 0.001, "first_chunk": 0.0, "batch": 4, "batch_wait": 0.05}, MOODY) as made:
            good, bad = await asyncio.gather(
                whole(made.speak(SpeechJob("good", "tone-1"))), whole(made.speak(SpeechJob("fail me", "tone-1"))),
                return_exceptions=True,
            )  # fmt: skip
            assert good
            assert isinstance(bad, EngineFailed)
            assert "Not this one" in str(bad)
            both = await asyncio.gather(
                whole(made.speak(SpeechJob("good", "tone-1"))), whole(made.speak(SpeechJob("fail all", "tone-1"))),
                return_exceptions=True,
            )  # fmt: skip
            assert [type(one) for one in both] == [EngineFailed, EngineFailed]
            assert await whole(made.speak(SpeechJob("good", "tone-1"))) == good
            assert made.status().workers[0].restarts == 0

    run(test)


@pytest.mark.usefixtures("moody_is_found")
def test_a_batch_that_hangs_costs_its_worker_only() -> None:
    """A call that never comes back is found out once nobody wants anything of it, and the worker is replaced."""

    async def test() -> None:
        async with pool({"rtf": 0.001, "first_chunk": 0.0, "batch": 4}, MOODY) as made:
            with pytest.raises((Lost, TimeoutError)):
                await asyncio.wait_for(whole(made.speak(SpeechJob("hang", "tone-1"))), 0.5)
            assert await whole(made.speak(SpeechJob("good", "tone-1"), RequestTerms()))

    run(test)


def test_a_killed_worker_costs_its_batch_one_more_try() -> None:
    """kill -9 before the first audio: every job of the batch is made again."""

    async def test() -> None:
        async with pool({"rtf": 0.1, "first_chunk": 0.5, "batch": 4, "batch_wait": 0.05}) as made:
            tasks = [asyncio.create_task(whole(made.speak(job))) for job in jobs(4)]
            while made.status().running < 4:  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            pid = made.status().workers[0].pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            assert all(await asyncio.gather(*tasks))
            assert made.status().retried == 4

    run(test)
