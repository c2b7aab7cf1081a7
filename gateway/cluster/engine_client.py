"""The client of the engine server: engines and rate limits that another process keeps for this one."""

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
from engines.fleet.events import Observer
from engines.fleet.pool import Pool
from engines.fleet.slots import UNTRIED, JobOutcome, Slot, TriedWorkers
from engines.fleet.status import EngineStatus
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.wire.client import WorkerClient
from gateway.cluster import messages
from gateway.cluster.worker_clients import WorkerClients
from gateway.services.permits import Permit

LINE_LIMIT = 16 * 1024 * 1024
ResponseT = TypeVar(
    "ResponseT", messages.PermitAcquired, messages.StreamOpened, messages.SlotAcquired, messages.ModelManaged
)
NOT_ENABLED = "The engine `{name}` is not enabled."
GONE = "The process that runs the engines is gone."


class EngineConnection:
    """The connection to the engine server. `on_lost` is called when it ends.

    `encoding` returns how many seconds of audio this process can encode in a second.
    """

    encoding: Callable[[], float] = staticmethod(lambda: 0.0)

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_lost: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[messages.Response]] = {}
        self._closed = False
        self.states = messages.EngineStates({}, {})
        self.infos: dict[str, EngineInfo] = {}
        self.states_received = asyncio.Event()
        self.engines_changed = asyncio.Event()
        """set when engines have come or gone since it was cleared"""

    def send(self, message: messages.Request) -> None:
        """Send a message that has no response."""
        self._writer.write(messages.encode_line(message))

    async def request(self, make: Callable[[int], messages.Request], kind: type[ResponseT]) -> ResponseT:
        """Send a request and return its response.

        `make` makes the message of its number. Raises the SpeechError with which the server refuses it, and
        RuntimeError for a fault of the server's.
        """
        if self._closed:
            raise EngineUnavailable(GONE)
        number = next(self._numbers)
        future: asyncio.Future[messages.Response] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.send(make(number))
        try:
            response = await future
        except asyncio.CancelledError:
            self.send(messages.Cancel(number))
            if future.done() and not future.cancelled() and not future.exception():
                self._release_unclaimed(future.result())
            raise
        finally:
            self._waiting.pop(number, None)
        if isinstance(response, messages.Refused):
            raise _error_of(response)
        assert isinstance(response, kind)  # noqa: S101 - the server answers each request with its own type
        return response

    async def receive(self) -> None:
        """Receive messages until the connection ends."""
        try:
            while line := await self._reader.readline():
                self._handle(messages.response_decoder.decode(line))
        except OSError:
            pass
        finally:
            self._closed = True
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(EngineUnavailable(GONE))
            self._on_lost()
            self.states_received.set()  # who waits for the first of them would wait for ever

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    def _handle(self, message: messages.Response) -> None:
        if isinstance(message, messages.EngineStates):
            if message.engines.keys() != self.states.engines.keys():
                self.engines_changed.set()
            self.states = message
            self.infos |= message.infos
            self.states_received.set()
        elif isinstance(message, messages.AreYouAlive):
            self.send(messages.Alive(self.encoding()))
        elif not isinstance(message, messages.Welcome):
            future = self._waiting.get(message.id)
            if future and not future.done():
                future.set_result(message)
            else:
                self._release_unclaimed(message)

    def _release_unclaimed(self, message: messages.Response) -> None:
        """Release what was acquired when nobody waited for it any more."""
        match message:
            case messages.PermitAcquired():
                self.send(messages.ReleasePermit(message.permit, 0.0))
            case messages.StreamOpened():
                self.send(messages.CloseStream(message.need))
            case messages.SlotAcquired():
                self.send(messages.ReleaseSlot(message.slot, JobOutcome(0.0), messages.StreamProgress()))
            case _:
                return


def _error_of(refused: messages.Refused) -> SpeechError | RuntimeError:
    """Return the error that the server raised."""
    if refused.kind == messages.UNEXPECTED:
        return RuntimeError(refused.message)
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
    """Rate limits that the engine server keeps for all gateway processes."""

    def __init__(self, connection: EngineConnection) -> None:
        self._connection = connection

    async def acquire(self, caller: str, model: str, seconds: float) -> Permit:
        """Acquire a permit for about so many seconds of audio. Raises RateLimited or Overloaded."""
        acquired = await self._connection.request(
            lambda number: messages.AcquirePermit(number, caller, model, seconds), messages.PermitAcquired
        )
        return Permit(caller, 0.0, acquired.headers, acquired.permit)

    def release(self, permit: Permit, seconds: float) -> None:
        """End a request, after so many seconds of audio."""
        self._connection.send(messages.ReleasePermit(permit.number, seconds))


class RemoteSlot(msgspec.Struct, frozen=True, eq=False):
    """A slot, by the engine server's number of it."""

    number: int
    client: WorkerClient


