"""The workers of one engine: jobs go to whichever is free, and a job whose worker dies before it gave anything is tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from engines.api import EngineInfo, EngineUnavailable, ListenEvent, ListenJob, SpeechEvent, SpeechJob
from engines.catalogue import Record
from engines.client import Lost, Unreachable, WorkerClient
from engines.member import Member, State
from engines.process import Log
from engines.schedule import Schedule
from engines.settings import EngineSettings, WorkerSettings


class WorkerState(msgspec.Struct, frozen=True):
    """One worker, for health and metrics."""

    state: State
    pid: int | None
    restarts: int
    reason: str = ""


class PoolState(msgspec.Struct, frozen=True):
    """One engine, for health and metrics."""

    ready: bool
    running: int
    queued: int
    cancelled: int
    retried: int
    workers: tuple[WorkerState, ...]


class Seat(msgspec.Struct, frozen=True, eq=False):
    """A slot of one worker process; void once that process is gone, even if its member has another by then."""

    member: Member
    client: WorkerClient

    @property
    def valid(self) -> bool:
        """Tell whether the process is still the member's."""
        return self.member.client is self.client and self.member.state == "ready"


class Pool:
    """Runs `record`'s workers while `running` is entered."""

    def __init__(self, record: Record, engine: EngineSettings, workers: WorkerSettings, log: Log) -> None:
        self.record = record
        self._settings = workers
        self._schedule: Schedule[Seat] = Schedule(workers.queue)
        self._members = [
            Member(record, workers, log, ready=self._member_ready, lost=self._member_lost, options=engine.options)
            for _ in range(engine.workers or record.workers)
        ]
        self._info: EngineInfo | None = None
        self._changed = asyncio.Event()
        self._cancelled = 0
        self._retried = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all workers at once, without waiting for them; stop them all on the way out."""
        keepers = [asyncio.create_task(member.keep()) for member in self._members]
        try:
            yield
        finally:
            self._schedule.fail(EngineUnavailable("The server is going away."))
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be any more."""
        return self._info if self.usable else None

    @property
    def ready(self) -> bool:
        """Tell whether some worker can take a job now."""
        return any(member.state == "ready" for member in self._members)

    @property
    def usable(self) -> bool:
        """Tell whether some worker is ready, or will be soon."""
        return any(member.state in ("ready", "starting") for member in self._members)

    def state(self) -> PoolState:
        """Tell how the engine is."""
        workers = tuple(WorkerState(member.state, member.pid, member.restarts, member.reason) for member in self._members)
        schedule = self._schedule
        return PoolState(self.ready, schedule.running, schedule.queued, self._cancelled, self._retried, workers)

    async def wait_ready(self) -> bool:
        """Wait until a worker is ready; False when none can be."""
        while not self.ready:
            if not self.usable:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    async def speak(self, job: SpeechJob, *, begun: bool = False) -> AsyncGenerator[SpeechEvent, None]:
        """Speak one segment. Raises what the engine raises, Overloaded, EngineUnavailable, or Lost.

        `begun` says that audio of the same request has left already: it is not turned away half-way, however many wait.

        A worker that is lost before its first audio costs another try, not the job; a job may lose as many as there are.
        """
        given, losses = False, 0
        while True:
            try:
                async with self._lease(begun=begun) as seat, aclosing(seat.client.speak(job)) as events:
                    async for event in events:
                        given = True
                        yield event
                return
            except Lost as exc:
                losses += not isinstance(exc, Unreachable)  # such a worker is given up, so this comes to an end
                if given or losses > len(self._members):
                    raise
                self._retried += 1

    async def transcribe(self, job: ListenJob, audio: AsyncIterator[bytes]) -> AsyncGenerator[ListenEvent, None]:
        """Transcribe one recording. Raises what the engine raises, Overloaded, EngineUnavailable, or Lost."""
        async with self._lease() as seat, aclosing(seat.client.transcribe(job, audio)) as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def _lease(self, *, begun: bool = False) -> AsyncIterator[Seat]:
        """Hold a worker's slot; a worker that hangs or breaks off gets no further job, and is replaced."""
        if not self.usable:
            raise EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}")
        seat = await self._wait_for_seat(begun)
        began = time.monotonic()
        try:
            yield seat
        except Lost:
            seat.member.give_up(seat.client)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            self._cancelled += 1
            raise
        finally:
            self._schedule.release(seat if seat.valid else None, time.monotonic() - began)

    async def _wait_for_seat(self, begun: bool) -> Seat:
        if self.ready:
            return await self._schedule.acquire(begun=begun)
        try:
            async with asyncio.timeout(self._settings.start_timeout):
                return await self._schedule.acquire(begun=begun)
        except TimeoutError as exc:
            raise EngineUnavailable(f"The engine `{self.record.name}` is still starting.") from exc

    def _member_ready(self, member: Member) -> None:
        self._info = member.info
        self._changed.set()
        if member.info and member.client:
            for _ in range(member.info.slots):
                self._schedule.offer(Seat(member, member.client))

    def _member_lost(self, member: Member) -> None:
        self._schedule.withdraw(lambda seat: seat.member is member)
        self._changed.set()
        if not self.usable:
            self._schedule.fail(EngineUnavailable(f"The engine `{self.record.name}` is not available: {self._why()}"))

    def _why(self) -> str:
        return next((member.reason for member in self._members if member.reason), "none of its workers runs")
