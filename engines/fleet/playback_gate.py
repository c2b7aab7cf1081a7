"""Which streams are let in: no more than the engine can keep playing.

A stream that was let in is played while it is made, and must not run dry because others came later. So a
further one is let in only when all that is due can be made in time: for every horizon h, the jobs for what
the streams let in will play within h, less what they have in hand, and one job that has just begun and cannot
be interrupted, are no more than the engine makes in h (the demand bound test of earliest-deadline-first
scheduling; Baruah, Rosier and Howell 1990, and Jeffay, Stanat and Martel 1991 for jobs that cannot be
interrupted). The others wait, by turns over their owners, or are refused: at once when too many wait already
or the wait would outlast the deadline, else at their deadline.

Batch requests are let in always: they play no part in what is due, since they stand back. So are all where
the engine is slower than speech, since no stream could be kept playing there anyhow.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

import msgspec

from engines.errors import DeadlineExceeded, Overloaded
from engines.fleet.round_robin import RoundRobin
from engines.fleet.streams import NEVER, RequestTerms, StreamNeed

HORIZONS = tuple(2.0**power for power in range(12))
"""seconds"""
USABLE = 0.85
"""of the capacity; the rest is for estimates that were wrong, and for batches"""
RETRY_PERIOD = 0.1
"""seconds between two looks at those who wait: time alone opens the gate too"""
BUSY = "The engine is currently overloaded, please try again later."
LATE = "The request waited too long for the engine, which is overloaded. Please try again later."


class PendingStream(msgspec.Struct, eq=False):
    """A stream that waits to be let in."""

    need: StreamNeed
    future: asyncio.Future[None]


class EngineLoad(msgspec.Struct, frozen=True):
    """What the engine can do and has to do: seconds of audio per second, segments that wait, seconds and
    audio of a job.
    """

    capacity: float
    queued: int
    slots: int
    job_seconds: float
    job_audio: float = 0.0
    encoding: float = 0.0
    """seconds of audio that can be encoded in a second; 0 while nothing is known"""


class PlaybackGate:
    """Lets streams in. `limit` bounds how many wait, with the segments that wait; `load` tells how the engine
    is.
    """

    def __init__(self, limit: int, load: Callable[[], EngineLoad]) -> None:
        self._limit = limit
        self._load = load
        self._open_streams: set[StreamNeed] = set()
        self._pending: RoundRobin[PendingStream] = RoundRobin()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """How many wait outside."""
        return len(self._pending)

    @property
    def open_streams(self) -> int:
        """How many streams are let in."""
        return len(self._open_streams)

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait to be let in. Raises Overloaded or DeadlineExceeded."""
        need, load = StreamNeed(terms), self._load()
        if (
            len(self._pending) + load.queued >= self._limit
            or time.monotonic() + self.wait_estimate(load) > terms.deadline
        ):
            raise Overloaded(BUSY, retry_after=self.wait_estimate(load))
        if terms.batch or (not self._pending and self._fits(need, load)):
            self._open_streams.add(need)
            return need
        await self._wait(need)
        return need

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        self._open_streams.discard(need)
        self.look()

    def look(self) -> None:
        """Let in those who fit now."""
        while self._pending and self._fits(self._pending.peek().need, self._load()):
            pending = self._pending.pop()
            if not pending.future.done():  # else it was cancelled a moment ago
                self._open_streams.add(pending.need)
                pending.future.set_result(None)
        if self._pending and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RETRY_PERIOD, self._look_again)

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is nothing to wait for."""
        while self._pending:
            pending = self._pending.pop()
            if not pending.future.done():
                pending.future.set_exception(error)

    def wait_estimate(self, load: EngineLoad | None = None) -> float:
        """Estimate, in seconds, how long a new request would wait for its first work."""
        load = load or self._load()
        waiting = load.queued * load.job_seconds / max(1, load.slots)
        outside = len(self._pending) * self._mean_seconds() / load.capacity if load.capacity else 0.0
        return waiting + outside

    def _mean_seconds(self) -> float:
        known = [need.terms.seconds for need in self._open_streams]
        return sum(known) / len(known) if known else 1.0

    async def _wait(self, need: StreamNeed) -> None:
        pending = PendingStream(need, asyncio.get_running_loop().create_future())
        self._pending.add(need.terms.caller, need.number, pending)
        self.look()
        try:
            async with asyncio.timeout_at(_loop_time(need.terms.deadline)):
                await pending.future
        except (
            BaseException
        ) as exc:  # whatever ends the wait, the place in the queue and what it may have been given go back
            self._pending.remove(need.terms.caller, need.number, pending)
            self.close_stream(need)
            if isinstance(exc, TimeoutError):
                raise DeadlineExceeded(LATE, retry_after=self.wait_estimate()) from exc
            raise

    def _look_again(self) -> None:
        self._timer = None
        self.look()

    def _fits(self, need: StreamNeed, load: EngineLoad) -> bool:
        """Tell whether all streams would keep playing with this one among them."""
        streams = [one for one in self._open_streams if not one.terms.batch]
        if USABLE * load.capacity <= 1 or not streams:
            return True
        now = time.monotonic()
        needs = [(one.left(), one.slack(now)) for one in (*streams, need)]
        # encoders work piece by piece, which is next to fluid
        return _feasible(needs, USABLE * load.capacity, load.job_audio) and _feasible(
            needs, USABLE * load.encoding, 0.0
        )


def _feasible(needs: list[tuple[float, float]], usable: float, job: float) -> bool:
    """Tell whether streams of so much left and so much in hand can be kept playing, in jobs of so many
    seconds of audio.

    Within horizons too short for two jobs the order of the queue decides, not the gate.
    """
    return not usable or all(
        sum(_due(left, horizon - slack, job) for left, slack in needs) + job <= usable * horizon
        for horizon in HORIZONS
        if usable * horizon >= 2 * job
    )


def _due(left: float, seconds: float, job: float) -> float:
    """Give how much audio must be made for a player to go on for so many seconds: whole jobs, since none is
    made in part.
    """
    if seconds <= 0:
        return 0.0
    return min(left, job * math.ceil(seconds / job) if job else seconds)


def _loop_time(moment: float) -> float | None:
    """Put a moment of the monotonic clock on the loop's clock; None for never."""
    return None if moment >= NEVER else asyncio.get_running_loop().time() + moment - time.monotonic()
