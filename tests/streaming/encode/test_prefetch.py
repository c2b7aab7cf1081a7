"""Tests of prefetching: a few permits at a time, to the streams with the least slack first, and none is ever
lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streaming.encode.prefetch import MAX_PREFETCHES, PREFETCH_TIMEOUT, PrefetchThrottle


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_few_at_a_time_those_with_the_least_slack_first() -> None:
    """The stream with the least slack gets the first permit; the next is granted when the audio of a previous
    one has come.
    """

    async def test() -> None:
        throttle = PrefetchThrottle()
        permits = {number: throttle.request(number, slack=20.0 - number) for number in range(6)}
        throttle.grant()
        granted = [number for number, permit in permits.items() if permit.done()]
        assert granted == [6 - MAX_PREFETCHES + n for n in range(MAX_PREFETCHES)]
        assert throttle.full

        throttle.release(5)
        throttle.grant()
        assert permits[6 - MAX_PREFETCHES - 1].done()
        assert not permits[0].done()

    run(test)


def test_a_slow_engine_is_not_kept_idle() -> None:
    """Though no audio comes, all get a permit after a while."""

    async def test() -> None:
        throttle = PrefetchThrottle()
        permits = [throttle.request(number, slack=5.0) for number in range(3 * MAX_PREFETCHES)]
        throttle.grant()
        await asyncio.gather(*permits)

    run(test)


def test_a_busy_encoder_grants_no_permits() -> None:
    """While the encoder is behind no permit is granted, however long no audio has come: else the backlog
    would only grow.
    """

    async def test() -> None:
        idle = True
        throttle = PrefetchThrottle(lambda: idle)
        permits = [throttle.request(number, slack=5.0) for number in range(3 * MAX_PREFETCHES)]
        throttle.grant()
        idle = False
        await asyncio.sleep(3 * PREFETCH_TIMEOUT)
        assert sum(permit.done() for permit in permits) == MAX_PREFETCHES
        idle = True
        throttle.grant()
        assert sum(permit.done() for permit in permits) == 2 * MAX_PREFETCHES

    run(test)


def test_a_cancelled_request_delays_nobody() -> None:
    """A permit whose request was cancelled is not granted; those after it are."""

    async def test() -> None:
        throttle = PrefetchThrottle()
        cancelled = [throttle.request(number, slack=1.0) for number in range(5)]
        permit = throttle.request(9, slack=5.0)
        for other in cancelled:
            other.cancel()
        throttle.grant()
        assert permit.done()
        assert not throttle.full

    run(test)


def test_a_lost_process_lets_all_proceed() -> None:
    """Requests that wait for a process that is lost proceed, and meet the error there."""

    async def test() -> None:
        throttle = PrefetchThrottle()
        permits = [throttle.request(number, slack=5.0) for number in range(5)]
        throttle.grant()
        throttle.close()
        assert all(permit.done() for permit in permits)
        assert not throttle.full

    run(test)
