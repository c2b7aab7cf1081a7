"""Tests of which GPU a model is put on, and of whose memory is counted there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from engines.errors import EngineUnavailable
from engines.memory import measure
from engines.memory.governor import GIB, Governor, MemoryNeed
from engines.memory.measure import gpu_bytes_of, gpu_names, total_gpu_bytes

ANY = None


class Workers:
    """A model with two workers of 5 GiB, one on each of two cards."""

    pinned = False
    in_use = False
    device = "cuda"
    gpu_index = 0
    idle_since = 0.0

    def __init__(self) -> None:
        self.alive = [1, 2]

    def pids(self) -> list[int]:
        """Return the processes that are there."""
        return self.alive

    def promised_pids(self) -> list[int]:
        """Return the same."""
        return self.alive

    async def rest(self) -> None:
        """Stop."""
        self.alive = []


class Running:
    """A model that runs on one card, as far as the governor sees it."""

    pinned = False
    in_use = False
    device = "cuda"

    def __init__(self, pid: int, card: int, size: int) -> None:
        self.gpu_index = card
        self.idle_since = float(pid)
        self.size = size
        self.rested = False
        self._pid = pid

    def pids(self) -> list[int]:
        """Return its process id, until it rests."""
        return [] if self.rested else [self._pid]

    def promised_pids(self) -> list[int]:
        """Return the processes for which memory was reserved: none here."""
        return []

    async def rest(self) -> None:
        """Stop."""
        self.rested = True


def governor(models: list[Running], totals: tuple[int, ...]) -> Governor:
    """Return a governor of models on cards of so many GiB."""

    def free() -> list[int]:
        return [
            total * GIB - sum(one.size for one in models if one.gpu_index == card and not one.rested)
            for card, total in enumerate(totals)
        ]

    made = Governor(
        free=lambda: 100 * GIB,
        gpus=free,
        gpu_totals=lambda: [total * GIB for total in totals],
        gpu_held=lambda pid: next(one.size for one in models if one.pids() == [pid]),
        held=lambda _: 0,
    )
    for number, model in enumerate(models):
        made.add(model, f"model{number}")
    return made


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_model_is_put_on_the_freest_card() -> None:
    """The card with the most room is taken, what is promised to others counted; one that is asked for is taken
    whatever others have; a model that needs none, or of whose cards nothing is known, gets none.
    """

    async def test() -> None:
        made = governor([Running(1, 0, 3 * GIB)], (8, 8, 6))
        assert await made.reserve("first", MemoryNeed(1, 4 * GIB, ANY)) == [1]
        assert await made.reserve("second", MemoryNeed(1, 1 * GIB, ANY)) == [2]
        assert await made.reserve("third", MemoryNeed(1, 1 * GIB, 1)) == [1]
        assert await made.reserve("fourth", MemoryNeed(1, 0, ANY)) == [None]
        assert await governor([], ()).reserve("fifth", MemoryNeed(1, GIB, ANY)) == [None]

    run(test)


def test_a_second_promise_leaves_the_first() -> None:
    """Memory that was promised to a worker which still loads is not given to others when another worker of its
    model, which died, is promised memory again; that one's first promise is over.
    """

    async def test() -> None:
        model = Workers()
        made = Governor(
            free=lambda: 100 * GIB,
            gpus=lambda: [8 * GIB, 8 * GIB],
            gpu_totals=lambda: [8 * GIB, 8 * GIB],
            gpu_held=lambda _: 0,
            held=lambda _: 0,
            taken=lambda _: 0,
        )
        made.add(model, "two")
        assert await made.reserve("two", MemoryNeed(GIB, 5 * GIB, ANY), workers=2) == [0, 1]
        model.alive = [2]  # the worker on the first card died
        assert await made.reserve("two", MemoryNeed(GIB, 5 * GIB, ANY)) == [0]
        for card in (0, 1):
            with pytest.raises(EngineUnavailable, match=rf"on GPU {card}"):
                await made.reserve("other", MemoryNeed(GIB, 5 * GIB, card), evict=False)
        assert await made.reserve("small", MemoryNeed(GIB, 2 * GIB, 0), evict=False) == [0]
        made.release("two")
        assert await made.reserve("other", MemoryNeed(GIB, 5 * GIB, 1), evict=False) == [1]

    run(test)


def test_workers_are_put_one_by_one() -> None:
    """Each worker of a model has a card with room of its own; where not all have one, none is started."""

    async def test() -> None:
        made = governor([], (8, 8))
        assert await made.reserve("first", MemoryNeed(1, 3 * GIB, ANY), workers=3) == [0, 1, 0]
        with pytest.raises(
            EngineUnavailable, match=r"on GPU 0: it takes about 3\.0 GiB, 1\.8 GiB can be had"
        ):
            await made.reserve("second", MemoryNeed(1, 3 * GIB, ANY), workers=2)
        made.release("first")
        assert await made.reserve("second", MemoryNeed(1, 3 * GIB, ANY), workers=2) == [0, 1]

    run(test)


def test_a_worker_that_starts_again_and_again_holds_no_more() -> None:
    """What a model holds of a card does not grow with the deaths of its workers: it is not stopped for one that
    needs more than it can give up.
    """

    async def test() -> None:
        model = Workers()
        made = Governor(
            free=lambda: 100 * GIB,
            gpus=lambda: (
                [8 * GIB, 8 * GIB] if not model.alive else [8 * GIB - 5 * GIB * (1 in model.alive), 3 * GIB]
            ),
            gpu_totals=lambda: [16 * GIB, 16 * GIB],
            gpu_held=lambda _: 0,
            held=lambda _: 0,
        )
        model.alive = []
        made.add(model, "twice")
        assert await made.reserve("twice", MemoryNeed(1, 5 * GIB, ANY), workers=2) == [0, 1]
        made.release("twice")
        for _ in range(3):
            model.alive = [2]
            assert await made.reserve("twice", MemoryNeed(1, 5 * GIB, ANY)) == [0]
            made.release("twice")
        model.alive = [1, 2]
        with pytest.raises(EngineUnavailable, match="does not hold enough"):
            await made.reserve("large", MemoryNeed(1, 12 * GIB, 0))
        assert model.alive
        assert await made.reserve("fitting", MemoryNeed(1, 7 * GIB, 0)) == [0]
        assert not model.alive

    run(test)


def test_only_those_on_the_card_give_way() -> None:
    """Where no card has room, the models of one card are stopped, and only as many as it takes; in use, none is,
    and the refusal has the figures of the freest card.
    """

    async def test() -> None:
        models = [Running(1, 0, 5 * GIB), Running(2, 1, 3 * GIB), Running(3, 1, 3 * GIB)]
        models[0].in_use = True
        made = governor(models, (8, 8))
        assert await made.reserve("new", MemoryNeed(1, 4 * GIB, ANY)) == [1]
        assert [one.rested for one in models] == [False, True, False]
        made.release("new")
        models[2].in_use = True
        with pytest.raises(
            EngineUnavailable, match=r"on GPU 1: it takes about 7\.0 GiB, 4\.8 GiB can be had"
        ):
            await made.reserve("larger", MemoryNeed(1, 7 * GIB, ANY))
        assert [one.rested for one in models] == [False, True, False]

    run(test)


class Memory(NamedTuple):
    """Bytes of a card."""

    total: int
    free: int


class Process(NamedTuple):
    """A process on a card."""

    pid: int
    usedGpuMemory: int


class Nvml:
    """NVML with two cards, of which the first is divided into two parts."""

    class NVMLError(Exception):
        """What it raises."""

    PARTS = ("MIG-1", "MIG-2")
    SIZES = {"GPU-a": 40, "GPU-b": 80, "MIG-1": 10, "MIG-2": 20}  # noqa: RUF012 - never changed

    def nvmlDeviceGetCount(self) -> int:
        """Return how many cards there are."""
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> str:
        """Return a card."""
        return ("GPU-a", "GPU-b")[number]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        """Return a card or a part. Raises NVMLError."""
        if uuid not in self.SIZES:
            raise self.NVMLError
        return uuid

    def nvmlDeviceGetUUID(self, handle: str) -> bytes:
        """Return the UUID of a card or a part."""
        return handle.encode()

    def nvmlDeviceGetName(self, _handle: str) -> str:
        """Return the name of all cards."""
        return "Card"

    def nvmlDeviceGetMigMode(self, handle: str) -> tuple[int, int]:
        """Say whether a card is divided. Raises NVMLError."""
        if handle != "GPU-a":
            raise self.NVMLError
        return 1, 1

    def nvmlDeviceGetMaxMigDeviceCount(self, _handle: str) -> int:
        """Return how many parts there may be."""
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, _handle: str, number: int) -> str:
        """Return a part. Raises NVMLError."""
        if number >= len(self.PARTS):
            raise self.NVMLError
        return self.PARTS[number]

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Memory:
        """Return the memory of a card or a part."""
        return Memory(self.SIZES[handle], self.SIZES[handle] // 2)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Process]:
        """Return the processes on a card or a part."""
        return [Process(7, 3), Process(8, 5)] if handle == "MIG-2" else []


@pytest.mark.parametrize(
    ("chosen", "names", "totals"),
    [
        (None, ["MIG-1", "MIG-2", "GPU-b"], [10, 20, 80]),
        ("1,0", ["GPU-b", "MIG-1", "MIG-2"], [80, 10, 20]),
        ("GPU-b", ["GPU-b"], [80]),
        ("MIG-2", ["MIG-2"], [20]),
        ("MIG-2,MIG-1", ["MIG-2", "MIG-1"], [20, 10]),
        ("MIG-9", [], []),
        ("", [], []),
    ],
)
def test_parts_of_cards_are_measured(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, names: list[str], totals: list[int]
) -> None:
    """A divided card counts as its parts, each with its own memory, chosen by number or by name."""
    nvml: Any = Nvml()
    monkeypatch.setattr(measure, "_nvml", lambda: nvml)
    environ = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    assert gpu_names(environ) == names
    assert total_gpu_bytes(environ) == totals
    assert gpu_bytes_of(7) == 3
