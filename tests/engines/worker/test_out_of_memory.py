"""Tests of jobs that find too little memory: they end with the figures, and cost no other job."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
    StepResult,
    Steps,
    Voice,
    attempt,
)
from engines.catalogue.engines import EngineRecord
from engines.errors import BadInput, EngineFailed, Overloaded
from engines.settings import Options
from engines.wire.client import WorkerClient
from engines.worker.device_memory import as_overloaded, give_back, missing_bytes

TORCH_SAYS = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 7.79 GiB of which 312.00 MiB is "
    "free. Process 4711 has 7.40 GiB memory in use."
)
CHUNK = bytes(480)
KEEPING = EngineRecord("keeping", "test_out_of_memory:Keeping", ("speech",), "none")
IN_STEPS = EngineRecord("in-steps", "test_out_of_memory:InSteps", ("speech",), "none")
ALONE_RECORD = EngineRecord("small", "test_out_of_memory:Small", ("speech",), "none")


class Keeping:
    """An engine with a stand-in for torch that writes into a file what is given back; a text that says "large" finds
    too little memory.
    """

    def __init__(self, file: str) -> None:
        self._file = Path(file)

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Stand in for torch."""

        def device(name: str) -> SimpleNamespace:
            def empty_cache() -> None:
                with self._file.open("a") as written:
                    written.write(f"{name} ")

            return SimpleNamespace(
                is_available=lambda: True, is_initialized=lambda: name != "xpu", empty_cache=empty_cache
            )

        backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
        torch = SimpleNamespace(**{name: device(name) for name in ("cuda", "xpu", "mps")}, backends=backends)
        sys.modules["torch"] = torch  # type: ignore[assignment]
        capabilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo(
            "keeping", "1", "none", ("keeping",), (Voice("low", "Low"),), speech=capabilities, device="cuda"
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak, or fail."""
        if "large" in job.text:
            raise RuntimeError(TORCH_SAYS)
        out.audio(CHUNK)


class Small:
    """An engine with memory for `room` jobs that are not "large" at a time; with `size` it is one in batches, whose calls
    it writes into a file.
    """

    def __init__(self, size: int = 0, room: int = 1, file: str = "") -> None:
        self._size = size
        self._room = room
        self._file = file

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
        """Speak jobs, or fail; those that say so give audio before."""
        if self._file:
            with Path(self._file).open("a") as calls:
                calls.write(" ".join(item.job.text for item in items) + "\n")
        for item in items:
            if item.job.text == "early":
                item.out.audio(CHUNK)
            if item.job.text == "done":
                item.out.audio(CHUNK)
                item.finish(None)
        if len(items) > self._room:
            raise RuntimeError(TORCH_SAYS)
        for item in items:
            self.speak(item.job, item.out)


class InSteps:
    """An engine in steps with memory for `begun` members, and for `room` in a step; each job has a chunk a letter.

    A member is stepped wholly, or not at all.
    """

    def __init__(self, begun: int = 9, room: int = 9, repeatable: bool = True) -> None:
        self._begun = begun
        self._room = room
        self._repeatable = repeatable
        self._members = 0

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        return EngineInfo(
            "in-steps",
            "1",
            "none",
            ("in-steps",),
            (Voice("low", "Low"),),
            speech=SpeechCapabilities(24_000, ("en",)),
            concurrency=Steps(4, admitted=4, repeatable=self._repeatable),
        )

    def begin(self, job: SpeechJob, out: SpeechOutput) -> list[Any]:
        """Return how many chunks are left, where there is memory for it."""
        if self._members == self._begun or job.text == "huge":
            raise RuntimeError(TORCH_SAYS)
        self._members += 1
        return [len(job.text), out, job.text]

    def step(self, members: Sequence[list[Any]]) -> list[StepResult]:
        """Give a chunk of each, where there is memory for all of them."""
        time.sleep(0.01)
        if len(members) > self._room or any(text == "large" for _, _, text in members):
            raise RuntimeError(TORCH_SAYS)
        return [attempt(partial(self._advance, member)) for member in members]

    def _advance(self, member: list[Any]) -> bool:
        member[1].audio(CHUNK)
        member[0] -= 1
        return bool(member[0])

    def drop(self, member: list[Any]) -> None:
        """Forget a member."""
        self._members -= 1


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


def test_the_worker_tells_of_jobs_that_found_too_little_memory() -> None:
    """Its status has how many there were, and how much the last one lacked."""

    async def test() -> None:
        async with started(ALONE_RECORD) as (_, client):
            use = await client.memory(30)
            assert use is not None
            assert (use.shortages, use.missing) == (0, 0)
            for count in (1, 2):
                await speak(client, "large")
                use = await client.memory(30)
                assert use is not None
                assert (use.shortages, use.missing) == (count, 5 * 2**29)

    run(test)


def test_a_batch_that_is_too_much_is_halved(tmp_path: Path) -> None:
    """What was too much at once is tried in halves, not one by one at once: each part is as large as can be."""

    async def test() -> None:
        calls = tmp_path / "calls"
        options: Options = {"size": 4, "room": 2, "file": str(calls)}
        async with started(ALONE_RECORD, options) as (_, client):
            texts = ("aa", "bbb", "c", "dddd")
            assert await asyncio.gather(*(speak(client, text) for text in texts)) == [2, 3, 1, 4]
            assert [len(line.split()) for line in calls.read_text().splitlines()] == [4, 2, 2]

    run(test)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_step_that_is_too_much_is_halved(room: int) -> None:
    """Members for which there is too little memory together go on in parts; one that is too much alone ends with the
    figures, and the others have all of their audio.
    """

    async def test() -> None:
        async with started(IN_STEPS, {"room": room}) as (process, client):
            spoken = await asyncio.gather(*(speak(client, text) for text in ("a", "bbbb", "large", "cccccc")))
            assert [one for one in spoken if isinstance(one, int)] == [1, 4, 6]
            assert isinstance(spoken[2], Overloaded)
            assert "2.50 GiB" in spoken[2].message
            assert process.running

    run(test)


def test_a_step_that_cannot_be_taken_again() -> None:
    """Where the engine cannot take a step again, those in it end with the figures, and the next job is spoken."""

    async def test() -> None:
        async with started(IN_STEPS, {"room": 1, "repeatable": False}) as (_, client):
            spoken = await asyncio.gather(*(speak(client, text * 50) for text in "abc"))
            assert any(isinstance(one, Overloaded) for one in spoken)
            assert all(isinstance(one, Overloaded) or one == 50 for one in spoken)
            assert await speak(client, "word") == 4

    run(test)


def test_who_finds_no_memory_to_begin_waits() -> None:
    """A job for which there is too little memory beside others begins when one of them has ended; one that is too much
    alone ends with the figures.
    """

    async def test() -> None:
        async with started(IN_STEPS, {"begun": 2}) as (_, client):
            texts = ("aaaaaaaa", "bbbb", "cc", "huge", "dd", "e")
            spoken = await asyncio.gather(*(speak(client, text) for text in texts))
            assert [one for one in spoken if isinstance(one, int)] == [8, 4, 2, 2, 1]
            assert isinstance(spoken[3], Overloaded)

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
        RuntimeError("level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
        RuntimeError(
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 2147483648"
        ),
        RuntimeError(
            "[METAL] Command buffer execution failed: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"
        ),
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
    ("said", "size"),
    [
        (TORCH_SAYS, 5 * 2**29),
        ("CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity)", 20 * 2**20),
        ("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes.", 99),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED", 0),
    ],
)
def test_how_much_was_lacking_is_read(said: str, size: int) -> None:
    """The figure of the library is read, whichever unit it has."""
    assert missing_bytes(RuntimeError(said)) == size
    assert missing_bytes(None) == missing_bytes(BadInput("no")) == 0


@pytest.mark.parametrize(
    "error", [RuntimeError("no such key"), BadInput("out of memory"), Overloaded("busy")]
)
def test_others_stay_what_they_are(error: Exception) -> None:
    """Other errors, and those that the engine itself has words for, stay."""
    assert as_overloaded(error) is error
    assert as_overloaded(None) is None


def test_a_refusal_that_came_of_too_little_memory_is_none() -> None:
    """An adapter that takes whatever it finds in a voice prompt for the prompt's fault blames no caller for it."""
    refusal = BadInput("This voice prompt is none of this model's.")
    refusal.__cause__ = RuntimeError(TORCH_SAYS)
    assert isinstance(as_overloaded(refusal), Overloaded)
    assert missing_bytes(refusal) == 5 * 2**29


def test_a_lost_gpu_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that was lost meanwhile does not keep jobs that are to go on, or to end with their error, from it."""

    def is_lost() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    card = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, empty_cache=is_lost)
    backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
    torch = SimpleNamespace(cuda=card, xpu=card, mps=card, backends=backends)
    monkeypatch.setitem(sys.modules, "torch", torch)
    give_back(RuntimeError(TORCH_SAYS))


@pytest.mark.parametrize("text", ["large", "small"])
def test_what_torch_keeps_is_given_back(tmp_path: Path, text: str) -> None:
    """It is given back of each device that was used, at once where a job found too little memory, before its answer,
    and else some seconds after a job.
    """

    async def test() -> None:
        file = tmp_path / "given"
        async with started(KEEPING, {"file": str(file)}) as (_, client):
            if text == "large":
                assert isinstance(await speak(client, text), Overloaded)
                assert file.read_text() == "cuda mps "
                return
            assert await speak(client, text) == 1
            while not file.exists() or not file.read_text().endswith("mps "):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
            assert file.read_text() == "cuda mps "

    run(test)
