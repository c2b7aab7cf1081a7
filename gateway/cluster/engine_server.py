"""Engines and limits for several gateway processes: lets streams in and gives out workers for all of them
alike.

Audio does not pass here: a gateway process is told a worker's address and talks to it. When such a process
ends, however it ends, what it held is given back.
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
from engines import errors
from engines.api import EngineInfo
from engines.errors import SpeechError
from engines.fleet.runtime import Engines
from engines.fleet.slots import JobOutcome, Slot
from engines.fleet.streams import StreamNeed
from engines.fleet.worker_group import WorkerGroup
from gateway.cluster import messages as words
from gateway.http.rate_limits import LocalRateLimiter
from gateway.services.permits import Permit
from gateway.models.manager import ModelManager

NEWS_PERIOD = 0.25
"""seconds"""
LINE_LIMIT = 16 * 1024 * 1024


class EngineServer:
    """Serves gateway processes on a Unix socket."""

    def __init__(
        self, engines: Engines, rate_limiter: LocalRateLimiter, manager: ModelManager, welcome: words.Welcome
    ) -> None:
        self.engines = engines
        self.rate_limiter = rate_limiter
        self.manager = manager
        self._welcome = welcome
        self.accepting: set[int] = set()
        """process ids of those that take connections"""
        self._sessions: set[Session] = set()
        self.actions: set[asyncio.Task[None]] = set()
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
        news = asyncio.create_task(session.publish_periodically())
        pid = 0
        try:
            while line := await reader.readline():
                message = words.requests.decode(line)
                if isinstance(message, words.Hello):
                    pid = message.pid
                elif isinstance(message, words.Accepting):
                    self.accepting.add(pid)
                else:
                    session.handle(message)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.accepting.discard(pid)
            self._sessions.discard(session)
            news.cancel()
            session.close()
            writer.close()

    def publish(self) -> None:
        """Tell all processes how the engines are."""
        for session in self._sessions:
            session.send_states()


class Session:
    """One gateway process, and all that it holds."""

    def __init__(self, broker: EngineServer, writer: asyncio.StreamWriter) -> None:
        self._server = broker
        self._engines = broker.engines
        self._rate_limiter = broker.rate_limiter
        self._writer = writer
        self._numbers = itertools.count(1)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._permits: dict[int, Permit] = {}
        self._streams: dict[int, tuple[WorkerGroup, StreamNeed]] = {}
        self._slots: dict[int, tuple[WorkerGroup, StreamNeed, Slot]] = {}
        self._sent_infos: dict[str, EngineInfo] = {}

    def handle(self, message: words.Request) -> None:
        """Do what the process asks."""
        match message:
            case words.AcquirePermit():
                self._start(message.id, self._acquire_permit(message))
            case words.ReleasePermit():
                self._rate_limiter.release(self._permits.pop(message.permit), message.seconds)
            case words.OpenStream():
                self._start(message.id, self._open_stream(message))
            case words.CloseStream():
                group, need = self._streams.pop(message.need)
                group.close_stream(need)
            case words.AcquireSlot():
                self._start(message.id, self._acquire_slot(message))
            case words.ReleaseSlot():
                group, need, slot = self._slots.pop(message.slot)
                _note_progress(need, message.progress)
                group.release(need, slot, message.outcome)
            case words.Manage():
                action = asyncio.create_task(self._answered(message.id, self._manage(message)))
                self._server.actions.add(action)
                action.add_done_callback(self._server.actions.discard)
            case words.Cancel():
                if task := self._tasks.get(message.id):
                    task.cancel()
            case _:
                return

    def close(self) -> None:
        """Give everything back: the process is gone, and the workers will notice by themselves."""
        for task in self._tasks.values():
            task.cancel()
        for group, need, slot in self._slots.values():
            group.release(need, slot, JobOutcome(0.0))
        for group, need in self._streams.values():
            group.close_stream(need)
        for permit in self._permits.values():
            self._rate_limiter.release(permit, permit.charged)

    async def publish_periodically(self) -> None:
        """Tell how the engines are, at once when that matters, else now and then."""
        with suppress(OSError):
            while True:
                self.send_states()
                await self._writer.drain()
                await asyncio.sleep(NEWS_PERIOD)

    def send_states(self) -> None:
        """Tell how the engines are."""
        self._say(self._states())

    def _states(self) -> words.EngineStates:
        engines = {
            name: words.EngineState(group.status(), group.record.kinds, group.usable)
            for name, group in self._engines.groups().items()
        }
        infos = {
            name: info
            for name, info in self._engines.infos().items()
            if self._sent_infos.get(name) is not info
        }
        self._sent_infos |= infos
        return words.EngineStates(engines, infos)

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
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
                    next(
                        kind.__name__
                        for kind in type(exc).__mro__
                        if kind is RateLimited or kind.__module__ == errors.__name__
                    ),
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

    async def _acquire_permit(self, asked: words.AcquirePermit) -> None:
        permit = await self._rate_limiter.acquire(asked.caller, asked.model, asked.seconds)
        number = next(self._numbers)
        self._permits[number] = permit
        self._say(words.PermitAcquired(asked.id, number, permit.headers))

    async def _open_stream(self, asked: words.OpenStream) -> None:
        group = self._engines.group(asked.engine)
        need = await group.open_stream(asked.terms)
        self._streams[need.number] = group, need
        self._say(words.StreamOpened(asked.id, need.number))

    async def _acquire_slot(self, asked: words.AcquireSlot) -> None:
        group, need = self._streams[asked.need]
        _note_progress(need, asked.progress)
        slot = await group.acquire(need)
        number = next(self._numbers)
        self._slots[number] = group, need, slot
        self._say(words.SlotAcquired(asked.id, number, slot.client.address))

    async def _manage(self, asked: words.Manage) -> None:
        done = await self._done(asked)
        if asked.action in words.CHANGING:
            self._server.publish()  # first: who asked will look how the model stands now, in whichever process
        self._say(done)

    async def _done(self, asked: words.Manage) -> words.Managed:
        manager, number = self._server.manager, asked.id
        if asked.action == "pulls":
            return words.Managed(number, await manager.pulls())
        record = manager.models.record(asked.model)
        match asked.action:
            case "pull":
                return words.Managed(number, {record.name: await manager.pull(record)})
            case "told":
                return words.Managed(number, {record.name: await manager.pull_status(record, asked.pull)})
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


def _note_progress(need: StreamNeed, progress: words.StreamProgress) -> None:
    need.report(progress.made, progress.ahead, progress.dry_at)
