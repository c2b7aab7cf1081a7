"""Turns: a few at a time, the neediest first, and none is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streaming.prefetch import PATIENCE, TURNS, PrefetchThrottle


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_few_at_a_time_the_neediest_first() -> None:
    """Whose reader has least in hand begins first; the next begins when the audio of one before it has come."""

    async def test() -> None:
        turns = PrefetchThrottle()
        asked = {number: turns.ask(number, slack=20.0 - number) for number in range(6)}
        turns.give()
        assert [number for number, turn in asked.items() if turn.done()] == [
            6 - TURNS + n for n in range(TURNS)
        ]
        assert turns.full

        turns.end(5)
        turns.give()
        assert asked[6 - TURNS - 1].done()
        assert not asked[0].done()

    run(test)


def test_a_slow_engine_is_not_kept_idle() -> None:
    """Though no audio comes, all get their turn after a while."""

    async def test() -> None:
        turns = PrefetchThrottle()
        asked = [turns.ask(number, slack=5.0) for number in range(3 * TURNS)]
        turns.give()
        await asyncio.gather(*asked)

    run(test)


def test_a_busy_encoder_gives_no_turns() -> None:
    """While the encoder is behind nobody begins more, however long nothing has come: else what waits would
    only grow.
    """

    async def test() -> None:
        idle = True
        turns = PrefetchThrottle(lambda: idle)
        asked = [turns.ask(number, slack=5.0) for number in range(3 * TURNS)]
        turns.give()
        idle = False
        await asyncio.sleep(3 * PATIENCE)
        assert sum(turn.done() for turn in asked) == TURNS
        idle = True
        turns.give()
        assert sum(turn.done() for turn in asked) == 2 * TURNS

    run(test)


def test_who_stops_waiting_holds_nobody() -> None:
    """A turn that nobody waits for any more is not given; those behind it come all the same."""

    async def test() -> None:
        turns = PrefetchThrottle()
        gone = [turns.ask(number, slack=1.0) for number in range(5)]
        stays = turns.ask(9, slack=5.0)
        for turn in gone:
            turn.cancel()
        turns.give()
        assert stays.done()
        assert not turns.full

    run(test)


def test_a_lost_process_lets_all_go() -> None:
    """Who waits for a lane that is lost is told to go on, and meets the error there."""

    async def test() -> None:
        turns = PrefetchThrottle()
        asked = [turns.ask(number, slack=5.0) for number in range(5)]
        turns.give()
        turns.stop()
        assert all(turn.done() for turn in asked)
        assert not turns.full

    run(test)
