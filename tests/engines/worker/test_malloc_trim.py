"""Tests that a worker returns unused memory to the system."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest
from one_worker import path_of_engines, started

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.catalogue.engines import EngineRecord
from engines.fleet.worker_environ import default_variables
from engines.fleet.worker_process import WorkerProcess
from engines.settings import Options
from engines.wire.client import WorkerClient
from engines.worker import malloc_trim

PIECES = 3_000
"""pieces of memory that a job needs"""
PIECE_BYTES = 40_000
RETURNED = 0.8
"""the least part of that memory that is returned"""


class Fragmenting:
    """An engine that allocates much memory in pieces for each job, and frees all but the last of them, of
    which the C library alone returns none.
    """

    def __init__(self, report: str = "") -> None:
        self._report = Path(report)
        self._kept: list[bytes] = []

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info. Its idle time is short, so that its worker returns memory soon."""
        malloc_trim.DELAY_SECONDS = 0.5
        capabilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo(
            "fragmenting", "1", "MIT", ("fragmenting",), (Voice("low", "Low"),), speech=capabilities
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Allocate memory, free it, report the process's memory, and synthesise."""
        pieces = [bytes([number % 255 + 1]) * PIECE_BYTES for number in range(PIECES)]
        self._kept.append(pieces[-1])
        del pieces
        self._report.write_text(str(psutil.Process().memory_info().rss))
        out.audio(bytes(4800))


def worker(options: Options) -> AbstractAsyncContextManager[tuple[WorkerProcess, WorkerClient]]:
    return started(EngineRecord("fragmenting", "test_malloc_trim:Fragmenting", ("speech",), "MIT"), options)


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this file on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems is not called")
def test_memory_of_a_job_is_returned(tmp_path: Path) -> None:
    """Soon after a job a worker holds hardly any of the memory that the job freed, though it lay between
    pieces in use.
    """

    async def test() -> None:
        report = tmp_path / "held"
        async with worker({"report": str(report)}) as (process, client):
            async for _event in client.speak(SpeechJob("Hello.", "low")):
                pass
            held = int(report.read_text())
            worker_process = psutil.Process(process.pid)
            limit = held - RETURNED * PIECES * PIECE_BYTES
            while worker_process.memory_info().rss > limit:  # noqa: ASYNC110 - nothing reports it
                await asyncio.sleep(0.1)

    asyncio.run(asyncio.wait_for(test(), 60))


def test_heap_settings_depend_on_the_c_library() -> None:
    """Only a glibc that accepts all heap settings gets them: an older one would refuse a part, and be slower
    with the rest.
    """
    heap_is_set = {
        libc: "MALLOC_ARENA_MAX" in default_variables(libc)
        for libc in (("glibc", "2.35"), ("glibc", "2.34"), ("", ""), ("musl", "3.1"))
    }
    assert list(heap_is_set.values()) == [True, False, False, False]
    assert "LRU_CACHE_CAPACITY" in default_variables(("glibc", "2.28"))


@pytest.mark.parametrize("capacity", [None, "1024"])
def test_caches_of_kernels_are_small(monkeypatch: pytest.MonkeyPatch, capacity: str | None) -> None:
    """oneDNN keeps 128 kernels in a worker, or as many as the gateway's environment says."""
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    monkeypatch.delenv("LRU_CACHE_CAPACITY", raising=False)
    if capacity:
        monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", capacity)

    async def test() -> None:
        async with worker({}) as (process, _client):
            environ = psutil.Process(process.pid).environ()
            assert environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == (capacity or "128")
            assert environ["LRU_CACHE_CAPACITY"] == "128"
            assert "GOMP_SPINCOUNT" in environ

    asyncio.run(asyncio.wait_for(test(), 60))
