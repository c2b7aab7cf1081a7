"""Tests of the schedule, which orders jobs, and of the playback gate, which admits streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from engines.errors import DeadlineExceeded, EngineUnavailable, Overloaded
from engines.fleet.playback_gate import EngineLoad, PlaybackGate
from engines.fleet.schedule import BATCH_SHARE, URGENT_IN_A_ROW, Schedule
from engines.fleet.streams import RequestTerms, StreamNeed


class FakeSlot(msgspec.Struct, frozen=True):
    """A slot that has only a worker's name."""

    worker: str
    number: int = 0
    valid: bool = True


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def need(caller: str = "a", *, batch: bool = False, slack: float | None = None) -> StreamNeed:
    """Return a stream's need; `in_hand`: the seconds of audio that its player has, where it plays already."""
    stream_need = StreamNeed(RequestTerms(caller, batch))
    if slack is not None:
        stream_need.report(made=100 + slack, ahead=0.0, dry_at=time.monotonic() + slack)
    return stream_need


async def order(waiting: list[tuple[str, StreamNeed]]) -> list[str]:
    """Let jobs wait for one slot in this order, and return the order in which they get it."""
    schedule: Schedule[FakeSlot] = Schedule()
    slot = FakeSlot("w")
    schedule.offer(slot)
    held = await schedule.acquire(need("first"))
    served: list[str] = []

    async def wait(name: str, stream_need: StreamNeed) -> None:
        own_slot = await schedule.acquire(stream_need)
        served.append(name)
        await asyncio.sleep(0)
        schedule.release(own_slot, usable=True, seconds=0.1, made=1.0)

    tasks = [asyncio.create_task(wait(*each)) for each in waiting]
    await asyncio.sleep(0)
    schedule.release(held, usable=True, seconds=0.1, made=1.0)
    await asyncio.gather(*tasks)
    return served


def test_callers_alternate_then_their_streams() -> None:
    """Ten jobs of two streams of one caller do not delay the one job of another caller."""

    async def test() -> None:
        first, second, other = need("a"), need("a"), need("b")
        names = [(f"first{n}", first) for n in range(3)] + [(f"second{n}", second) for n in range(3)]
        served = await order([*names, ("other", other)])
        assert served == ["first0", "other", "second0", "first1", "second1", "first2", "second2"]

    run(test)


def test_batches_wait_but_do_not_starve() -> None:
    """Batch segments get a slot when no other waits, and one slot in eight all the same."""

    async def test() -> None:
        batch, live = need("a", batch=True), [need(f"k{n}") for n in range(2 * BATCH_SHARE)]
        served = await order(
            [("batch0", batch), ("batch1", batch), *((f"live{n}", one) for n, one in enumerate(live))]
        )
        assert served.index("batch0") == BATCH_SHARE - 1
        assert served.index("batch1") == 2 * BATCH_SHARE - 1

    run(test)


def test_low_slack_goes_first_but_not_for_ever() -> None:
    """Streams with little slack precede those that wait longer, the least slack first; then one of the others
    is served.
    """

    async def test() -> None:
        new = [(f"new{n}", need(f"n{n}")) for n in range(2)]
        dry = [(f"dry{n}", need(f"d{n}", slack=1.5 - 0.2 * n)) for n in range(5)]
        served = await order([("well", need("w", slack=60)), *new, *dry])
        assert served[:URGENT_IN_A_ROW] == ["dry4", "dry3", "dry2"]
        assert served[URGENT_IN_A_ROW] == "new0"
        assert served[-1] == "well"  # with plenty in hand it waits for all, though it came first

    run(test)


