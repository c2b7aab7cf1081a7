"""The playback gate admits no more streams than the engine can keep playing.

A stream that was admitted is played while it is made, and must not run dry because others came later. So a
further one is admitted only when all that is due can be made in time: for every horizon h, the jobs for what
the admitted streams will play within h, less what they have in hand, and one job that has just begun and
cannot be interrupted, are no more than the engine makes in h (the demand bound test of
earliest-deadline-first scheduling; Baruah, Rosier and Howell 1990, and Jeffay, Stanat and Martel 1991 for
jobs that cannot be interrupted). The others wait, round and round over their callers, or are refused: at once
when too many wait already or the wait would outlast the deadline, else at their deadline.

Batch requests are always admitted: they are no part of what is due, since they go behind the others. So are
all streams where the engine is slower than speech: none could be kept playing there anyhow.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from statistics import median_low

import msgspec

from engines.errors import DeadlineExceeded, Overloaded
from engines.fleet.round_robin import RoundRobin
from engines.fleet.streams import NEVER, RequestTerms, StreamNeed

HORIZONS = tuple(2.0**power for power in range(12))
"""seconds"""
USABLE_SHARE = 0.85
"""of the capacity; the rest is for estimates that were wrong, and for batches"""
RETRY_PERIOD = 0.1
"""seconds after which streams that wait are tried again: time alone makes room too"""
BUSY_MESSAGE = "The engine is currently overloaded, please try again later."
LATE_MESSAGE = "The request waited too long for the engine, which is overloaded. Please try again later."


class PendingStream(msgspec.Struct, eq=False):
    """A stream that waits to be admitted."""

    need: StreamNeed
    future: asyncio.Future[None]


class EngineLoad(msgspec.Struct, frozen=True):
    """What an engine can do, and has to do."""

    capacity: float
    """seconds of audio that it makes in a second; 0 while nothing is known"""
    queued: int
    """jobs that wait"""
    slots: int
    """jobs that can run at once"""
    job_seconds: float
    """seconds that a job takes"""
    job_audio: float = 0.0
    """seconds of audio that a job makes"""
    encoding: float = 0.0
    """seconds of audio that can be encoded in a second; 0 while nothing is known"""


class PlaybackGate:
    """Admits streams; `limit` bounds how many of them and of their jobs wait, `load` returns the engine's
    load.
    """

    def __init__(self, limit: int, load: Callable[[], EngineLoad]) -> None:
        self._limit = limit
        self._load = load
        self._open_streams: set[StreamNeed] = set()
        self._pending: RoundRobin[PendingStream] = RoundRobin()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """The number of streams that wait."""
        return len(self._pending)

    @property
    def open_streams(self) -> int:
        """The number of streams that are admitted."""
        return len(self._open_streams)

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait until a stream is admitted. Raises Overloaded or DeadlineExceeded."""
        need = StreamNeed(terms)
        load = self._load()
        if (
            len(self._pending) + load.queued >= self._limit
            or time.monotonic() + self.wait_estimate(load) > terms.deadline
        ):
            raise Overloaded(BUSY_MESSAGE, retry_after=self.wait_estimate(load))
        if terms.batch or (not self._pending and self._fits(need, load)):
            self._open_streams.add(need)
            return need
        await self._wait(need)
        return need

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        self._open_streams.discard(need)
        self.admit_pending()

    def admit_pending(self) -> None:
        """Admit the streams that wait and fit now."""
        while self._pending and self._fits(self._pending.peek().need, self._load()):
            pending = self._pending.pop()
            if not pending.future.done():  # else it was cancelled a moment ago
                self._open_streams.add(pending.need)
                pending.future.set_result(None)
        if self._pending and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RETRY_PERIOD, self._retry)

    def fail(self, error: Exception) -> None:
        """Raise an error in every stream that waits."""
        while self._pending:
            pending = self._pending.pop()
            if not pending.future.done():
                pending.future.set_exception(error)

    def wait_estimate(self, load: EngineLoad | None = None) -> float:
        """Estimate how many seconds a new request would wait for its first job."""
        load = load or self._load()
        waiting = load.queued * load.job_seconds / max(1, load.slots)
        for_admission = len(self._pending) * self._usual_seconds() / load.capacity if load.capacity else 0.0
        return waiting + for_admission

    def _usual_seconds(self) -> float:
        """Return how much audio a stream comes to that keeps others waiting: batches do not, and one long
        text among short ones says nothing of when there will be room.
        """
        known = [need.terms.seconds for need in self._open_streams if not need.terms.batch]
        return median_low(known) if known else 1.0

    async def _wait(self, need: StreamNeed) -> None:
        pending = PendingStream(need, asyncio.get_running_loop().create_future())
        self._pending.add(need.terms.caller, need.number, pending)
        self.admit_pending()
        try:
            async with asyncio.timeout_at(_loop_time(need.terms.deadline)):
                await pending.future
        except BaseException as exc:  # whatever ends the wait: it leaves the queue, and the stream is closed
            self._pending.remove(need.terms.caller, need.number, pending)
            self.close_stream(need)
            if isinstance(exc, TimeoutError):
                raise DeadlineExceeded(LATE_MESSAGE, retry_after=self.wait_estimate()) from exc
            raise

    def _retry(self) -> None:
        self._timer = None
        self.admit_pending()

    def _fits(self, need: StreamNeed, load: EngineLoad) -> bool:
        """Return whether all streams would keep playing with this one among them."""
        streams = [one for one in self._open_streams if not one.terms.batch]
        if USABLE_SHARE * load.capacity <= 1 or not streams:
            return True
        now = time.monotonic()
        needs = [(one.left(), one.slack(now)) for one in (*streams, need)]
        # encoders work piece by piece, which is next to fluid
        return _can_keep_playing(needs, USABLE_SHARE * load.capacity, load.job_audio) and _can_keep_playing(
            needs, USABLE_SHARE * load.encoding, 0.0
        )


def _can_keep_playing(needs: list[tuple[float, float]], usable: float, job: float) -> bool:
    """Return whether streams can be kept playing in jobs of `job` seconds of audio.

    Of each stream `needs` has the seconds still to be made and the slack; `usable` are the seconds made in a
    second. Within horizons too short for two jobs the order of the queue decides, not the gate.
    """
    return not usable or all(
        sum(_audio_due(left, horizon - slack, job) for left, slack in needs) + job <= usable * horizon
        for horizon in HORIZONS
        if usable * horizon >= 2 * job
    )


def _audio_due(left: float, seconds: float, job: float) -> float:
    """Return how much audio must be made for a player to go on for so many seconds: whole jobs, since none is
    made in part.
    """
    if seconds <= 0:
        return 0.0
    return min(left, job * math.ceil(seconds / job) if job else seconds)


def _loop_time(moment: float) -> float | None:
    """Return a moment of the monotonic clock on the loop's clock; None for never."""
    return None if moment >= NEVER else asyncio.get_running_loop().time() + moment - time.monotonic()
