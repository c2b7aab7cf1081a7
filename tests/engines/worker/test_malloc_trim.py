"""Memory of a worker in which nothing is any more goes back to the system."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest
from one_worker import started

from engines.api import Audio, EmitSpeech, EngineInfo, SpeechCapabilities, SpeechJob, Voice
from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import WorkerProcess, defaults
from engines.settings import Options
from engines.wire.client import WorkerClient
from engines.worker import malloc_trim

PIECES, SIZE = 3_000, 40_000
"""of memory that a job takes, each in bytes"""
MOST = 0.8
"""of that at least goes back"""


class Hoarder:
    """Takes much memory in pieces for each job, and leaves all but the last of it: the C library then gives
    none back by itself.
    """

    def __init__(self, note: str = "") -> None:
        self._note = Path(note)
        self._kept: list[bytes] = []

    def load(self) -> EngineInfo:
        """Say what it is. Time is short here: its worker gives memory back soon."""
        malloc_trim.PAUSE = 0.5
        abilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo("hoarder", "1", "MIT", ("hoarder",), (Voice("low", "Low"),), speech=abilities)

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Take memory, leave it, note what the process holds then, and speak."""
        pieces = [bytes([number % 255 + 1]) * SIZE for number in range(PIECES)]
        self._kept.append(pieces[-1])
        del pieces
        self._note.write_text(str(psutil.Process().memory_info().rss))
        emit(Audio(bytes(4800)))


def worker(options: Options) -> AbstractAsyncContextManager[tuple[WorkerProcess, WorkerClient]]:
    return started(EngineRecord("hoarder", "test_malloc_trim:Hoarder", ("speech",), "MIT"), options)


@pytest.fixture(autouse=True)
def adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find the engine of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of other systems is not asked")
def test_what_a_job_left_goes_back(tmp_path: Path) -> None:
    """Soon after a job a worker holds hardly anything of what the job took and left, though it stood between
    pieces in use.
    """

    async def play() -> None:
        note = tmp_path / "held"
        async with worker({"note": str(note)}) as (process, client):
            async for _event in client.speak(SpeechJob("Hello.", "low")):
                pass
            held, one = int(note.read_text()), psutil.Process(process.pid)
            while one.memory_info().rss > held - MOST * PIECES * SIZE:  # noqa: ASYNC110 - nothing tells when memory goes back
                await asyncio.sleep(0.1)

    asyncio.run(asyncio.wait_for(play(), 60))


def test_only_a_c_library_that_takes_them_is_told_of_heaps() -> None:
    """An older glibc would refuse a part of what makes one heap, and be slower for the rest."""
    told = {
        libc: "MALLOC_ARENA_MAX" in defaults(libc)
        for libc in (("glibc", "2.35"), ("glibc", "2.34"), ("", ""), ("musl", "3.1"))
    }
    assert list(told.values()) == [True, False, False, False]
    assert "LRU_CACHE_CAPACITY" in defaults(("glibc", "2.28"))


@pytest.mark.parametrize("capacity", [None, "1024"])
def test_caches_of_kernels_are_small(monkeypatch: pytest.MonkeyPatch, capacity: str | None) -> None:
    """oneDNN keeps 128 kernels in a worker, or as many as the gateway was started with."""
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    monkeypatch.delenv("LRU_CACHE_CAPACITY", raising=False)
    if capacity:
        monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", capacity)

    async def play() -> None:
        async with worker({}) as (process, _client):
            environ = psutil.Process(process.pid).environ()
            assert environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == (capacity or "128")
            assert environ["LRU_CACHE_CAPACITY"] == "128"
            assert "GOMP_SPINCOUNT" in environ

    asyncio.run(asyncio.wait_for(play(), 60))
