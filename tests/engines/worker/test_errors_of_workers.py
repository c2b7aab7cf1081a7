"""Tests of errors between worker and gateway: whole, and what becomes of a worker that is broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import contract_engines
import pytest
from one_worker import path_of_engines

from engines.api import Audio, SpeechJob
from engines.catalogue.engines import EngineRecord
from engines.errors import BadInput, EngineBroken, EngineFailed, Overloaded, Unsupported
from engines.fleet.pool import Pool
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, Options, WorkerSettings
from engines.wire import errors
from engines.worker.fatal_errors import diagnosed

SETTINGS = WorkerSettings(restart_delay=0.05, stall_timeout=20.0, start_timeout=60.0)
FAILING = EngineRecord("failing", "contract_engines:Failing", ("speech",), "MIT")


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))


@asynccontextmanager
async def pool() -> AsyncIterator[Pool]:
    """Run one worker, and yield its pool."""
    group = WorkerGroup(FAILING, EngineSettings(workers=1), SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool("failing", group, 1)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


async def speak(engine: Pool, text: str) -> int:
    async with aclosing(engine.speak(SpeechJob(text, "low"))) as events:
        return sum([len(event.pcm) async for event in events if isinstance(event, Audio)])


@pytest.mark.parametrize("text", ["busy", "late"])
def test_overloaded_arrives_as_itself(text: str) -> None:
    """An engine that has too much to do says when to come again, before its audio and amid it."""

    async def test() -> None:
        async with pool() as engine:
            with pytest.raises(Overloaded, match="Too much to do") as caught:
                await speak(engine, text)
            assert caught.value.retry_after == 7.5

    run(test)


def test_errors_cross_whole() -> None:
    """Everything that an error of ours says crosses the wire, whichever class it has; a class of an adapter's own
    arrives as the class of ours that it is.
    """

    class OwnError(Unsupported):
        """An error that only an adapter knows."""

    for error, kind in (
        (Overloaded("a", retry_after=3.0), Overloaded),
        (EngineFailed("b", param="c", code="d", detail="e", elsewhere=True), EngineFailed),
        (OwnError("f", retry_after=1.0), Unsupported),
        (EngineBroken("g"), EngineBroken),
    ):
        arrived = errors.to_exception(errors.to_frame(error))
        assert type(arrived) is kind
        said = [(one.message, one.param, one.code, one.detail, one.retry_after, one.elsewhere) for one in (error, arrived)]  # fmt: skip
        assert said[0] == said[1]


@pytest.mark.parametrize("text", ["broken", "fatal"])
def test_a_broken_engine_is_replaced(text: str) -> None:
    """An engine that says it is broken, or reports what a lost GPU does, answers its job; its process ends, and
    the next job is done by a fresh one.
    """

    async def test() -> None:
        async with pool() as engine:
            before = engine.status().workers[0].pid
            with pytest.raises(EngineBroken):
                await speak(engine, text)
            assert await speak(engine, "good") == len(contract_engines.CHUNK)
            status = engine.status().workers[0]
            assert status.pid != before
            assert status.restarts == 1

    run(test)


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: device-side assert triggered",
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "HIP error: an illegal memory access was encountered",
        "CUDA error: unspecified launch failure",
        "Native API failed. Native API returns: 20 (UR_RESULT_ERROR_DEVICE_LOST)",
    ],
)
def test_lost_gpus_are_recognised(text: str) -> None:
    """What CUDA and HIP say of errors that stay is recognised, however an adapter wrapped it."""
    try:
        try:
            raise RuntimeError(text)
        except RuntimeError as exc:
            raise EngineFailed("The model failed.") from exc
    except EngineFailed as exc:
        assert isinstance(diagnosed(exc), EngineBroken)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        ValueError("Expected all tensors to be on the same device"),
        EngineFailed("The model failed."),
        BadInput("There is no voice 'device-side assert'."),
    ],
)
def test_others_are_not(error: Exception) -> None:
    """Running out of memory, faults of one job, and a caller's own words do not cost the process."""
    assert diagnosed(error) is error


def test_a_refusal_that_came_of_a_lost_gpu_is_recognised() -> None:
    """An adapter that takes whatever it finds in a voice prompt for the prompt's fault hides no lost GPU."""
    refusal = BadInput("This voice prompt is none of this model's.")
    refusal.__cause__ = RuntimeError("CUDA error: device-side assert triggered")
    assert isinstance(diagnosed(refusal), EngineBroken)


@asynccontextmanager
async def breaking_pool(tmp_path: Path, concurrency: str) -> AsyncIterator[Pool]:
    """Run one worker of an engine that loses its GPU when a file is there, and yield its pool."""
    record = EngineRecord("breaking", "breaking_engine:Breaking", ("speech", "transcription"), "MIT")
    options: Options = {"folder": str(tmp_path), "name": "breaking", "concurrency": concurrency}
    group = WorkerGroup(record, EngineSettings(workers=1, options=options), SETTINGS, lambda *_, **__: None)
    async with group.running():
        assert await group.wait_ready()
        yield Pool("breaking", group, 1)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the state is another process's
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("concurrency", ["alone", "batches", "steps"])
def test_a_gpu_that_is_lost_when_nobody_listens(tmp_path: Path, concurrency: str) -> None:
    """An engine that breaks in a job whose client has left is replaced as well."""

    async def test() -> None:
        async with breaking_pool(tmp_path, concurrency) as engine:
            before = engine.status().workers[0].pid
            async with aclosing(engine.speak(SpeechJob("A long one.", "low"))) as events:
                async for event in events:
                    if isinstance(event, Audio):
                        break
            (tmp_path / "go").touch()
            await until(lambda: engine.status().workers[0].pid not in (before, None))
            await until(lambda: engine.status().ready)
            assert await speak(engine, "Another one.")
            assert engine.status().workers[0].restarts == 1

    run(test)


@pytest.mark.parametrize("concurrency", ["batches", "steps"])
def test_jobs_that_a_broken_engine_has_not_begun(tmp_path: Path, concurrency: str) -> None:
    """A job that waits in the worker while another one breaks the engine is done by the next process."""

    async def test() -> None:
        async with breaking_pool(tmp_path, concurrency) as engine:
            first = asyncio.create_task(speak(engine, "A long one."))
            await until((tmp_path / "begun").exists)
            second = asyncio.create_task(speak(engine, "Another one."))
            await until(lambda: engine.status().running == 2)
            await asyncio.sleep(0.3)  # and the worker has it
            (tmp_path / "go").touch()
            with pytest.raises(EngineBroken):
                await first
            assert await second
            assert engine.status().workers[0].restarts == 1

    run(test)
