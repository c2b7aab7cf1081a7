"""The workers of one engine and who works on what: members kept running, their places handed out, streams let in.

`Dispatch` is what a pool needs of it, so that it may also lie in another process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from engines.api import EngineInfo, EngineUnavailable
from engines.catalogue.engines import Record
from engines.fleet.child_process import Log
from engines.fleet.on_demand import Lazy
from engines.fleet.playback_gate import Gate, Load
from engines.fleet.schedule import Schedule
from engines.fleet.slots import Lease, Outcome
from engines.fleet.status import PoolState, WorkerState
from engines.fleet.streams import Claim, Terms
from engines.fleet.supervised_worker import Member
from engines.settings import EngineSettings, WorkerSettings
from engines.wire.client import WorkerClient

LONGEST_DELAY = 600.0
"""seconds between two attempts to start a model that nobody asks for"""
INTRODUCED_SECONDS = 60.0
"""for which a model that nobody asked for stays"""
LOOK_SECONDS = 0.02
RETRY_SECONDS = 10.0
"""after a start that failed, in which requests are refused with the reason rather than the same tried again"""


class Seat(msgspec.Struct, frozen=True, eq=False):
    """A slot of one worker process; void once that process is gone, even if its member has another by then."""

    member: Member
    client: WorkerClient

    @property
    def worker(self) -> Member:
        """What it shares with the process's other slots."""
        return self.member

    @property
    def valid(self) -> bool:
        """Tell whether the process is still the member's."""
        return self.member.client is self.client and self.member.state == "ready"


