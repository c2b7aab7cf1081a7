"""Tests of the governor of memory: whom it stops to make room, whom it does not, and how long it waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from engines.errors import EngineUnavailable
from engines.memory import governor as module
from engines.memory.driver_answers import DriverQuestions
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

    def promised_pids(self) -> list[int]:
        """Return the processes for which memory was reserved: as many as there are."""
        return self.pids()

    async def rest(self) -> None:
        """Stop."""
        if self.stubborn:
            await asyncio.Event().wait()
        self.rested = True


class Starting(Loaded):
    """A model that starts: memory was reserved for its process, which is not ready."""

    def pids(self) -> list[int]:
        """Return no process that was ready."""
        return []

    def promised_pids(self) -> list[int]:
        """Return its process."""
        return [self._pid]


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


def test_a_model_that_came_into_use_while_cards_were_measured_is_not_stopped() -> None:
    """Nor is one that is chosen for its memory, and comes into use while the driver is asked about cards."""

    async def test() -> None:
        first, second = Loaded(1, 1.0), Loaded(2, 2.0)

        def gpus() -> list[int]:
            first.in_use = True
            return [8 * GIB]

        governor = Governor(
            free=lambda: 5 * GIB - 2 * GIB * sum(not one.rested for one in (first, second)),
            held=lambda _: 2 * GIB,
            gpus=gpus,
            gpu_totals=lambda: [8 * GIB],
        )
        governor.add(first)
        governor.add(second)
        await governor.reserve("other", MemoryNeed(2 * GIB, gpu=GIB))
        assert not first.rested
        assert second.rested

    run(test)


def test_a_model_that_does_not_end_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is stopped and does not end, as a driver that hangs keeps it, is waited for only by who needs its
    room, and once: who needs none has it at once, and then others are stopped in its place.
    """
    monkeypatch.setattr(module, "REST_SECONDS", 0.5)

    async def test() -> None:
        stubborn, other = Loaded(1, 1.0, stubborn=True), Loaded(2, 2.0)
        governor = Governor(
            free=lambda: 2 * GIB + 4 * GIB * sum(one.rested for one in (stubborn, other)),
            held=lambda _: 4 * GIB,
        )
        governor.add(stubborn, "stubborn")
        governor.add(other, "other")
        large = asyncio.create_task(governor.reserve("large", MemoryNeed(3 * GIB)))
        await asyncio.sleep(0.1)
        assert not large.done()
        assert await governor.reserve("small", MemoryNeed(GIB)) == [None]
        assert not large.done()
        governor.release("small")
        assert await large == [None]
        assert other.rested
        governor.release("large")
        with pytest.raises(EngineUnavailable, match="was stopped and does not end"):
            await governor.reserve("larger", MemoryNeed(6 * GIB))

    run(test)


def test_what_is_being_loaded_is_not_counted_twice() -> None:
    """Of what a starting model was promised, what it has taken already is missing from what is free, and counts
    once.
    """

    async def test() -> None:
        starting = Starting(1)
        taken = 0
        governor = Governor(free=lambda: 8 * GIB - taken, taken=lambda _: taken, held=lambda _: taken)
        governor.add(starting, "starting")
        await governor.reserve("starting", MemoryNeed(4 * GIB))
        with pytest.raises(EngineUnavailable, match=r"5\.0 GiB, 3\.5 GiB can be had"):
            await governor.reserve("next", MemoryNeed(5 * GIB))
        taken = 3 * GIB
        with pytest.raises(EngineUnavailable, match=r"5\.0 GiB, 3\.5 GiB can be had"):
            await governor.reserve("next", MemoryNeed(5 * GIB))
        await governor.reserve("next", MemoryNeed(3 * GIB))

    run(test)


