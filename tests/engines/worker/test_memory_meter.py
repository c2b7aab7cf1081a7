"""Tests of what a worker says that it takes of memory: the most, of its own, while it loads and works."""

from __future__ import annotations

import asyncio
import mmap
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from one_worker import path_of_engines, started

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.catalogue.engines import EngineRecord
from engines.settings import Options
from engines.wire.client import WorkerClient
from engines.wire.memory_use import MemoryUse

LARGE = 256 * 2**20
"""bytes, of which much else takes far less"""
SHARE = 0.8
"""of them, at least, that are seen"""
RECORD = EngineRecord("growing", "test_memory_meter:Growing", ("speech",), "none")


class Growing:
    """An engine that takes much memory for a while: of its own while it loads, of a file, or in a job."""

    def __init__(self, own: int = 0, file: str = "") -> None:
        self._own = own
        self._file = file

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Take memory, and free it."""
        kept = b"\1" * self._own
        if self._file:
            with (
                Path(self._file).open("rb") as opened,
                mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as pages,
            ):
                assert pages[:: mmap.PAGESIZE]
                time.sleep(1.0)
        if kept:
            time.sleep(2.0)
        del kept
        capabilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo("growing", "1", "none", ("growing",), (Voice("low", "Low"),), speech=capabilities)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Take memory, free it, and give a little audio."""
        out.audio(bytes(len(b"\1" * LARGE) % 3 + 2))


@pytest.fixture(autouse=True)
def paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import this file."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


async def use_of(client: WorkerClient) -> MemoryUse:
    use = await client.memory(30)
    assert use is not None
    return use


async def peak_of(options: Options) -> int:
    """Return the most that a worker says it has taken once it is ready."""
    async with started(RECORD, options) as (_, client):
        return (await use_of(client)).peak


def high_water_mark() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def can_begin_anew() -> bool:
    """Return whether the kernel lets a process forget the most that it held."""
    taken = b"\1" * LARGE
    before = high_water_mark()
    del taken
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return 0 < high_water_mark() <= before - SHARE * LARGE


def test_the_most_that_a_job_took_is_told() -> None:
    """What a job takes and gives back is in the peak from then on."""

    async def test() -> None:
        async with started(RECORD) as (_, client):
            before = (await use_of(client)).peak
            assert 0 < before < LARGE
            async with aclosing(client.speak(SpeechJob("Hello.", "low"))) as events:
                assert [event async for event in events]
            assert (await use_of(client)).peak >= before + SHARE * LARGE

    run(test)


def test_the_most_that_loading_took_is_told() -> None:
    """What loading takes of the process's own is in the peak."""

    async def test() -> None:
        assert await peak_of({"own": LARGE}) >= await peak_of({}) + SHARE * LARGE

    run(test)


def test_pages_of_files_that_were_read_to_load_do_not_count(tmp_path: Path) -> None:
    """A file that is read through and closed while a model is loaded is no memory that it takes."""
    if not can_begin_anew():
        pytest.skip("the kernel does not let a process forget its peak here")

    async def test() -> None:
        file = tmp_path / "weights"
        file.write_bytes(b"\1" * LARGE)
        assert await peak_of({"file": str(file)}) < await peak_of({}) + 0.5 * LARGE

    run(test)
