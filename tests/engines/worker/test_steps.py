"""Tests of engines that work in steps: jobs come and go between two steps, and none waits for another's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import contract_engines
import pytest
from one_worker import path_of_engines

from engines.api import Audio, PromptJob, Sample, SpeechJob
from engines.catalogue.engines import EngineRecord, find_engine
from engines.errors import BadInput, EngineFailed
from engines.fleet.pool import Pool
from engines.fleet.streams import RequestTerms
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire.client import WorkerLost

SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=20.0, start_timeout=60.0)
STEPPING = EngineRecord("stepping", "contract_engines:Stepping", ("speech",), "MIT")
UNPACED = RequestTerms(batch=True)
"""on a busy machine a player would have to wait until the others' audio is made in time"""
FOREVER = 100_000
"""chunks of a job that goes on until it is left"""


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))


@asynccontextmanager
async def pool(options: Options, record: EngineRecord = STEPPING) -> AsyncIterator[Pool]:
    """Run one worker, and yield its pool."""
    engine = EngineSettings(workers=1, options=options)
    group = WorkerGroup(record, engine, SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool(record.name, group, 1)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


async def speak(engine: Pool, text: str, voice: str = "low") -> int:
    """Speak a text; return how many bytes of audio there were."""
    async with aclosing(engine.speak(SpeechJob(text, voice), UNPACED)) as events:
        return sum([len(event.pcm) async for event in events if isinstance(event, Audio)])


@asynccontextmanager
async def open_job(engine: Pool, text: str, voice: str = "low") -> AsyncIterator[None]:
    """Speak a text, and leave it at the end of the block, or when it ends by itself; it has begun by then."""
    begun = asyncio.Event()

    async def hear() -> None:
        async with aclosing(engine.speak(SpeechJob(text, voice), UNPACED)) as events:
            async for _ in events:
                begun.set()

    task = asyncio.create_task(hear())
    try:
        await begun.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


def test_who_comes_late_does_not_wait() -> None:
    """A job that comes while another goes on is begun between two of its steps, and done long before its end."""

    async def test() -> None:
        pace = find_engine("pace")
        async with (
            pool({"rtf": 0.2, "first_chunk": 0.0, "steps": 4}, pace) as engine,
            open_job(engine, "on and on it goes, " * 500, "tone-1"),
        ):
            assert await speak(engine, "short", "tone-2") > 0
            assert engine.status().running == 1

    run(test)


def test_jobs_in_steps_get_their_own_audio() -> None:
    """A job's audio among others, who come and go, is to the sample that of the job alone."""

    async def test() -> None:
        texts = [f"text number {number} with {number} words " * (1 + number % 3) for number in range(12)]
        pace = find_engine("pace")

        async def whole(engine: Pool, text: str) -> bytes:
            async with aclosing(engine.speak(SpeechJob(text, f"tone-{len(text) % 30}"))) as events:
                return b"".join([event.pcm async for event in events if isinstance(event, Audio)])

        async with (
            pool({"rtf": 0.001, "first_chunk": 0.0}, pace) as single,
            pool({"rtf": 0.001, "first_chunk": 0.0, "steps": 3}, pace) as many,
        ):
            alone = [await whole(single, text) for text in texts]
            assert await asyncio.gather(*(whole(many, text) for text in texts)) == alone

    run(test)


def test_who_leaves_frees_its_place(tmp_path: Path) -> None:
    """With all places taken, one who leaves is dropped within a step, and who waits gets the place."""

    async def test() -> None:
        notes = tmp_path / "notes"
        async with pool({"file": str(notes), "members": 2}) as engine:
            async with open_job(engine, f"stays {FOREVER}"):
                async with open_job(engine, f"leaves {FOREVER}"):
                    waiting = asyncio.create_task(speak(engine, "waits"))
                    await asyncio.sleep(0.2)
                    assert not waiting.done()
                assert await waiting == len(contract_engines.CHUNK)
            lines = notes.read_text().splitlines()
            left = lines.index(f"drop leaves {FOREVER}")
            assert "begin waits" in lines[left : left + 3]
            assert f"drop stays {FOREVER}" not in lines[: lines.index("drop waits")]
            assert engine.status().workers[0].restarts == 0

    run(test)


def test_a_failing_job_fails_alone(tmp_path: Path) -> None:
    """What one job raises, at its beginning or in a step, is its own error; the others go on to their ends. What
    a whole step raises is the error of all that were in it, and of no later job.
    """

    async def test() -> None:
        async with pool({"file": str(tmp_path / "notes"), "members": 3, "admitted": 3}) as engine:
            good, failed, refused = await asyncio.gather(
                speak(engine, "good 30"), speak(engine, "fail 5"), speak(engine, "refused"), return_exceptions=True
            )  # fmt: skip
            assert good == 30 * len(contract_engines.CHUNK)
            assert isinstance(failed, BadInput) and "Not this one." in failed.message
            assert isinstance(refused, BadInput) and "Never." in refused.message
            async with open_job(engine, f"stays {FOREVER}"):
                with pytest.raises(EngineFailed, match="The step failed"):
                    await speak(engine, "failing")
            assert await speak(engine, "good 2") == 2 * len(contract_engines.CHUNK)
            assert engine.status().workers[0].restarts == 0

    run(test)


def test_beginnings_are_bounded(tmp_path: Path) -> None:
    """Between two steps no more jobs begin than the engine admits: those that go on wait for no others."""

    async def test() -> None:
        notes = tmp_path / "notes"
        async with (
            pool({"file": str(notes), "members": 8, "admitted": 2}) as engine,
            open_job(engine, f"stays {FOREVER}"),
        ):
            await asyncio.gather(*(speak(engine, f"one {number + 3}") for number in range(7)))
        begun = 0
        for line in notes.read_text().splitlines():
            begun = 0 if line.startswith("step") else begun + line.startswith("begin")
            assert begun <= 2
            assert not line.startswith("step") or line.count(",") < 8

    run(test)


def test_a_prompt_comes_between_two_steps(tmp_path: Path) -> None:
    """A voice prompt is made while jobs go on: it waits for a step, not for their ends."""

    async def test() -> None:
        async with (
            pool({"file": str(tmp_path / "notes"), "members": 3}) as engine,
            open_job(engine, f"stays {FOREVER}"),
            engine.open() as stream,
        ):
            sample = Sample(bytes([1, 0]) * contract_engines.RATE)
            assert (await stream.create_prompt(PromptJob((sample,)), contract_engines.RATE)).data

    run(test)


def test_a_step_that_hangs_costs_its_worker_only(tmp_path: Path) -> None:
    """A step that never returns is noticed once nobody wants its jobs, and the worker is replaced."""

    async def test() -> None:
        async with pool({"file": str(tmp_path / "notes")}) as engine:
            before = engine.status().workers[0].pid
            with pytest.raises((WorkerLost, TimeoutError)):
                await asyncio.wait_for(speak(engine, "hang"), 1.0)
            await until(lambda: engine.status().workers[0].pid not in (before, None))
            assert await speak(engine, "good") > 0

    run(test)


def test_concurrency_is_checked_at_load() -> None:
    """An engine that says how it does several jobs, and has no methods for that, is refused when it is loaded;
    so is a number that is none, and two ways at once.
    """
    contradicting = EngineRecord("contradicting", "contract_engines:Contradicting", ("speech",), "MIT")

    async def start(record: EngineRecord, options: Options) -> None:
        await WorkerProcess.start(record, SETTINGS, lambda *_, **__: None, options=options)

    with pytest.raises(StartFailed, match="works by Batches, and has no speak_batch") as caught:
        asyncio.run(start(contradicting, {}))
    assert caught.value.permanent
    with pytest.raises(StartFailed, match="not sound: Expected `int` >= 1"):
        asyncio.run(start(contradicting, {"size": 0}))
    with pytest.raises(StartFailed, match="exclude each other"):
        asyncio.run(start(find_engine("pace"), {"parallel": 2, "steps": 2}))