def test_what_is_urgent_is_seen_anew() -> None:
    """A stream whose player got more in hand while it waited no longer goes before one that came earlier."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        schedule.offer(FakeSlot("w"))
        held = await schedule.acquire(need("first"))
        refilled = need("b", slack=1.0)
        earlier = asyncio.create_task(schedule.acquire(need("a")))
        later = asyncio.create_task(schedule.acquire(refilled))
        await asyncio.sleep(0)
        refilled.report(made=200.0, ahead=0.0, dry_at=time.monotonic() + 60)
        schedule.release(held, usable=True, seconds=0.1, made=1.0)
        await asyncio.sleep(0)
        assert (earlier.done(), later.done()) == (True, False)
        schedule.release(await earlier, usable=True, seconds=0.1, made=1.0)
        await later

    run(test)


def test_the_pace_is_measured() -> None:
    """Nothing is known of an engine's pace at first; then it is what jobs took and made, for all slots."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        schedule.offer(FakeSlot("w", 1))
        schedule.offer(FakeSlot("w", 2))
        assert (schedule.capacity(), schedule.job_seconds(), schedule.job_audio()) == (0, 0, 0)
        for _ in range(5):
            schedule.release(await schedule.acquire(need()), usable=True, seconds=0.5, made=2.0)
        assert schedule.capacity() == pytest.approx(2 * 4)
        assert schedule.job_seconds() == pytest.approx(0.5)
        assert schedule.job_audio() == pytest.approx(2.0)

    run(test)


def test_work_that_is_done_counts_no_more() -> None:
    """A worker whose jobs have ended is again the least busy one."""

    async def test() -> None:
        for _ in range(20):
            schedule: Schedule[FakeSlot] = Schedule()
            for number in range(2):
                schedule.offer(FakeSlot("one", number))
                schedule.offer(FakeSlot("two", number))
            held = [await schedule.acquire(need()) for _ in range(4)]
            held.sort(key=lambda slot: slot.worker)
            for slot in held[:3]:  # both of one, and one of two
                schedule.release(slot, usable=True, seconds=0.1, made=1.0)
            assert (await schedule.acquire(need())).worker == "one"

    run(test)


