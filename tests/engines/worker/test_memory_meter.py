"""Tests of what a worker says that it takes of memory: the most, of its own, while it loads and works."""

from __future__ import annotations

import asyncio
import mmap
import re
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import pytest
from one_worker import path_of_engines, started

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.catalogue.engines import EngineRecord
from engines.settings import Options
from engines.wire.client import WorkerClient
from engines.wire.memory_use import MemoryUse
from engines.worker.device_memory import give_back
from engines.worker.memory_meter import MemoryMeter

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
        out.audio(bytes(2 * (len(b"\1" * LARGE) % 3) + 2))


class OnApplesGpu:
    """An engine whose jobs hold as many GiB of Apple's GPU, until the next one, as their texts say."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Stand in for torch."""
        self._gpu = AppleGpu()
        sys.modules["torch"] = self._gpu.torch  # type: ignore[assignment]
        capabilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo(
            "apple", "1", "none", ("apple",), (Voice("low", "Low"),), speech=capabilities, device="mps"
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Hold memory, and give a little audio."""
        self._gpu.give_back()
        self._gpu.hold(int(job.text) * 2**30)
        self._gpu.give_back()
        out.audio(bytes(2))


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


class AppleGpu:
    """What torch or MLX says of Apple's GPU: bytes that are held, and kept for later."""

    def __init__(self) -> None:
        self.held = self.kept = self.most = 0
        mps = SimpleNamespace(
            driver_allocated_memory=lambda: self.held + self.kept, empty_cache=self.give_back
        )
        backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))
        no_card = SimpleNamespace(is_available=lambda: False)
        self.torch = SimpleNamespace(mps=mps, backends=backends, cuda=no_card, xpu=no_card)
        self.mlx = SimpleNamespace(
            get_active_memory=lambda: self.held,
            get_cache_memory=lambda: self.kept,
            get_peak_memory=lambda: self.most,
            clear_cache=self.give_back,
        )

    def hold(self, held: int) -> None:
        """Hold so many bytes; what there was more is kept for later."""
        self.kept = max(0, self.held + self.kept - held)
        self.held = held
        self.most = max(self.most, held)

    def give_back(self) -> None:
        """Keep nothing for later."""
        self.kept = 0


@pytest.mark.parametrize(("device", "module"), [("mps", "torch"), ("mlx", "mlx.core")])
def test_what_apples_gpu_has_of_the_machine_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, module: str
) -> None:
    """The most that Apple's GPU had after any job is told, also once it has been given back, and counts as memory of
    the machine, of which it is a part; a model that computes on the processor asks it nothing.
    """
    gpu = AppleGpu()
    monkeypatch.setitem(sys.modules, module, gpu.torch if module == "torch" else gpu.mlx)
    if module != "torch":
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    (tmp_path / "status").write_text("VmHWM:\t1000 kB\n")
    meter, on_processor = MemoryMeter(tmp_path), MemoryMeter(tmp_path)
    meter.computes_on(device)
    on_processor.computes_on("cpu")
    gpu.hold(3 * LARGE)
    assert meter.use() == MemoryUse(1_024_000 + 3 * LARGE, gpu=3 * LARGE, gpu_peak=3 * LARGE)
    gpu.hold(5 * LARGE)
    gpu.hold(3 * LARGE)
    meter.look()  # as a job ends
    give_back()
    assert gpu.kept == 0
    assert meter.use() == MemoryUse(1_024_000 + 5 * LARGE, gpu=3 * LARGE, gpu_peak=5 * LARGE)
    assert on_processor.use() == MemoryUse(1_024_000)


def test_each_job_is_looked_at() -> None:
    """A worker tells the most that Apple's GPU had after any of its jobs, whenever it is asked."""

    async def test() -> None:
        record = EngineRecord("apple", "test_memory_meter:OnApplesGpu", ("speech",), "none")
        async with started(record) as (_, client):
            for text in ("3", "1"):
                async with aclosing(client.speak(SpeechJob(text, "low"))) as events:
                    assert [event async for event in events]
            use = await use_of(client)
            assert (use.gpu, use.gpu_peak) == (2**30, 3 * 2**30)
            assert use.peak > use.gpu_peak

    run(test)


def test_an_apple_gpu_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older library, and a device that raises, leave the figures at what the kernel says."""
    (tmp_path / "status").write_text("VmHWM:\t1000 kB\n")

    def is_lost() -> int:
        raise RuntimeError("MPS backend is not available")

    for mps in (SimpleNamespace(), SimpleNamespace(driver_allocated_memory=is_lost)):
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(mps=mps))
        meter = MemoryMeter(tmp_path)
        meter.computes_on("mps")
        assert meter.use() == MemoryUse(1_024_000)
