"""A gateway process's side of the broker: engines and limits that another process keeps."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from compat.errors import RateKind, RateLimited
from engines import errors
from engines.api import EngineInfo
from engines.catalogue.engines import Kind
from engines.errors import EngineUnavailable, SpeechError
from engines.wire.address import WorkerAddress
from engines.fleet.events import Observer
from engines.fleet.pool import Pool
from engines.fleet.slots import JobOutcome, Slot
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.wire.client import WorkerClient
from gateway.cluster import messages as words
from gateway.services.permits import Permit

LINE_LIMIT = 16 * 1024 * 1024
MOST_CLIENTS = 64
"""workers that were talked to and whose connections are kept"""
A = TypeVar("A", words.PermitAcquired, words.StreamOpened, words.SlotAcquired, words.Managed)
NOT_ENABLED = "The engine `{name}` is not enabled."
GONE = "The process that runs the engines is gone."


class EngineConnection:
    """The connection to the broker. `lost` is called when it ends."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._lost = lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[words.Answer]] = {}
        self._gone = False
        self.states = words.EngineStates({}, {})
        self.infos: dict[str, EngineInfo] = {}
        self.pull_status = asyncio.Event()
        self.other = asyncio.Event()
        """there are other engines than when it was cleared"""

    def say(self, message: words.Request) -> None:
        """Say something that has no answer."""
        self._writer.write(words.line(message))

    async def ask(self, make: Callable[[int], words.Request], kind: type[A]) -> A:
        """Ask for something. Raises what the broker refuses it with, and RuntimeError where it failed there."""
        if self._gone:
            raise EngineUnavailable(GONE)
        number = next(self._numbers)
        future: asyncio.Future[words.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.say(make(number))
        try:
            answer = await future
        except asyncio.CancelledError:
            self.say(words.Cancel(number))
            if future.done() and not future.cancelled() and not future.exception():
                self._give_back(future.result())
            raise
        finally:
            self._waiting.pop(number, None)
        if isinstance(answer, words.Refused):
            raise RuntimeError(answer.message) if answer.kind == words.UNEXPECTED else _restored(answer)
        assert isinstance(answer, kind)  # noqa: S101 - the broker answers in kind
        return answer

    async def listen(self) -> None:
        """Take what the broker says, until the connection ends."""
        try:
            while line := await self._reader.readline():
                self._read(words.answers.decode(line))
        except OSError:
            pass
        finally:
            self._gone = True
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(EngineUnavailable(GONE))
            self._lost()

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    def _read(self, message: words.Answer) -> None:
        if isinstance(message, words.EngineStates):
            if message.engines.keys() != self.states.engines.keys():
                self.other.set()
            self.states = message
            self.infos |= message.infos
            self.pull_status.set()
        elif not isinstance(message, words.Welcome):
            future = self._waiting.get(message.id)
            if future and not future.done():
                future.set_result(message)
            else:
                self._give_back(message)

    def _give_back(self, message: words.Answer) -> None:
        """Give back what came when nobody waited for it any more."""
        match message:
            case words.PermitAcquired():
                self.say(words.ReleasePermit(message.permit, 0.0))
            case words.StreamOpened():
                self.say(words.CloseStream(message.need))
            case words.SlotAcquired():
                self.say(
                    words.ReleaseSlot(message.slot, JobOutcome(0.0), words.StreamProgress())
                )
            case _:
                return


def _restored(refused: words.Refused) -> SpeechError:
    if refused.kind == RateLimited.__name__:
        kind: RateKind = "tokens" if refused.rate == "tokens" else "requests"
        return RateLimited(
            refused.message, kind=kind, retry_after=refused.retry_after, headers=refused.headers
        )
    if refused.kind in ("Overloaded", "DeadlineExceeded"):
        made = errors.Overloaded if refused.kind == "Overloaded" else errors.DeadlineExceeded
        return made(refused.message, retry_after=refused.retry_after)
    plain: type[SpeechError] = getattr(errors, refused.kind, EngineUnavailable)
    return plain(refused.message, param=refused.param, code=refused.code)


class RemoteRateLimiter:
    """Limits that the broker keeps for all processes."""

    def __init__(self, connection: EngineConnection) -> None:
        self._connection = connection

    async def acquire(self, caller: str, model: str, seconds: float) -> Permit:
        """Let a request of about so many seconds of audio begin. Raises RateLimited or Overloaded."""
        admitted = await self._connection.ask(
            lambda number: words.AcquirePermit(number, caller, model, seconds), words.PermitAcquired
        )
        return Permit(caller, 0.0, admitted.headers, admitted.permit)

    def release(self, permit: Permit, seconds: float) -> None:
        """End a request that came to so many seconds of audio."""
        self._connection.say(words.ReleasePermit(permit.number, seconds))


class RemoteSlot(msgspec.Struct, frozen=True, eq=False):
    """A job's hold on a worker, by the broker's number."""

    number: int
    client: WorkerClient


class RemoteWorkerSource:
    """One engine, as the broker runs it."""

    def __init__(
        self, name: str, connection: EngineConnection, clients: Callable[[WorkerAddress], WorkerClient]
    ) -> None:
        self._name = name
        self._connection = connection
        self._clients = clients

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        entered = await self._connection.ask(
            lambda number: words.OpenStream(number, self._name, terms), words.StreamOpened
        )
        return StreamNeed(terms, entered.need)

    def close_stream(self, need: StreamNeed) -> None:
        """End a stream."""
        self._connection.say(words.CloseStream(need.number))

    async def acquire(self, need: StreamNeed) -> RemoteSlot:
        """Wait for a worker. Raises EngineUnavailable."""
        progress = _progress(need)
        acquired = await self._connection.ask(
            lambda number: words.AcquireSlot(number, need.number, progress), words.SlotAcquired
        )
        return RemoteSlot(acquired.slot, self._clients(acquired.address))

    def release(self, need: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """End a job."""
        assert isinstance(slot, RemoteSlot)  # noqa: S101 - it came from `acquire`
        self._connection.say(words.ReleaseSlot(slot.number, outcome, _progress(need)))

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be any more."""
        state = self._connection.states.engines.get(self._name)
        return self._connection.infos.get(self._name) if state and state.usable else None

    def status(self) -> EngineStatus:
        """Tell how the engine is."""
        state = self._connection.states.engines.get(self._name)
        return state.state if state else EngineStatus(ready=False, running=0, queued=0, streams=0, workers=())


def _progress(need: StreamNeed) -> words.StreamProgress:
    return words.StreamProgress(need.made, need.ahead, need.dry_at)


class RemoteEngines:
    """All engines, as the broker runs them."""

    def __init__(self, connection: EngineConnection, stall_timeout: float, observer: Observer) -> None:
        self._connection = connection
        self._stall_timeout = stall_timeout
        self._observer = observer
        self._pools: dict[str, Pool] = {}
        self._clients: dict[WorkerAddress, WorkerClient] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen to the broker."""
        listener = asyncio.create_task(self._connection.listen())
        await self._connection.pull_status.wait()
        try:
            yield
        finally:
            listener.cancel()
            await asyncio.gather(
                listener, *(client.close() for client in self._clients.values()), return_exceptions=True
            )
            self._connection.close()

    def infos(self) -> dict[str, EngineInfo]:
        """Give what the engines that can work say of themselves, the best first."""
        return {name: pool.info for name, pool in self._known().items() if pool.info is not None}

    def _known(self) -> dict[str, Pool]:
        """Give the pools of the engines that there are now, in the broker's order: models come and go."""
        engines = self._connection.states.engines
        for name in [name for name in self._pools if name not in engines]:
            del self._pools[name]
        for name, state in engines.items():
            if name not in self._pools:
                source = RemoteWorkerSource(name, self._connection, self._client)
                self._pools[name] = Pool(name, source, max(1, len(state.state.workers)), self._observer)
        return {name: self._pools[name] for name in engines}

    def pool(self, name: str) -> Pool:
        """Give an engine's pool. Raises EngineUnavailable."""
        pool = self._known().get(name)
        if pool is None:
            raise EngineUnavailable(NOT_ENABLED.format(name=name))
        return pool

    def statuses(self) -> dict[str, EngineStatus]:
        """Tell how each engine is."""
        return {name: pool.status() for name, pool in self._known().items()}

    def names(self, kind: Kind) -> list[str]:
        """Name the enabled engines of a kind, the best first."""
        return [name for name, state in self._connection.states.engines.items() if kind in state.kinds]

    def _client(self, address: WorkerAddress) -> WorkerClient:
        """Talk to a worker; those that are long gone are forgotten."""
        if address not in self._clients:
            while len(self._clients) >= MOST_CLIENTS:
                oldest = self._clients.pop(next(iter(self._clients)))
                task = asyncio.create_task(oldest.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            self._clients[address] = WorkerClient(address, stall_timeout=self._stall_timeout)
        return self._clients[address]


async def connect(path: Path, lost: Callable[[], None]) -> tuple[words.Welcome, EngineConnection]:
    """Connect to the broker, and hear what this process is to be. Raises OSError."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    welcome = words.answers.decode(await reader.readline())
    assert isinstance(welcome, words.Welcome)  # noqa: S101 - the first thing it says
    connection = EngineConnection(reader, writer, lost)
    connection.say(words.Hello(os.getpid()))
    return welcome, connection
