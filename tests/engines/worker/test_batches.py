"""Tests of batching in real workers, with the engine that works at a set pace."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest
from one_worker import path_of_engines
from outputs import QUIET

from engines.api import Audio, Batches, BatchItem, Place, SpeechEvent, SpeechJob
from engines.catalogue.engines import EngineRecord, find_engine
from engines.errors import EngineFailed
from engines.fakes.paced import Paced
from engines.fleet.pool import Pool
from engines.fleet.streams import RequestTerms
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire.client import WorkerLost

PACE = find_engine("pace")
SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=5.0, start_timeout=30.0)


class Failing(Paced):
    """An engine that fails on request: the whole batch, one job of it, or by never returning."""

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Synthesise, or fail as a text asks."""
        for item in items:
            if item.job.text == "fail all":
                raise ValueError("no batch of mine")
            if item.job.text == "fail me":
                item.finish(EngineFailed("Not this one."))
            while item.job.text == "hang":
                time.sleep(0.1)
        super().speak_batch([item for item in items if item.job.text != "fail me"])


@pytest.fixture
def adapter_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this file on the worker's import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


FAILING = EngineRecord("failing", "test_batches:Failing", ("speech",), "MIT")


@asynccontextmanager
async def pool(options: Options, record: EngineRecord = PACE) -> AsyncIterator[Pool]:
    """Run one worker of an engine, and yield its pool."""
    group = WorkerGroup(record, EngineSettings(workers=1, options=options), SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool(record.name, group, 1)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def whole(speech: AsyncGenerator[SpeechEvent, None]) -> bytes:
    """Return all PCM of a stream of events."""
    async with aclosing(speech) as events:
        return b"".join([event.pcm async for event in events if isinstance(event, Audio)])


def jobs(count: int) -> list[SpeechJob]:
    """Return jobs that all differ."""
    return [SpeechJob(f"text number {number} with words", f"tone-{number % 32}") for number in range(count)]


def test_each_job_of_a_batch_gets_its_own_audio() -> None:
    """A job's audio in a batch is, to the sample, that of the job alone."""

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
    """Eight jobs in one call need the time of one, not of eight."""
    calls: list[int] = []

    class Counting(Paced):
        def speak_batch(self, items: Sequence[BatchItem]) -> None:
            calls.append(len(items))
            super().speak_batch(items)

    async def test() -> None:
        from engines.worker.batches import Batcher
        from engines.worker.engine_threads import EngineThreads
        from engines.worker.event_queue import EventQueue
        from engines.worker.outputs import Activity, JobOutput
        from engines.worker.speech_jobs import QueuedJob

        counting = Counting(rtf=0.0, first_chunk=0.05, batch=8, batch_wait=0.05)
        batches = counting.load(Place(), QUIET).concurrency
        assert isinstance(batches, Batches)
        batcher = Batcher(
            counting, batches, EngineThreads(1), grace=5.0, on_hang=lambda: pytest.fail("it did not hang")
        )
        loop = asyncio.get_running_loop()
        queued = [
            QueuedJob(job, None, JobOutput(EventQueue(), Activity(), blocking=False), loop.create_future())
            for job in jobs(13)
        ]
        for one in queued:
            batcher.submit(one)
        await asyncio.gather(*(one.done for one in queued))
        assert calls == [8, 5]

    run(test)


def test_a_client_that_leaves_frees_its_slot() -> None:
    """A client that leaves during a batch frees its slot at once; the others get all their audio."""

    async def test() -> None:
        async with pool({"rtf": 0.3, "first_chunk": 0.01, "batch": 4, "batch_wait": 0.1}) as engine:
            rest = [asyncio.create_task(whole(engine.speak(job))) for job in jobs(3)]
            async with aclosing(
                engine.speak(SpeechJob("a text that is left in the middle " * 3, "tone-9"))
            ) as events:
                await anext(events)
            assert engine.status().running == 3
            assert all(await asyncio.gather(*rest))
            assert await whole(engine.speak(jobs(1)[0])) == rest[0].result()
            assert engine.status().workers[0].restarts == 0

    run(test)


@pytest.mark.usefixtures("adapter_importable")
def test_errors_in_a_batch() -> None:
    """A job's error fails that job only; a call's error fails all; either way the worker goes on."""

    async def test() -> None:
        async with pool(
            {"rtf": 0.001, "first_chunk": 0.0, "batch": 4, "batch_wait": 0.05}, FAILING
        ) as engine:
            good, bad = await asyncio.gather(
                whole(engine.speak(SpeechJob("good", "tone-1"))), whole(engine.speak(SpeechJob("fail me", "tone-1"))),
                return_exceptions=True,
            )  # fmt: skip
            assert good
            assert isinstance(bad, EngineFailed)
            assert "Not this one" in str(bad)
            both = await asyncio.gather(
                whole(engine.speak(SpeechJob("good", "tone-1"))), whole(engine.speak(SpeechJob("fail all", "tone-1"))),
                return_exceptions=True,
            )  # fmt: skip
            assert [type(one) for one in both] == [EngineFailed, EngineFailed]
            assert await whole(engine.speak(SpeechJob("good", "tone-1"))) == good
            assert engine.status().workers[0].restarts == 0

    run(test)


@pytest.mark.usefixtures("adapter_importable")
def test_a_batch_that_hangs_costs_its_worker_only() -> None:
    """A call that never returns is detected once nobody wants its jobs, and the worker is replaced."""

    async def test() -> None:
        async with pool({"rtf": 0.001, "first_chunk": 0.0, "batch": 4}, FAILING) as engine:
            with pytest.raises((WorkerLost, TimeoutError)):
                await asyncio.wait_for(whole(engine.speak(SpeechJob("hang", "tone-1"))), 0.5)
            assert await whole(engine.speak(SpeechJob("good", "tone-1"), RequestTerms()))

    run(test)


def test_a_killed_worker_costs_its_batch_one_more_try() -> None:
    """After kill -9 before the first audio every job of the batch is tried again."""

    async def test() -> None:
        async with pool({"rtf": 0.1, "first_chunk": 0.5, "batch": 4, "batch_wait": 0.05}) as engine:
            tasks = [asyncio.create_task(whole(engine.speak(job))) for job in jobs(4)]
            while engine.status().running < 4:  # noqa: ASYNC110 - the state is another process's
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            pid = engine.status().workers[0].pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            assert all(await asyncio.gather(*tasks))
            assert engine.status().retried == 4

    run(test)
