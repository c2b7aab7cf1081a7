"""Tests of what a pool tells of its jobs and how long they may wait, with real workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace

import pytest

from engines.api import Audio, SpeechJob
from engines.catalogue.engines import find_engine
from engines.fleet import pool as pool_module
from engines.fleet.pool import Pool, Stream
from engines.fleet.slots import JobOutcome
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, WorkerSettings


class RecordingGroup(WorkerGroup):
    """Workers that note how jobs ended."""

    outcomes: list[JobOutcome]

    def release(self, need: StreamNeed, slot: object, outcome: JobOutcome) -> None:
        """Note the outcome."""
        self.outcomes.append(outcome)
        super().release(need, slot, outcome)  # type: ignore[arg-type]  # of this group


@asynccontextmanager
async def running_pool() -> AsyncIterator[tuple[Pool, RecordingGroup]]:
    group = RecordingGroup(
        find_engine("tone"), EngineSettings(workers=1), WorkerSettings(), lambda *_, **__: None
    )
    group.outcomes = []
    pool = Pool("tone", group, 1)
    async with group.running(), asyncio.timeout(60):
        while pool.status().workers[0].state != "ready":  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)
        yield pool, group


async def speak(stream: Stream, text: str) -> float:
    """Return the seconds of audio of a segment."""
    async with aclosing(stream.speak(SpeechJob(text, "tone-1"))) as events:
        return sum([len(event.pcm) async for event in events if isinstance(event, Audio)]) / 48_000


def test_what_a_job_made_is_told() -> None:
    """The seconds of audio that a job made are told with its end, by which the engine's pace is known."""

    async def test() -> None:
        async with running_pool() as (pool, group), pool.open() as stream:
            seconds = await speak(stream, "one two three")
            assert seconds > 0.1
            assert [outcome.made for outcome in group.outcomes] == [pytest.approx(seconds)]
            assert not group.outcomes[0].lost

    asyncio.run(asyncio.wait_for(test(), 90))


def test_only_the_first_job_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that has begun goes on long after its deadline, however long a segment waits for a worker."""

    async def test() -> None:
        async with (
            running_pool() as (pool, _),
            pool.open(RequestTerms(deadline=time.monotonic() + 600)) as stream,
            pool.open() as other,
        ):
            assert await speak(stream, "one")
            in_an_hour = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600)
            monkeypatch.setattr(pool_module, "time", in_an_hour)
            busy = asyncio.create_task(speak(other, "[wait 0.5] one"))
            while not pool.status().running:  # noqa: ASYNC110 - nothing tells that a job has begun
                await asyncio.sleep(0.01)
            assert await speak(stream, "two")
            assert await busy

    asyncio.run(asyncio.wait_for(test(), 90))
