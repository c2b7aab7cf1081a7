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
from engines import api
from engines.api import EngineInfo, EngineUnavailable, SpeechError
from engines.catalogue.engines import Kind
from engines.fleet.child_process import Address
from engines.fleet.events import Observer
from engines.fleet.pool import Pool
from engines.fleet.slots import Lease, Outcome
from engines.fleet.status import PoolState
from engines.fleet.streams import Claim, Terms
from engines.wire.client import WorkerClient
from gateway.cluster import messages as words
from gateway.http.rate_limits import Permit

LINE_LIMIT = 16 * 1024 * 1024
MOST_CLIENTS = 64
"""workers that were talked to and whose connections are kept"""
A = TypeVar("A", words.Admitted, words.Entered, words.Acquired, words.Managed)
NOT_ENABLED = "The engine `{name}` is not enabled."
GONE = "The process that runs the engines is gone."


class Link:
    """The connection to the broker. `lost` is called when it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: Callable[[], None]) -> None:
        self._reader = reader
        self._writer = writer
        self._lost = lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[words.Answer]] = {}
        self._gone = False
        self.news = words.News({}, {})
        self.infos: dict[str, EngineInfo] = {}
        self.told = asyncio.Event()
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
                self._hear(words.answers.decode(line))
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

    def _hear(self, message: words.Answer) -> None:
        if isinstance(message, words.News):
            if message.engines.keys() != self.news.engines.keys():
                self.other.set()
            self.news = message
            self.infos |= message.infos
            self.told.set()
        elif not isinstance(message, words.Welcome):
            future = self._waiting.get(message.id)
            if future and not future.done():
                future.set_result(message)
            else:
                self._give_back(message)

    def _give_back(self, message: words.Answer) -> None:
        """Give back what came when nobody waited for it any more."""
        match message:
            case words.Admitted():
                self.say(words.Depart(message.permit, 0.0))
            case words.Entered():
                self.say(words.Leave(message.claim))
            case words.Acquired():
                self.say(words.Release(message.lease, Outcome(0.0), words.Standing(None, 0.0, 0.0)))
            case _:
                return


def _restored(refused: words.Refused) -> SpeechError:
    if refused.kind == RateLimited.__name__:
        kind: RateKind = "tokens" if refused.rate == "tokens" else "requests"
        return RateLimited(refused.message, kind=kind, retry_after=refused.retry_after, headers=refused.headers)
    if refused.kind in ("Overloaded", "DeadlineExceeded"):
        made = api.Overloaded if refused.kind == "Overloaded" else api.DeadlineExceeded
        return made(refused.message, retry_after=refused.retry_after)
    plain: type[SpeechError] = getattr(api, refused.kind, EngineUnavailable)
    return plain(refused.message, param=refused.param, code=refused.code)


class RemoteEntrance:
    """Limits that the broker keeps for all processes."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def enter(self, owner: str, model: str, seconds: float) -> Permit:
        """Let a request of about so many seconds of audio begin. Raises RateLimited or Overloaded."""
        admitted = await self._link.ask(lambda number: words.Admit(number, owner, model, seconds), words.Admitted)
        return Permit(owner, 0.0, admitted.headers, admitted.permit)

    def leave(self, permit: Permit, seconds: float) -> None:
        """End a request that came to so many seconds of audio."""
        self._link.say(words.Depart(permit.number, seconds))


class RemoteLease(msgspec.Struct, frozen=True, eq=False):
    """A job's hold on a worker, by the broker's number."""

    number: int
    client: WorkerClient


