"""Tests of a real GPU's memory: what is told of it, what is given back, and what becomes of a job that finds too little."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest
from one_worker import path_of_engines, started

pytest.importorskip("torch")

import torch

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.catalogue.engines import EngineRecord
from engines.errors import Overloaded
from engines.memory.measure import free_gpu_bytes, gpu_bytes_of, gpu_names, total_gpu_bytes
from engines.toolkit.devices import PREFERENCE, choose_device
from engines.wire.client import WorkerClient
from engines.wire.memory_use import MemoryUse

RECORD = EngineRecord("taking", "test_memory_of_a_gpu:Taking", ("speech",), "none")
WEIGHTS = 64 * 2**20
"""bytes"""
JOB = 256 * 2**20
"""bytes"""
FAR_TOO_MUCH = 2**50
"""bytes"""


class Taking:
    """An engine that takes memory of the GPU when it loads, in a job, or far too much in one that says "large"."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Take some. Raises AssertionError where more than one GPU is in sight."""
        self._device = choose_device(place.device, PREFERENCE, place.group)
        assert torch.cuda.device_count() == 1
        self._weights = torch.zeros(WEIGHTS, dtype=torch.uint8, device=self._device)
        capabilities = SpeechCapabilities(24_000, ("en",), seed=True)
        return EngineInfo(
            "taking",
            "1",
            "none",
            ("taking",),
            (Voice("low", "Low"),),
            speech=capabilities,
            device=self._device.type,
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Take some, and give a little audio."""
        size = FAR_TOO_MUCH if job.text == "large" else JOB
        taken = torch.zeros(size, dtype=torch.uint8, device=self._device)
        out.audio(bytes(2 + 2 * int(taken[0])))


@pytest.fixture(autouse=True)
def paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import this file."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 300))


async def speak(client: WorkerClient, text: str) -> None:
    async with aclosing(client.speak(SpeechJob(text, "low"))) as events:
        assert [event async for event in events]


async def use_of(client: WorkerClient) -> MemoryUse:
    use = await client.memory(30)
    assert use is not None
    return use


@pytest.mark.usefixtures("cuda")
def test_what_a_worker_takes_is_told() -> None:
    """A worker that is given a GPU sees that one alone, and tells what torch took there, at most and now; what a job
    took is given back when it is idle.
    """

    async def test() -> None:
        async with started(RECORD, card=0) as (_, client):
            before = await use_of(client)
            assert WEIGHTS <= before.gpu_peak_used <= before.gpu_peak < JOB
            await speak(client, "Hello.")
            assert (await use_of(client)).gpu_peak_used >= WEIGHTS + JOB
            while (await use_of(client)).gpu >= JOB:  # noqa: ASYNC110 - nothing says so
                await asyncio.sleep(0.2)
            assert (await use_of(client)).gpu_peak_used >= WEIGHTS + JOB

    run(test)


@pytest.mark.usefixtures("cuda")
def test_a_job_that_finds_too_little_memory() -> None:
    """It is refused with the figures that torch says, and the same process does the next one."""

    async def test() -> None:
        async with started(RECORD) as (process, client):
            with pytest.raises(Overloaded, match=r"needs [\d.]+ GiB more, and [\d.]+ \wiB is free"):
                await speak(client, "large")
            use = await use_of(client)
            assert (use.shortages, use.missing) == (1, FAR_TOO_MUCH)
            await speak(client, "Hello.")
            assert process.running

    run(test)


@pytest.mark.usefixtures("cuda")
def test_the_driver_is_asked() -> None:
    """Where the driver tells of its GPUs, it counts as many as torch, with as much memory, and a process takes more
    than torch does.
    """
    totals = total_gpu_bytes()
    if not totals:
        pytest.skip("the driver tells nothing of its GPUs here")
    assert len(totals) == len(free_gpu_bytes()) == torch.cuda.device_count()
    if torch.version.hip is None:
        assert len(gpu_names()) == len(totals)
    for number, total in enumerate(totals):
        assert abs(total - torch.cuda.get_device_properties(number).total_memory) < 0.1 * total

    async def test() -> None:
        async with started(RECORD) as (process, client):
            if held := gpu_bytes_of(process.pid):
                assert held > (await use_of(client)).gpu

    run(test)


def test_how_a_gpu_computes(cuda: str) -> None:
    """Products of float32 have the precision of float32, and are the same each time."""
    device = choose_device(cuda, PREFERENCE, "main")
    generator = torch.Generator("cpu").manual_seed(1)
    left, right = (torch.randn(512, 512, generator=generator) for _ in range(2))
    products = [(left.to(device) @ right.to(device)).cpu() for _ in range(3)]
    exact = left.double() @ right.double()
    assert (products[0] - exact).abs().max() < 1e-3
    assert all(torch.equal(products[0], one) for one in products)
    sound, kernel = left[None, :1], right[None, :1, :31]
    heard = torch.nn.functional.conv1d(sound.to(device), kernel.to(device)).cpu()
    assert (heard - torch.nn.functional.conv1d(sound.double(), kernel.double())).abs().max() < 1e-3