class Dispatcher:
    """Runs `record`'s workers while `running` is entered.

    `encoding` tells how many seconds of audio can be encoded in a second, 0 where nobody knows.
    """

    def __init__(
        self,
        record: Record,
        engine: EngineSettings,
        workers: WorkerSettings,
        log: Log,
        *,
        encoding: Callable[[], float] = lambda: 0.0,
        lazy: Lazy | None = None,
    ) -> None:
        self._encoding = encoding
        self._lazy = lazy
        self._waking = asyncio.Lock()
        self._used = self._failed = time.monotonic()
        self.record = record
        if lazy and lazy.start_timeout:
            workers = msgspec.structs.replace(workers, start_timeout=lazy.start_timeout)
        self._settings = workers
        self._schedule: Schedule[Seat] = Schedule(changed=lambda: self._gate.look())
        self._gate = Gate(workers.queue, self._load)
        self._members = [
            Member(
                record,
                workers,
                log,
                ready=self._member_ready,
                lost=self._member_lost,
                options=engine.options,
                lazy=lazy is not None,
            )
            for _ in range(engine.workers or record.workers)
        ]
        self._info: EngineInfo | None = lazy.info if lazy else None
        self._changed = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None
        self._gone = False
        self.farewell = "The server is going away."
        """what those hear who wait for it when it is stopped for good"""
        self._tasks: set[asyncio.Task[None]] = set()
        self._put_away = False
        self._refusal = ""
        """why there was no room to start it unasked"""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all workers at once, without waiting for them; stop them all on the way out."""
        keepers = [asyncio.create_task(member.keep()) for member in self._members]
        if self._lazy:
            keepers.append(asyncio.create_task(self._watch(self._lazy)))
            if self._lazy.kept or self._lazy.info is None:
                keepers.append(asyncio.create_task(self._introduce(self._lazy)))
        try:
            yield
        finally:
            self._gone = True
            self._changed.set()
            self._fail(EngineUnavailable(self.farewell))
            self._be_patient(False)
            keepers += self._tasks
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            if self._lazy:
                self._lazy.settled()

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or, but for models, when none can be any more."""
        return self._info if self.usable or self._lazy else None

    @property
    def ready(self) -> bool:
        """Tell whether some worker can take a job now."""
        return any(member.state == "ready" for member in self._members)

    @property
    def usable(self) -> bool:
        """Tell whether some worker is ready, or will be soon."""
        return not self._gone and any(member.state in ("ready", "starting", "resting") for member in self._members)

    @property
    def starting(self) -> bool:
        """Tell whether some worker is on its way."""
        return any(member.state == "starting" for member in self._members)

    @property
    def kept(self) -> bool:
        """Tell whether it is to stay in memory."""
        return bool(self._lazy and self._lazy.kept)

    @property
    def card(self) -> int:
        """Which GPU it runs on, if it runs on one."""
        return self._lazy.card if self._lazy else 0

    @property
    def in_use(self) -> bool:
        """Tell whether anybody waits for it or works with it."""
        return bool(self._gate.inside or self._gate.pending or self._schedule.running or self._schedule.queued)

    @property
    def idle_since(self) -> float:
        """When it was last used, by the monotonic clock."""
        return self._used

    @property
    def device(self) -> str:
        """What it runs on, as torch names it; empty while that is not known."""
        return self._info.device if self._info else ""

    def pids(self) -> list[int]:
        """Name its processes."""
        return [member.pid for member in self._members if member.pid]

    async def wake(self, *, evict: bool = True) -> None:
        """See to it that its workers run, for which other models are stopped if `evict`. Raises EngineUnavailable: no room."""
        async with self._waking:
            self._used, self._put_away = time.monotonic(), False
            down = [member for member in self._members if member.state in ("resting", "failed")]
            if self.usable and time.monotonic() - self._failed < RETRY_SECONDS:
                down = [member for member in down if member.state == "resting"]
            if self._lazy and down and not await self._admitted(self._lazy, len(down), evict):
                return
            for member in down:
                member.wake()

    async def _admitted(self, lazy: Lazy, count: int, evict: bool) -> bool:
        """Make room for workers; False where there is none, and others can do the work. Raises EngineUnavailable."""
        try:
            await lazy.admit(count, evict)
        except EngineUnavailable:
            if self.ready:
                return False
            raise
        self._refusal = ""
        if self._gone:
            lazy.settled()
        self._check_presence()
        if not self.ready:
            self._be_patient(True)
        return True

    async def rest(self) -> None:
        """Stop its workers until they are wanted, and wait until they are gone."""
        self._put_away = True
        for member in self._members:
            member.rest()
        while self.pids():  # noqa: ASYNC110 - their keepers say so nowhere
            await asyncio.sleep(LOOK_SECONDS)

    def state(self) -> PoolState:
        """Tell how the engine is."""
        return PoolState(
            ready=self.ready,
            running=self._schedule.running,
            queued=self._schedule.queued + self._gate.pending,
            streams=self._gate.inside,
            workers=tuple(_worker(member, self._refusal) for member in self._members),
            wait=self._gate.wait_estimate(),
            capacity=self._capacity(),
            lazy=self._lazy is not None,
            usable=self.usable,
            known=self._info is not None,
        )

    async def wait_ready(self) -> bool:
        """Wait until a worker is ready; False when none is on its way."""
        while not self.ready:
            if self._gone or not self.starting:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def enter(self, terms: Terms) -> Claim:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        if self._lazy:
            await self._wake_for_a_request()
        self._check()
        return await self._gate.enter(terms)

    def leave(self, claim: Claim) -> None:
        """End a stream."""
        self._gate.leave(claim)
        self._used = time.monotonic()

    async def acquire(self, claim: Claim) -> Seat:
        """Wait for a worker. Raises EngineUnavailable."""
        if self._lazy and not self.ready and not self.starting:
            await self._wake_for_a_request()
        self._check()
        if self.ready:
            return await self._schedule.acquire(claim)
        try:
            async with asyncio.timeout(self._settings.start_timeout):
                return await self._schedule.acquire(claim)
        except TimeoutError as exc:
            raise EngineUnavailable(f"The engine `{self.record.name}` is still starting.") from exc

    def release(self, _claim: Claim, lease: Lease, outcome: Outcome) -> None:
        """End a job; a worker that hung or broke off gets no further one, and is replaced."""
        assert isinstance(lease, Seat)  # noqa: S101 - it came from `acquire`
        if outcome.lost:
            lease.member.give_up(lease.client)
        self._schedule.release(lease, usable=lease.valid, seconds=outcome.seconds, made=outcome.made)
        self._gate.look()

    async def _wake_for_a_request(self) -> None:
        """Wake it, though not again at once where that failed."""
        if self.usable or time.monotonic() - self._failed > RETRY_SECONDS:
            await self.wake()

    async def _introduce(self, lazy: Lazy) -> None:
        """Start it without being asked, when there is room, until it has said what it is, or for ever if it is kept.

        Others make room for one that has never been started, and for one that is to be kept; not again and again for what fails.
        """
        delay, evict = RETRY_SECONDS, True
        while True:
            async with lazy.turns or asyncio.Lock():
                try:
                    await self.wake(evict=evict)
                    evict = lazy.kept
                    if await self.wait_ready() and not lazy.kept:
                        self._used -= max(0.0, lazy.rest_after - INTRODUCED_SECONDS)
                        return
                except EngineUnavailable as exc:
                    self._refusal = exc.message
            while self.ready or self.starting or self._put_away:
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(delay)
            delay = min(LONGEST_DELAY, 2 * delay)

    async def _watch(self, lazy: Lazy) -> None:
        """Stop workers that nobody has wanted for long."""
        while True:
            await asyncio.sleep(min(1.0, lazy.rest_after / 4) if lazy.rest_after else 60.0)
            if (
                lazy.rest_after
                and not lazy.kept
                and self.ready
                and not self.in_use
                and time.monotonic() - self._used > lazy.rest_after
            ):
                await self.rest()

    def _check_presence(self) -> None:
        if self._gone:
            raise EngineUnavailable(self.farewell)

    def _check(self) -> None:
        self._check_presence()
        if not self.usable:
            raise EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}")

    def _capacity(self) -> float:
        """Give what the narrower of engine and encoders lets through; 0 while nothing is known."""
        known = [capacity for capacity in (self._schedule.capacity(), self._encoding()) if capacity]
        return min(known, default=0.0)

    def _load(self) -> Load:
        schedule = self._schedule
        return Load(
            schedule.capacity(), schedule.queued, schedule.places, schedule.job_seconds(), schedule.job_audio(), self._encoding()
        )

    def _member_ready(self, member: Member) -> None:
        self._info = member.info
        self._used = time.monotonic()
        if self._lazy and member.info and member.pid:
            self._lazy.learned(member.info, member.pid, member.took)
        self._changed.set()
        self._be_patient(False)
        self._settle()
        if member.info and member.client:
            for _ in range(max(member.info.slots, member.info.batch)):
                self._schedule.offer(Seat(member, member.client))

    def _member_lost(self, member: Member) -> None:
        self._schedule.withdraw(lambda seat: seat.member is member)
        self._changed.set()
        self._settle()
        if member.state == "failed":
            self._failed = time.monotonic()
        if not self.usable:
            self._fail(EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}"))
        elif not self.ready:
            self._be_patient(self.starting)
            if self._lazy and member.state == "resting" and self.in_use and not self.starting:
                task = asyncio.create_task(self._wake_for_those_who_wait())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _wake_for_those_who_wait(self) -> None:
        """Start it again after it died with work in it."""
        try:
            await self.wake()
        except Exception as exc:  # whatever it is, those who wait would wait for ever
            self._fail(exc)

    def _settle(self) -> None:
        if self._lazy and not self.starting:
            self._lazy.settled()

    def _be_patient(self, begins: bool) -> None:
        """Give a worker that was lost as long to come back as one has to start; those who wait then wait no longer."""
        if self._patience:
            self._patience.cancel()
        self._patience = (
            asyncio.get_running_loop().call_later(self._settings.start_timeout, self._lose_patience) if begins else None
        )

    def _lose_patience(self) -> None:
        self._patience = None
        self._fail(EngineUnavailable(f"The engine `{self.record.name}` is still starting."))

    def _fail(self, error: Exception) -> None:
        self._gate.fail(error)
        self._schedule.fail(error)

    def _why(self) -> str:
        return next((member.reason for member in self._members if member.reason), "none of its workers runs")


def _worker(member: Member, refusal: str) -> WorkerState:
    starting = time.monotonic() - member.began if member.state == "starting" else 0.0
    reason = member.reason or (refusal if member.state == "resting" else "")
    return WorkerState(member.state, member.pid, member.restarts, reason, starting)