class RemoteWorkerSource:
    """The workers of one engine that the engine server runs."""

    def __init__(self, name: str, connection: EngineConnection, clients: WorkerClients) -> None:
        self._name = name
        self._connection = connection
        self._clients = clients

    async def open_stream(self, terms: RequestTerms) -> StreamNeed:
        """Wait until a stream may open. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        opened = await self._connection.request(
            lambda number: messages.OpenStream(number, self._name, terms), messages.StreamOpened
        )
        return StreamNeed(terms, opened.need)

    def close_stream(self, need: StreamNeed) -> None:
        """Close a stream."""
        self._connection.send(messages.CloseStream(need.number))

    async def acquire(self, need: StreamNeed, prompt: str = "", tried: TriedWorkers = UNTRIED) -> RemoteSlot:
        """Wait for a slot, and return it, as WorkerSource has it. Raises EngineUnavailable or EngineHung."""
        progress = _progress(need)
        acquired = await self._connection.request(
            lambda number: messages.AcquireSlot(number, need.number, progress, prompt, tried),
            messages.SlotAcquired,
        )
        return RemoteSlot(acquired.slot, self._clients.borrow(acquired.address))

    def release(self, need: StreamNeed, slot: Slot, outcome: JobOutcome) -> None:
        """Release the slot of a job that has ended."""
        assert isinstance(slot, RemoteSlot)  # noqa: S101 - it came from `acquire`
        self._clients.give_back(slot.client)
        self._connection.send(messages.ReleaseSlot(slot.number, outcome, _progress(need)))

    @property
    def info(self) -> EngineInfo | None:
        """The engine's description; None until a worker has been ready, or when none can be any more."""
        state = self._connection.states.engines.get(self._name)
        return self._connection.infos.get(self._name) if state and state.usable else None

    @property
    def ready(self) -> bool:
        """Whether some worker can take a job now."""
        return self.status().ready

    def status(self) -> EngineStatus:
        """Return the engine's status."""
        state = self._connection.states.engines.get(self._name)
        return state.state if state else EngineStatus(ready=False, running=0, queued=0, streams=0, workers=())


def _progress(need: StreamNeed) -> messages.StreamProgress:
    return messages.StreamProgress(need.made, need.ahead, need.dry_at)


class RemoteEngines:
    """All engines that the engine server runs."""

    def __init__(self, connection: EngineConnection, stall_timeout: float, observer: Observer) -> None:
        self._connection = connection
        self._observer = observer
        self._pools: dict[str, Pool] = {}
        self._clients = WorkerClients(stall_timeout)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Receive the engine server's messages for the block; wait for the first state."""
        receiver = asyncio.create_task(self._connection.receive())
        await self._connection.states_received.wait()
        try:
            yield
        finally:
            receiver.cancel()
            await asyncio.gather(receiver, self._clients.close(), return_exceptions=True)
            self._connection.close()

    def infos(self) -> dict[str, EngineInfo]:
        """Return the descriptions of the engines that can work, the best first."""
        return {name: pool.info for name, pool in self._current_pools().items() if pool.info is not None}

    def _current_pools(self) -> dict[str, Pool]:
        """Return the pools of the engines that there are now, in the server's order: models come and go."""
        engines = self._connection.states.engines
        for name in [name for name in self._pools if name not in engines]:
            del self._pools[name]
        for name, state in engines.items():
            if name not in self._pools:
                source = RemoteWorkerSource(name, self._connection, self._clients)
                self._pools[name] = Pool(name, source, max(1, len(state.state.workers)), self._observer)
        return {name: self._pools[name] for name in engines}

    def pool(self, name: str) -> Pool:
        """Return an engine's pool. Raises EngineUnavailable."""
        pool = self._current_pools().get(name)
        if pool is None:
            raise EngineUnavailable(NOT_ENABLED.format(name=name))
        return pool

    def statuses(self) -> dict[str, EngineStatus]:
        """Return the status of each engine."""
        return {name: pool.status() for name, pool in self._current_pools().items()}

    def names(self, kind: Kind) -> list[str]:
        """Return the names of the enabled engines of a kind, the best first."""
        return [name for name, state in self._connection.states.engines.items() if kind in state.kinds]


async def connect_to_engine_server(
    path: Path, on_lost: Callable[[], None]
) -> tuple[messages.Welcome, EngineConnection]:
    """Connect to the engine server; return its welcome and the connection. Raises OSError."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    welcome = messages.response_decoder.decode(await reader.readline())
    assert isinstance(welcome, messages.Welcome)  # noqa: S101 - the server's first message
    connection = EngineConnection(reader, writer, on_lost)
    connection.send(messages.Hello(os.getpid()))
    return welcome, connection
