"""Tests of jobs that find too little memory: they end with the figures, and cost no other job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import pytest
from one_worker import path_of_engines, started

from engines.api import (
    ALONE,
    Audio,
    Batches,
    BatchItem,
    EngineInfo,
    Output,
    Place,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    Voice,
)
from engines.catalogue.engines import EngineRecord
from engines.errors import BadInput, EngineFailed, Overloaded
from engines.wire.client import WorkerClient
from engines.worker.device_memory import as_overloaded

TORCH_SAYS = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 7.79 GiB of which 312.00 MiB is "
    "free. Process 4711 has 7.40 GiB memory in use."
)
CHUNK = bytes(480)
ALONE_RECORD = EngineRecord("small", "test_out_of_memory:Small", ("speech",), "none")


class Small:
    """An engine with memory for one job that is not "large" at a time; with `size` it is one in batches."""

    def __init__(self, size: int = 0) -> None:
        self._size = size

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        return EngineInfo(
            "small",
            "1",
            "none",
            ("small",),
            (Voice("low", "Low"),),
            speech=SpeechCapabilities(24_000, ("en",)),
            concurrency=Batches(self._size, 1.0) if self._size else ALONE,
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak, or fail."""
        if job.text == "large":
            try:
                raise RuntimeError(TORCH_SAYS)
            except RuntimeError as exc:
                raise EngineFailed("The model failed.") from exc
        out.audio(CHUNK * len(job.text))

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Speak one job, or fail; those that say so give audio before."""
        for item in items:
            if item.job.text == "early":
                item.out.audio(CHUNK)
            if item.job.text == "done":
                item.out.audio(CHUNK)
                item.finish(None)
        if len(items) > 1:
            raise RuntimeError(TORCH_SAYS)
        self.speak(items[0].job, items[0].out)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


@pytest.fixture(autouse=True)
def paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import this file."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


async def speak(client: WorkerClient, text: str) -> int | Exception:
    """Return how many chunks a job gave, or its error."""
    try:
        async with aclosing(client.speak(SpeechJob(text, "low"))) as events:
            return sum([len(event.pcm) // len(CHUNK) async for event in events if isinstance(event, Audio)])
    except Exception as exc:
        return exc


def test_a_job_that_finds_too_little_memory() -> None:
    """A job for which there is too little memory is refused with the figures, as one to try again, and the next
    one is done by the same process.
    """

    async def test() -> None:
        async with started(ALONE_RECORD) as (process, client):
            error = await speak(client, "large")
            assert isinstance(error, Overloaded)
            assert "needs 2.50 GiB more, and 312.00 MiB is free" in error.message
            assert error.retry_after > 0
            assert await speak(client, "word") == 4
            assert process.running

    run(test)


def test_each_member_of_a_batch_is_tried_alone() -> None:
    """Where a batch is too much, each of its jobs is done alone; only one that is too much by itself, and one
    that has given audio already, end with the figures.
    """

    async def test() -> None:
        async with started(ALONE_RECORD, {"size": 5}) as (_, client):
            texts = ("a", "word", "large", "early", "done")
            spoken = await asyncio.gather(*(speak(client, text) for text in texts))
            assert spoken[:2] == [1, 4]
            assert spoken[4] == 1
            for error in spoken[2:4]:
                assert isinstance(error, Overloaded)
                assert "2.50 GiB" in error.message

    run(test)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"
        ),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("HIP out of memory. Tried to allocate 1.00 GiB."),
        RuntimeError("XPU out of memory."),
        MemoryError(),
    ],
)
def test_too_little_memory_is_recognised(error: Exception) -> None:
    """Whatever kind of memory it was, and whichever library says so; its words are for the log."""
    found = as_overloaded(error)
    assert isinstance(found, Overloaded)
    assert "too little memory" in found.message
    assert "CUBLAS" not in found.message


@pytest.mark.parametrize(
    "error", [RuntimeError("no such key"), BadInput("out of memory"), Overloaded("busy")]
)
def test_others_stay_what_they_are(error: Exception) -> None:
    """Other errors, and those that the engine itself has words for, stay."""
    assert as_overloaded(error) is error
    assert as_overloaded(None) is None
