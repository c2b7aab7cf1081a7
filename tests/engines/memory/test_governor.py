"""Tests of the governor of memory: whom it stops to make room, whom it does not, and how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engines.errors import EngineUnavailable
from engines.memory import governor as module
from engines.memory.governor import GIB, Governor, MemoryNeed


class Loaded:
    """A model in memory, as far as the governor sees it; it never ends if `stubborn`."""

    pinned = False
    gpu_index = 0
    device = "cuda"

    def __init__(self, pid: int, idle_since: float = 0.0, *, stubborn: bool = False) -> None:
        self.in_use = False
        self.idle_since = idle_since
        self.stubborn = stubborn
        self.rested = False
        self._pid = pid

    def pids(self) -> list[int]:
        """Return its process id, until it rests."""
        return [] if self.rested else [self._pid]

    async def rest(self) -> None:
        """Stop."""
        if self.stubborn:
            await asyncio.Event().wait()
        self.rested = True


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def on_a_card(models: list[Loaded], gpu_held: Callable[[int], int] = lambda _: 0) -> Governor:
    """Return a governor of models that take 2 GiB each of a card of 8."""
    governor = Governor(
        free=lambda: 100 * GIB,
        gpus=lambda: [8 * GIB - 2 * GIB * sum(not one.rested for one in models)],
        gpu_totals=lambda: [8 * GIB],
        gpu_held=gpu_held,
    )
    for number, model in enumerate(models):
        governor.add(model, f"model{number}")
    return governor


def test_a_model_that_never_fits_a_card_stops_none() -> None:
    """A model that is larger than the card is refused with the figures, and all others stay loaded."""

    async def test() -> None:
        models = [Loaded(1), Loaded(2), Loaded(3)]
        with pytest.raises(EngineUnavailable, match=r"takes about 20\.0 GiB"):
            await on_a_card(models).reserve("large", MemoryNeed(GIB, gpu=20 * GIB))
        assert not any(one.rested for one in models)

    run(test)


def test_a_model_that_does_not_fit_beside_those_in_use_stops_none() -> None:
    """What idle models hold of a card is counted before any of them is stopped in vain."""

    async def test() -> None:
        models = [Loaded(1), Loaded(2), Loaded(3)]
        models[0].in_use = models[1].in_use = True
        governor = on_a_card(models, gpu_held=lambda _: 2 * GIB)
        with pytest.raises(EngineUnavailable, match="does not hold enough"):
            await governor.reserve("large", MemoryNeed(GIB, gpu=6 * GIB))
        assert not models[2].rested

    run(test)


def test_a_card_is_cleared_as_far_as_needed() -> None:
    """Models are stopped on a card, those unused for longest first, until there is room; the rest stay."""

    async def test() -> None:
        models = [Loaded(1, 3.0), Loaded(2, 1.0), Loaded(3, 2.0)]
        await on_a_card(models).reserve("one", MemoryNeed(GIB, gpu=5 * GIB))
        assert [one.rested for one in models] == [False, True, True]

    run(test)


def test_a_model_that_came_into_use_is_not_stopped() -> None:
    """A model that comes into use while it is measured is not stopped; another one is."""

    async def test() -> None:
        first, second = Loaded(1, 1.0), Loaded(2, 2.0)

        def held(_pid: int) -> int:
            first.in_use = True
            return 2 * GIB

        governor = Governor(
            free=lambda: 5 * GIB - 2 * GIB * sum(not one.rested for one in (first, second)), held=held
        )
        governor.add(first)
        governor.add(second)
        await governor.reserve("other", MemoryNeed(2 * GIB))
        assert not first.rested
        assert second.rested

    run(test)


def test_waiting_for_others_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is stopped and does not end is not waited for without a limit, nor is who waits for it."""
    monkeypatch.setattr(module, "REST_SECONDS", 0.3)
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)

    async def test() -> None:
        stubborn = Loaded(1, stubborn=True)
        governor = Governor(free=lambda: 2 * GIB, held=lambda _: 4 * GIB)
        governor.add(stubborn)
        results = await asyncio.gather(
            governor.reserve("first", MemoryNeed(3 * GIB)),
            governor.reserve("second", MemoryNeed(3 * GIB)),
            return_exceptions=True,
        )
        assert [type(one) for one in results] == [EngineUnavailable] * 2
        assert "does not end" in str(results[0])
        assert "made for others" in str(results[1])
        await governor.reserve("third", MemoryNeed(GIB))

    run(test)