@pytest.mark.parametrize("driver_tells", [True, False])
def test_what_is_being_loaded_to_a_card_is_not_counted_twice(driver_tells: bool) -> None:
    """The same for a card, also in a container, where the driver does not say what a process holds."""

    async def test() -> None:
        starting = Starting(1)
        taken = 0
        governor = Governor(
            free=lambda: 100 * GIB,
            gpus=lambda: [8 * GIB - taken],
            gpu_totals=lambda: [8 * GIB],
            gpu_held=lambda _: taken if driver_tells else 0,
            taken=lambda _: 0,
        )
        governor.add(starting, "starting")
        await governor.reserve("starting", MemoryNeed(GIB, gpu=4 * GIB))
        for gone in (0, 3 * GIB, 4 * GIB):
            taken = gone
            with pytest.raises(EngineUnavailable, match=r"4\.0 GiB, 3\.8 GiB can be had"):
                await governor.reserve("next", MemoryNeed(GIB, gpu=4 * GIB))
        governor.release("starting")
        await governor.reserve("next", MemoryNeed(GIB, gpu=3 * GIB))

    run(test)


def test_several_workers_that_never_fit_stop_none() -> None:
    """A model whose workers cannot all have room is refused before any other is stopped, though one would fit."""

    async def test() -> None:
        models = [Loaded(1), Loaded(2)]
        with pytest.raises(EngineUnavailable, match=r"takes about 5\.0 GiB"):
            await on_a_card(models, lambda _: 2 * GIB).reserve(
                "pair", MemoryNeed(GIB, gpu=5 * GIB), workers=2
            )
        assert not any(one.rested for one in models)

    run(test)


def test_a_model_that_fits_no_card_frees_no_memory() -> None:
    """Where there is room to be made in memory and none on the card, none is made."""

    async def test() -> None:
        idle = Loaded(1)
        idle.device = "cpu"
        governor = Governor(
            free=lambda: GIB,
            held=lambda _: 4 * GIB,
            gpus=lambda: [4 * GIB],
            gpu_totals=lambda: [4 * GIB],
        )
        governor.add(idle, "idle")
        with pytest.raises(EngineUnavailable, match="on GPU 0"):
            await governor.reserve("large", MemoryNeed(2 * GIB, gpu=6 * GIB))
        assert not idle.rested

    run(test)


def test_room_is_made_for_a_model_that_runs() -> None:
    """A model whose job found too little memory has others stopped on its card, as many as it takes, never itself,
    and none where that is not enough.
    """

    async def test() -> None:
        models = [Loaded(1, 1.0), Loaded(2, 2.0), Loaded(3, 3.0)]
        governor = on_a_card(models, lambda _: 2 * GIB)
        with pytest.raises(EngineUnavailable, match="does not hold enough"):
            await governor.make_room("model0", 7 * GIB, 0)
        assert not any(one.rested for one in models)
        await governor.make_room("model0", 3 * GIB, 0)
        assert [one.rested for one in models] == [False, True, False]

    run(test)


def test_a_driver_that_does_not_answer_is_not_asked_again() -> None:
    """A driver that hangs costs one wait: who needs a card is refused at once until it answers again, and who needs
    none is not concerned.
    """
    hangs, answers = threading.Event(), threading.Event()
    questions = DriverQuestions(0.2)

    def cards() -> list[int]:
        hangs.set()
        answers.wait()
        return [8 * GIB]

    async def test() -> None:
        governor = Governor(
            free=lambda: 100 * GIB,
            gpus=lambda: questions.ask(cards),
            gpu_totals=lambda: questions.ask(lambda: [8 * GIB]),
        )
        need = MemoryNeed(GIB, gpu=GIB)
        for refusal in (r"has not answered for 0\.2 s", "does not answer"):
            with pytest.raises(EngineUnavailable, match=refusal):
                await governor.reserve("on a card", need)
        assert await governor.reserve("on the processor", MemoryNeed(GIB)) == [None]
        answers.set()
        while True:
            try:
                assert await governor.reserve("on a card", need) == [0]
                break
            except EngineUnavailable:
                await asyncio.sleep(0.05)

    run(test)
    assert hangs.is_set()
