"""Engines and limits for several gateway processes: lets streams in and gives out workers for all of them alike.

Audio does not pass here: a gateway process is told a worker's address and talks to it. When such a process ends, however it ends,
what it held is given back.
"""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from compat.errors import RateLimited
from engines import api
from engines.api import EngineInfo, SpeechError
from engines.fleet.runtime import Engines
from engines.fleet.slots import Lease, Outcome
from engines.fleet.streams import Claim
from engines.fleet.worker_group import Dispatcher
from gateway.cluster import messages as words
from gateway.http.rate_limits import Admission, Permit
from gateway.models.manager import Manager

NEWS_PERIOD = 0.25
"""seconds"""
LINE_LIMIT = 16 * 1024 * 1024


class Broker:
    """Serves gateway processes on a Unix socket."""

    def __init__(self, engines: Engines, admission: Admission, manager: Manager, welcome: words.Welcome) -> None:
        self.engines = engines
        self.admission = admission
        self.manager = manager
        self._welcome = welcome
        self.listening: set[int] = set()
        """process ids of those that take connections"""
        self._sessions: set[Session] = set()
        self.deeds: set[asyncio.Task[None]] = set()
        """what is being done to models: it is done to the end, whoever asked for it"""

    @asynccontextmanager
    async def running(self, path: Path) -> AsyncIterator[None]:
        """Listen at `path`."""
        server = await asyncio.start_unix_server(self._serve, path, limit=LINE_LIMIT)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, writer)
        self._sessions.add(session)
        writer.write(words.line(self._welcome))
        news = asyncio.create_task(session.tell_news())
        pid = 0
        try:
            while line := await reader.readline():
                message = words.requests.decode(line)
                if isinstance(message, words.Hello):
                    pid = message.pid
                elif isinstance(message, words.Listening):
                    self.listening.add(pid)
                else:
                    session.hear(message)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.listening.discard(pid)
            self._sessions.discard(session)
            news.cancel()
            session.close()
            writer.close()

    def spread(self) -> None:
        """Tell all processes how the engines are."""
        for session in self._sessions:
            session.tell()


class Session:
    """One gateway process, and all that it holds."""

    def __init__(self, broker: Broker, writer: asyncio.StreamWriter) -> None:
        self._broker = broker
        self._engines = broker.engines
        self._admission = broker.admission
        self._writer = writer
        self._numbers = itertools.count(1)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._permits: dict[int, Permit] = {}
        self._claims: dict[int, tuple[Dispatcher, Claim]] = {}
        self._leases: dict[int, tuple[Dispatcher, Claim, Lease]] = {}
        self._told: dict[str, EngineInfo] = {}

    def hear(self, message: words.Request) -> None:
        """Do what the process asks."""
        match message:
            case words.Admit():
                self._ask(message.id, self._admit(message))
            case words.Depart():
                self._admission.leave(self._permits.pop(message.permit), message.seconds)
            case words.Enter():
                self._ask(message.id, self._enter(message))
            case words.Leave():
                dispatcher, claim = self._claims.pop(message.claim)
                dispatcher.leave(claim)
            case words.Acquire():
                self._ask(message.id, self._acquire(message))
            case words.Release():
                dispatcher, claim, lease = self._leases.pop(message.lease)
                _stand(claim, message.standing)
                dispatcher.release(claim, lease, message.outcome)
            case words.Manage():
                deed = asyncio.create_task(self._answered(message.id, self._manage(message)))
                self._broker.deeds.add(deed)
                deed.add_done_callback(self._broker.deeds.discard)
            case words.Cancel():
                if task := self._tasks.get(message.id):
                    task.cancel()
            case _:
                return

    def close(self) -> None:
        """Give everything back: the process is gone, and the workers will notice by themselves."""
        for task in self._tasks.values():
            task.cancel()
        for dispatcher, claim, lease in self._leases.values():
            dispatcher.release(claim, lease, Outcome(0.0))
        for dispatcher, claim in self._claims.values():
            dispatcher.leave(claim)
        for permit in self._permits.values():
            self._admission.leave(permit, permit.charged)

    async def tell_news(self) -> None:
        """Tell how the engines are, at once when that matters, else now and then."""
        with suppress(OSError):
            while True:
                self.tell()
                await self._writer.drain()
                await asyncio.sleep(NEWS_PERIOD)

    def tell(self) -> None:
        """Tell how the engines are."""
        self._say(self._news())

    def _news(self) -> words.News:
        engines = {
            name: words.EngineNews(dispatcher.state(), dispatcher.record.kinds, dispatcher.usable)
            for name, dispatcher in self._engines.dispatchers().items()
        }
        infos = {name: info for name, info in self._engines.infos().items() if self._told.get(name) is not info}
        self._told |= infos
        return words.News(engines, infos)

    def _ask(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._answered(number, work))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _answered(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SpeechError as exc:
            self._say(
                words.Refused(
                    number,
                    next(kind.__name__ for kind in type(exc).__mro__ if kind is RateLimited or kind.__module__ == api.__name__),
                    exc.message,
                    exc.param,
                    exc.code,
                    getattr(exc, "retry_after", 1.0),
                    exc.kind if isinstance(exc, RateLimited) else "",
                    exc.headers if isinstance(exc, RateLimited) else {},
                )
            )
        except Exception as exc:  # whatever it is, somebody waits for the answer
            self._say(words.Refused(number, words.UNEXPECTED, "".join(traceback.format_exception(exc))))

    async def _admit(self, asked: words.Admit) -> None:
        permit = await self._admission.enter(asked.owner, asked.model, asked.seconds)
        number = next(self._numbers)
        self._permits[number] = permit
        self._say(words.Admitted(asked.id, number, permit.headers))

    async def _enter(self, asked: words.Enter) -> None:
        dispatcher = self._engines.dispatcher(asked.engine)
        claim = await dispatcher.enter(asked.terms)
        self._claims[claim.number] = dispatcher, claim
        self._say(words.Entered(asked.id, claim.number))

    async def _acquire(self, asked: words.Acquire) -> None:
        dispatcher, claim = self._claims[asked.claim]
        _stand(claim, asked.standing)
        lease = await dispatcher.acquire(claim)
        number = next(self._numbers)
        self._leases[number] = dispatcher, claim, lease
        self._say(words.Acquired(asked.id, number, lease.client.address))

    async def _manage(self, asked: words.Manage) -> None:
        done = await self._done(asked)
        if asked.deed in words.CHANGING:
            self._broker.spread()  # first: who asked will look how the model stands now, in whichever process
        self._say(done)

    async def _done(self, asked: words.Manage) -> words.Managed:
        manager, number = self._broker.manager, asked.id
        if asked.deed == "pulls":
            return words.Managed(number, await manager.pulls())
        record = manager.models.record(asked.model)
        match asked.deed:
            case "pull":
                return words.Managed(number, {record.name: await manager.pull(record)})
            case "told":
                return words.Managed(number, {record.name: await manager.told(record, asked.pull)})
            case "cancel":
                return words.Managed(number, {record.name: await manager.cancel(record)})
            case "delete":
                return words.Managed(number, freed=await manager.delete(record))
            case "load":
                await manager.load(record)
            case "unload":
                await manager.unload(record)
        return words.Managed(number)

    def _say(self, message: words.Answer) -> None:
        if not self._writer.is_closing():
            self._writer.write(words.line(message))


def _stand(claim: Claim, standing: words.Standing) -> None:
    claim.first, claim.made, claim.ahead = standing.first, standing.made, standing.ahead