class RemoteDispatch:
    """One engine, as the broker runs it."""

    def __init__(self, name: str, link: Link, clients: Callable[[Address], WorkerClient]) -> None:
        self._name = name
        self._link = link
        self._clients = clients

    async def enter(self, terms: Terms) -> Claim:
        """Wait to be let in. Raises Overloaded, DeadlineExceeded or EngineUnavailable."""
        entered = await self._link.ask(lambda number: words.Enter(number, self._name, terms), words.Entered)
        return Claim(terms, entered.claim)

    def leave(self, claim: Claim) -> None:
        """End a stream."""
        self._link.say(words.Leave(claim.number))

    async def acquire(self, claim: Claim) -> RemoteLease:
        """Wait for a worker. Raises EngineUnavailable."""
        standing = _standing(claim)
        acquired = await self._link.ask(lambda number: words.Acquire(number, claim.number, standing), words.Acquired)
        return RemoteLease(acquired.lease, self._clients(acquired.address))

    def release(self, claim: Claim, lease: Lease, outcome: Outcome) -> None:
        """End a job."""
        assert isinstance(lease, RemoteLease)  # noqa: S101 - it came from `acquire`
        self._link.say(words.Release(lease.number, outcome, _standing(claim)))

    @property
    def info(self) -> EngineInfo | None:
        """What the engine says of itself; None until a worker has been ready, or when none can be any more."""
        news = self._link.news.engines.get(self._name)
        return self._link.infos.get(self._name) if news and news.usable else None

    def state(self) -> PoolState:
        """Tell how the engine is."""
        news = self._link.news.engines.get(self._name)
        return news.state if news else PoolState(ready=False, running=0, queued=0, streams=0, workers=())


def _standing(claim: Claim) -> words.Standing:
    return words.Standing(claim.first, claim.made, claim.ahead)


class RemoteEngines:
    """All engines, as the broker runs them."""

    def __init__(self, link: Link, stall_timeout: float, observer: Observer) -> None:
        self._link = link
        self._stall_timeout = stall_timeout
        self._observer = observer
        self._pools: dict[str, Pool] = {}
        self._clients: dict[Address, WorkerClient] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen to the broker."""
        listener = asyncio.create_task(self._link.listen())
        await self._link.told.wait()
        try:
            yield
        finally:
            listener.cancel()
            await asyncio.gather(listener, *(client.close() for client in self._clients.values()), return_exceptions=True)
            self._link.close()

    def infos(self) -> dict[str, EngineInfo]:
        """Give what the engines that can work say of themselves, the best first."""
        return {name: pool.info for name, pool in self._known().items() if pool.info is not None}

    def _known(self) -> dict[str, Pool]:
        """Give the pools of the engines that there are now, in the broker's order: models come and go."""
        engines = self._link.news.engines
        for name in [name for name in self._pools if name not in engines]:
            del self._pools[name]
        for name, news in engines.items():
            if name not in self._pools:
                dispatch = RemoteDispatch(name, self._link, self._client)
                self._pools[name] = Pool(name, dispatch, max(1, len(news.state.workers)), self._observer)
        return {name: self._pools[name] for name in engines}

    def pool(self, name: str) -> Pool:
        """Give an engine's pool. Raises EngineUnavailable."""
        pool = self._known().get(name)
        if pool is None:
            raise EngineUnavailable(NOT_ENABLED.format(name=name))
        return pool

    def states(self) -> dict[str, PoolState]:
        """Tell how each engine is."""
        return {name: pool.state() for name, pool in self._known().items()}

    def names(self, kind: Kind) -> list[str]:
        """Name the enabled engines of a kind, the best first."""
        return [name for name, news in self._link.news.engines.items() if kind in news.kinds]

    def _client(self, address: Address) -> WorkerClient:
        """Talk to a worker; those that are long gone are forgotten."""
        if address not in self._clients:
            while len(self._clients) >= MOST_CLIENTS:
                oldest = self._clients.pop(next(iter(self._clients)))
                task = asyncio.create_task(oldest.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            self._clients[address] = WorkerClient(address, stall_timeout=self._stall_timeout)
        return self._clients[address]


async def connect(path: Path, lost: Callable[[], None]) -> tuple[words.Welcome, Link]:
    """Connect to the broker, and hear what this process is to be. Raises OSError."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    welcome = words.answers.decode(await reader.readline())
    assert isinstance(welcome, words.Welcome)  # noqa: S101 - the first thing it says
    link = Link(reader, writer, lost)
    link.say(words.Hello(os.getpid()))
    return welcome, link
