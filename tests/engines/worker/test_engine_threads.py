"""Tests of the threads that an engine runs in: one for everything, unless it declares more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from threading import Event

import contract_engines
import pytest
from one_worker import path_of_engines, started

from engines.api import PromptJob, Sample, SpeechJob, TranscriptionJob
from engines.catalogue.engines import EngineRecord
from engines.worker.engine_threads import EngineThreads

RECORD = EngineRecord(
    "one-thread", "contract_engines:OneThread", ("speech", "transcription"), "MIT", warm=True
)


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def audio() -> AsyncIterator[bytes]:
    yield bytes(32_000)


def test_everything_is_done_in_one_thread(tmp_path: Path) -> None:
    """An engine is made, loaded, warmed up, and does prompts and jobs of all kinds in one and the same thread,
    as MLX, CUDA graphs and what torch compiled need it.
    """

    async def test() -> None:
        notes = tmp_path / "notes"
        async with started(RECORD, {"file": str(notes)}) as (process, client):
            for _ in range(2):
                sample = Sample(bytes([1, 0]) * contract_engines.RATE)
                prompt = await client.create_prompt(PromptJob((sample,)), contract_engines.RATE)
                job = SpeechJob("one", "low", prompt=prompt)
                await asyncio.gather(*(_all(client.speak(job)) for _ in range(3)))
                await _all(client.transcribe(TranscriptionJob(), audio()))
            pid = process.pid
        notes_by_work = dict(line.split() for line in notes.read_text().splitlines())
        assert set(notes_by_work) == {
            *("init", "load", "begin", "step", "drop", "prompt", "open", "transcribe"),
        }
        threads = {line.split()[1] for line in notes.read_text().splitlines()}
        assert len(threads) == 1
        assert threads != {str(pid)}  # the loop's

    run(test)


def test_engines_that_declare_threads(tmp_path: Path) -> None:
    """An engine that declares threads gets as many, and not the one that it was loaded in."""

    async def test() -> None:
        notes = tmp_path / "notes"
        async with started(RECORD, {"file": str(notes), "parallel": 3}) as (_, client):
            await asyncio.gather(*(_all(client.speak(SpeechJob("one", "low"))) for _ in range(12)))
        lines = [line.split() for line in notes.read_text().splitlines()]
        loaded = {thread for what, thread in lines if what in ("init", "load")}
        spoke = {thread for what, thread in lines[-12:]}
        assert len(loaded) == 1
        assert 1 <= len(spoke) <= 3
        assert not loaded & spoke

    run(test)


def test_the_threads_know_what_waits() -> None:
    """Work that no thread has begun waits; what is cancelled before it began does not wait any more."""
    threads = EngineThreads(1)
    held, begun = Event(), Event()

    def hold() -> None:
        begun.set()
        held.wait()

    first = threads.submit(hold)
    begun.wait()
    assert not threads.others_wait
    second, third = threads.submit(str), threads.submit(str)
    assert threads.others_wait
    third.cancel()
    assert threads.others_wait
    held.set()
    first.result()
    second.result()
    assert not threads.others_wait
    threads.shutdown()


async def _all(events: AsyncIterator[object]) -> list[object]:
    return [event async for event in events]
