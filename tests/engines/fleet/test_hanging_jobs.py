"""Tests of jobs that hang their workers: they are not done again, and are told apart from workers that died or were
stopped by others.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import contract_engines
import pytest
from one_worker import path_of_engines

from engines.api import (
    Audio,
    CloningCapabilities,
    EngineInfo,
    Finished,
    Output,
    Place,
    PromptJob,
    Sample,
    SpeechJob,
    SpeechOutput,
    TranscriptionJob,
    TranscriptionOutput,
)
from engines.api.concurrency import ALONE
from engines.catalogue.engines import EngineRecord
from engines.errors import EngineHung
from engines.fleet.pool import Pool
from engines.fleet.repeatable_audio import RepeatableAudio
from engines.fleet.silent_workers import REMEMBERED, SilentWorkers
from engines.fleet.worker_endings import ending
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire.address import WorkerAddress
from engines.wire.client import WorkerLost
from engines.wire.exit_status import BROKEN, HUNG

STALL = 3.0
SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=STALL, start_timeout=60.0, health_timeout=60.0)
FREEZING = EngineRecord("freezing", "test_hanging_jobs:Freezing", ("speech", "transcription"), "MIT")
STEPPING = EngineRecord("stepping", "contract_engines:Stepping", ("speech",), "MIT")
SILENT = f"the engine gave no sign of life for {STALL:.0f} s and was ended"


def freeze() -> None:
    """Keep the interpreter, and with it all threads of the process, for ever."""
    ctypes.PyDLL(None).sleep(1000)


class Freezing:
    """An engine that keeps the whole process where a text, a sample or a recording has it: one job at a time."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info."""
        cloning = CloningCapabilities(contract_engines.RATE)
        return contract_engines.info("freezing", ALONE, cloning=cloning, hears=True)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give audio, and keep the process where the text says so."""
        if job.text.startswith("late"):
            out.audio(contract_engines.CHUNK)
        while job.text.startswith("late"):
            time.sleep(1)
        if "freeze" in job.text:
            freeze()
        if "crash" in job.text:
            os._exit(9)
        out.audio(contract_engines.CHUNK)

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Keep the process."""
        freeze()
        return b""

    def open_prompt(self, data: bytes) -> str:
        """Return nothing of interest."""
        return "opened"

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Keep the process."""
        freeze()
        return Finished(0.0, "en")


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


@asynccontextmanager
async def pool(
    record: EngineRecord, workers: int, options: Options | None = None, settings: WorkerSettings = SETTINGS
) -> AsyncIterator[Pool]:
    """Run workers, and yield their pool once all are ready."""
    group = WorkerGroup(record, EngineSettings(workers=workers, options=options or {}), settings, _no_log)
    async with group.running():
        made = Pool(record.name, group, workers)
        await until(lambda: all(worker.state == "ready" for worker in made.status().workers))
        yield made


def _no_log(*_args: object, **_fields: object) -> None:
    """Log nothing."""


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


async def speak(pool: Pool, text: str) -> bytes:
    async with aclosing(pool.speak(SpeechJob(text, "low"))) as events:
        return b"".join([event.pcm async for event in events if isinstance(event, Audio)])


async def create_prompt(pool: Pool) -> object:
    async with pool.open() as stream:
        sample = Sample(bytes([1, 0]) * contract_engines.RATE)
        return await stream.create_prompt(PromptJob((sample,)), contract_engines.RATE)


async def transcribe(pool: Pool) -> object:
    async def audio() -> AsyncIterator[bytes]:
        yield bytes(32_000)

    async with aclosing(pool.transcribe(TranscriptionJob(), RepeatableAudio(audio), whole=True)) as events:
        return [event async for event in events]


def restarts(pool: Pool) -> int:
    return sum(worker.restarts for worker in pool.status().workers)


@pytest.mark.parametrize("what", ["speak", "prompt", "transcribe"])
def test_a_job_that_hangs_its_worker_is_not_done_again(what: str) -> None:
    """Whatever gives no sign of life costs one worker and not the next, and is told as that, with the seconds; health
    tells the same. Others are served.
    """
    work = {"speak": lambda pool: speak(pool, "freeze"), "prompt": create_prompt, "transcribe": transcribe}

    async def test() -> None:
        async with pool(FREEZING, 2) as freezing:
            with pytest.raises(EngineHung, match=f"no sign of life for {STALL:.0f} s .* not tried again"):
                await work[what](freezing)
            assert await speak(freezing, "good") == contract_engines.CHUNK
            await until(lambda: restarts(freezing) == 1)
            assert freezing.status().retried == 0

    run(test)


def test_a_frozen_process_that_health_found() -> None:
    """A job that keeps its whole process is not done again either where the health check ends that."""
    settings = WorkerSettings(
        restart_delay=0.05, stall_timeout=50.0, health_interval=0.2, health_timeout=STALL
    )

    async def test() -> None:
        async with pool(FREEZING, 2, settings=settings) as freezing:
            with pytest.raises(EngineHung, match="no sign of life"):
                await speak(freezing, "freeze")
            await until(lambda: restarts(freezing) == 1)
            assert freezing.status().retried == 0

    run(test)


def test_a_segment_that_is_asked_for_again() -> None:
    """A segment that hung after its first audio is not done again where its request asks for it once more."""

    async def test() -> None:
        async with pool(FREEZING, 2) as freezing, freezing.open() as stream:
            for error in (WorkerLost, EngineHung):
                with pytest.raises(error, match=f"no sign of life for {STALL:.0f} s"):
                    _ = [event async for event in stream.speak(SpeechJob("late", "low", index=3))]
            assert [event async for event in stream.speak(SpeechJob("good", "low", index=4))]
            await until(lambda: restarts(freezing) == 1)

    run(test)


def test_jobs_that_share_a_call_are_done_once_more() -> None:
    """Where an engine does several jobs at once, any may be the one that hangs: each is done once more, and the one
    that hangs the next worker too is told so.
    """

    async def test() -> None:
        async with pool(STEPPING, 1, {"file": os.devnull}) as stepping:
            with pytest.raises(EngineHung, match="not tried once more"):
                await speak(stepping, "hang")
            await until(lambda: restarts(stepping) == 2)
            assert stepping.status().retried == 1
            assert await speak(stepping, "good") == contract_engines.CHUNK

    run(test)


def test_a_worker_that_others_stopped() -> None:
    """What a worker had that somebody stopped from outside is done by another: the job is not to blame."""
    settings = WorkerSettings(
        restart_delay=0.05, stall_timeout=50.0, health_interval=0.2, health_timeout=STALL
    )

    async def test() -> None:
        async with pool(FREEZING, 1, settings=settings) as freezing:
            pid = freezing.status().workers[0].pid
            assert pid
            os.kill(pid, signal.SIGSTOP)
            assert await speak(freezing, "good") == contract_engines.CHUNK

    run(test)


def test_a_worker_that_died_says_how() -> None:
    """The reason at health is in words: how the process ended, and after a hang how long it gave no sign of life."""
    settings = WorkerSettings(restart_delay=3.0, stall_timeout=STALL, start_timeout=60.0, health_timeout=60.0)
    reasons = {
        "crash": "the worker ended by itself, with status 9",
        "freeze": SILENT,
    }

    async def test() -> None:
        for text, reason in reasons.items():
            async with pool(FREEZING, 1, settings=settings) as freezing:
                job = asyncio.create_task(speak(freezing, text))
                await until(lambda: bool(freezing.status().workers[0].reason))
                assert freezing.status().workers[0].reason == reason
                job.cancel()
                await asyncio.gather(job, return_exceptions=True)

    run(test)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-9, r"killed \(SIGKILL\), as the system does where memory is short"),
        (-11, r"crashed \(SIGSEGV\)"),
        (-6, r"crashed \(SIGABRT\)"),
        (-15, "ended by SIGTERM"),
        (-250, "ended by signal 250"),
        (0, "ended by itself$"),
        (5, "ended by itself, with status 5"),
        (HUNG, "did not stop a job that nobody wanted"),
        (BROKEN, "could do nothing more"),
        (None, "a driver does not let it end"),
    ],
)
def test_endings_in_words(status: int | None, words: str) -> None:
    """Each way in which a process ends has words that say what happened."""
    assert re.search(words, ending(status))


def test_silences_are_forgotten() -> None:
    """What is remembered of workers does not grow without end, and another worker's end is none of a job's."""
    silent = SilentWorkers(lambda: 1)
    workers = [WorkerAddress("http://worker", f"/{number}") for number in range(REMEMBERED + 1)]
    for worker in workers:
        silent.note(worker, 3.0)
    silent.check(tuple(workers[:1]))
    silent.check((WorkerAddress("http://worker", "/another"),))
    with pytest.raises(EngineHung):
        silent.check(tuple(workers[-1:]))