def test_the_least_busy_worker_is_chosen() -> None:
    """Jobs spread over workers, in whatever order their slots became free."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        for number in range(4):
            schedule.offer(FakeSlot("one", number))
        for number in range(4):
            schedule.offer(FakeSlot("two", number))
        workers = [(await schedule.acquire(need())).worker for _ in range(6)]
        assert sorted(workers) == ["one"] * 3 + ["two"] * 3

    run(test)


def test_a_cancelled_wait_loses_no_slot() -> None:
    """A job that is cancelled, even at the moment it gets a slot, leaves the slot to the next job."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        schedule.offer(FakeSlot("w"))
        held = await schedule.acquire(need())
        tasks = [asyncio.create_task(schedule.acquire(need(slack=1.0))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        schedule.release(held, usable=True, seconds=0.1, made=0.1)
        tasks[1].cancel()  # the slot is assigned, and the task has not resumed yet
        slot = await tasks[2]
        schedule.release(slot, usable=True, seconds=0.1, made=0.1)
        assert (schedule.running, schedule.queued, schedule.slots) == (0, 0, 1)
        await asyncio.gather(*tasks, return_exceptions=True)

    run(test)


def test_a_slot_freed_as_waiters_are_cancelled_is_not_lost() -> None:
    """A slot that is freed at the moment its waiters are cancelled, before they resume, goes to the next job."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        schedule.offer(FakeSlot("w"))
        held = await schedule.acquire(need())
        tasks = [asyncio.create_task(schedule.acquire(need(batch=bool(n % 2)))) for n in range(4)]
        last = asyncio.create_task(schedule.acquire(need(batch=True)))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        schedule.release(held, usable=True, seconds=0.1, made=0.1)
        schedule.release(await last, usable=True, seconds=0.1, made=0.1)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (schedule.running, schedule.queued, schedule.slots) == (0, 0, 1)

        gate = Machine(capacity=1.5).gate
        inside = await gate.open_stream(stream())
        waiting = [asyncio.create_task(gate.open_stream(stream(1, timeout=900))) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        gate.close_stream(inside)
        await waiting[1]
        assert (gate.pending, gate.open_streams) == (0, 1)

    run(test)


class Machine:
    """A playback gate and the load of its engine."""

    def __init__(self, capacity: float) -> None:
        self.load = EngineLoad(capacity=capacity, queued=0, slots=1, job_seconds=0.1)
        self.gate = PlaybackGate(limit=5, load=lambda: self.load)


def stream(seconds: float = 60.0, *, batch: bool = False, timeout: float = 20.0) -> RequestTerms:
    return RequestTerms("a", batch, time.monotonic() + timeout, seconds)


def test_no_more_streams_than_can_be_kept_playing() -> None:
    """With capacity for four streams the fifth waits until one has ended; a batch is admitted at any time."""

    async def test() -> None:
        gate = Machine(capacity=5.0).gate
        inside = [await gate.open_stream(stream()) for _ in range(4)]
        fifth = asyncio.create_task(gate.open_stream(stream()))
        await gate.open_stream(stream(batch=True))
        await asyncio.sleep(0.05)
        assert not fifth.done()
        assert gate.pending == 1
        gate.close_stream(inside[0])
        assert gate.pending == 0  # at once, not when it is tried again
        await asyncio.wait_for(fifth, 30)

    run(test)


def test_a_job_that_has_begun_is_waited_for() -> None:
    """Where jobs are long, one that cannot be interrupted is counted before what is due: streams that would just
    fit without it wait.
    """

    async def test() -> None:
        machine = Machine(capacity=10.0)
        machine.load = msgspec.structs.replace(machine.load, job_audio=5.0)
        for _ in range(2):  # within 2 s each needs a whole job of 5 s, and 17 s can be made
            await machine.gate.open_stream(stream())
        third = asyncio.create_task(machine.gate.open_stream(stream()))
        await asyncio.sleep(0.05)
        assert not third.done()
        third.cancel()

    run(test)


def test_encoders_bound_the_streams_too() -> None:
    """Where the engine is fast, no more streams are admitted than the encoders can keep playing."""

    async def test() -> None:
        machine = Machine(capacity=100.0)
        machine.load = msgspec.structs.replace(machine.load, encoding=5.0)
        for _ in range(4):
            await asyncio.wait_for(machine.gate.open_stream(stream()), 30)
        fifth = asyncio.create_task(machine.gate.open_stream(stream()))
        await asyncio.sleep(0.05)
        assert not fifth.done()
        fifth.cancel()

    run(test)


def test_a_short_text_fits_between_streams_with_slack() -> None:
    """A text of two seconds is admitted where every player has enough slack to wait for it; a long text is
    not.
    """

    async def test() -> None:
        gate = Machine(capacity=5.0).gate
        for _ in range(4):
            one = await gate.open_stream(stream(600))
            one.report(made=30.0, ahead=30.0, dry_at=time.monotonic() + 30.0)
        short = await gate.open_stream(stream(2))
        gate.close_stream(short)
        long = asyncio.create_task(gate.open_stream(stream(600)))
        await asyncio.sleep(0.05)
        assert not long.done()
        long.cancel()

    run(test)


def test_a_stream_that_stalls_keeps_nobody_out() -> None:
    """What the player of a stalled stream lost is not due any more: there is room for further streams."""

    async def test() -> None:
        gate = Machine(capacity=12.0).gate
        stalled = await gate.open_stream(stream(80))
        stalled.report(made=30.0, ahead=0.0, dry_at=time.monotonic() - 30.0)
        await asyncio.wait_for(gate.open_stream(stream(20)), 30)

    run(test)


def test_an_engine_slower_than_speech_admits_all() -> None:
    """Where an engine could keep no stream playing, all are admitted."""

    async def test() -> None:
        gate = Machine(capacity=0.5).gate
        for _ in range(20):
            await gate.open_stream(stream())
        assert gate.open_streams == 20

    run(test)


def test_waiting_is_bounded_in_number_and_time() -> None:
    """Too many waiting streams, or a wait that would outlast the deadline, are refused at once; the others at
    their deadline.
    """

    async def test() -> None:
        machine = Machine(capacity=1.5)
        gate = machine.gate
        await gate.open_stream(stream())
        waiting = [asyncio.create_task(gate.open_stream(stream(1, timeout=0.2))) for _ in range(1)]
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded) as caught:
            await gate.open_stream(stream(timeout=1))
        assert caught.value.retry_after > 1
        with pytest.raises(DeadlineExceeded):
            await waiting[0]
        machine.load = msgspec.structs.replace(machine.load, queued=5)
        with pytest.raises(Overloaded):
            await gate.open_stream(stream(timeout=1000))
        assert gate.pending == 0

    run(test)


@pytest.mark.parametrize(("seconds", "batch"), [(6000.0, True), (1000.0, False)])
def test_one_long_text_turns_no_short_ones_away(seconds: float, batch: bool) -> None:
    """Of several that wait none is refused for the length of one text that others wait less for."""

    async def test() -> None:
        gate = Machine(capacity=4.0).gate
        await gate.open_stream(stream(seconds, batch=batch))
        short = [await gate.open_stream(stream(2)) for _ in range(2)]
        waiting = [asyncio.create_task(gate.open_stream(stream(6))) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert gate.pending > 1
        assert gate.wait_estimate() < 5
        for one in short:
            gate.close_stream(one)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(test)


def test_a_gate_that_closes_releases_all_waiting() -> None:
    """When a gate closes, every stream that waits at it stops waiting."""

    async def test() -> None:
        gate = Machine(capacity=1.5).gate
        await gate.open_stream(stream())
        waiting = asyncio.create_task(gate.open_stream(stream(1)))
        await asyncio.sleep(0.01)
        gate.fail(EngineUnavailable("gone"))
        with pytest.raises(EngineUnavailable):
            await waiting
        assert (gate.pending, gate.open_streams) == (0, 1)

    run(test)


class MortalSlot(msgspec.Struct, eq=False):
    """A slot whose worker can die."""

    worker: str
    valid: bool = True


def test_a_dead_workers_slot_is_not_offered_again() -> None:
    """A slot that was given to a job which was cancelled at that moment goes to nobody once its worker is dead."""

    async def test() -> None:
        schedule: Schedule[MortalSlot] = Schedule()
        slot = MortalSlot("w")
        waiting = asyncio.create_task(schedule.acquire(need()))
        await asyncio.sleep(0)
        schedule.offer(slot)
        slot.valid = False
        schedule.withdraw(lambda one: one.worker == "w")
        waiting.cancel()
        await asyncio.wait([waiting])
        assert (schedule.slots, schedule.running) == (0, 0)

    run(test)


def test_equal_workers_are_chosen_at_random() -> None:
    """Jobs that come one after another are spread over the workers that are free: none comes first each time."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        for name in ("one", "two", "three"):
            schedule.offer(FakeSlot(name))
        chosen = set()
        for _ in range(60):
            slot = await schedule.acquire(need())
            chosen.add(slot.worker)
            schedule.release(slot, usable=False, seconds=0.1, made=1.0)
            schedule.withdraw(lambda _: True)
            for name in ("one", "two", "three"):
                schedule.offer(FakeSlot(name))
        assert chosen == {"one", "two", "three"}

    run(test)


def test_a_stream_goes_back_to_its_worker() -> None:
    """Among free slots a stream that stays gets its worker's, even if that has more work; others do not."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        for number in range(3):
            for worker in ("a", "b"):
                schedule.offer(FakeSlot(worker, number))
        staying = need()
        staying.stays = True
        held = [await schedule.acquire(staying) for _ in range(3)]
        assert len({slot.worker for slot in held}) == 1
        assert (await schedule.acquire(staying)).worker != held[0].worker  # its own has no room

    run(test)


def test_a_job_that_was_sent_elsewhere_holds_nobody_up() -> None:
    """A job waits for a worker that it may have; meanwhile others get the free slots, and then it goes first."""

    async def test() -> None:
        schedule: Schedule[FakeSlot] = Schedule()
        schedule.offer(FakeSlot("a"))
        sent = asyncio.create_task(schedule.acquire(need(), "", lambda slot: slot.worker == "b"))
        given_up = asyncio.create_task(schedule.acquire(need(), "", lambda slot: slot.worker == "b"))
        await asyncio.sleep(0)
        slot = await schedule.acquire(need("other"))
        assert (slot.worker, schedule.queued) == ("a", 2)
        given_up.cancel()
        waiting = asyncio.create_task(schedule.acquire(need("third")))
        await asyncio.sleep(0)
        schedule.offer(FakeSlot("b"))
        assert (await sent).worker == "b"
        schedule.release(slot, usable=True, seconds=0.1, made=0.1)
        assert (await waiting).worker == "a"
        assert schedule.queued == 0
        lost = asyncio.create_task(schedule.acquire(need(), "", lambda slot: slot.worker == "c"))
        await asyncio.sleep(0)
        schedule.fail(EngineUnavailable("gone"))
        with pytest.raises(EngineUnavailable):
            await lost

    run(test)
