"""The server of engines and rate limits for several gateway processes.

Audio does not pass here: a gateway process gets a worker's address and connects to it. When such a process
ends, however it ends, everything that it held is released.
"""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
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
from gateway.cluster import messages
from gateway.http.rate_limits import LocalRateLimiter
from gateway.models.manager import ModelManager
from gateway.services.permits import Permit

PUBLISH_PERIOD = 0.25
"""seconds"""
LINE_LIMIT = 16 * 1024 * 1024


class EngineServer:
    """Serves gateway processes on a Unix socket."""

    def __init__(
        self,
        engines: Engines,
        rate_limiter: LocalRateLimiter,
        manager: ModelManager,
        welcome: messages.Welcome,
    ) -> None:
        self.engines = engines
        self.rate_limiter = rate_limiter
        self.manager = manager
        self._welcome = welcome
        self.accepting: set[int] = set()
        """process ids of the gateway processes that accept connections"""
        self.obstacles: dict[int, str] = {}
        """why gateway processes could not start, by process id"""
        self.on_accepting: Callable[[int], None] = lambda _pid: None
        """called with the process id of a gateway process that accepts connections now"""
        self._sessions: set[Session] = set()
        self._sessions_by_pid: dict[int, Session] = {}
        self.actions: set[asyncio.Task[None]] = set()
        """model actions under way: they run to their end, even without the process that asked for them"""

    @asynccontextmanager
    async def running(self, path: Path) -> AsyncIterator[None]:
        """Serve at a Unix socket for the block."""
        server = await asyncio.start_unix_server(self._serve, path, limit=LINE_LIMIT)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, writer)
        self._sessions.add(session)
        writer.write(messages.encode_line(self._welcome))
        publisher = asyncio.create_task(session.publish_periodically())
        pid = 0
        try:
            while line := await reader.readline():
                message = messages.request_decoder.decode(line)
                if isinstance(message, messages.Hello):
                    pid = message.pid
                    self._sessions_by_pid[pid] = session
                elif isinstance(message, messages.Accepting):
                    self.accepting.add(pid)
                    self.on_accepting(pid)
                elif isinstance(message, messages.CannotStart):
                    self.obstacles[pid] = message.reason
                else:
                    session.handle(message)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.accepting.discard(pid)
            self._sessions.discard(session)
            self._sessions_by_pid.pop(pid, None)
            publisher.cancel()
            session.close()
            writer.close()

    def session(self, pid: int) -> Session | None:
        """Return the connection of a gateway process; None while it has none."""
        return self._sessions_by_pid.get(pid)

    def sessions(self) -> frozenset[Session]:
        """Return the connections of all gateway processes."""
        return frozenset(self._sessions)

    def encoding(self) -> float:
        """Return how many seconds of audio all gateway processes can encode in a second; 0 if not known."""
        known = [session.encoding for session in self._sessions if session.encoding]
        return sum(known) / len(known) * len(self._sessions) if known else 0.0

    def publish(self) -> None:
        """Send the engines' states to all processes."""
        for session in self._sessions:
            session.send_states()


class Session:
    """The connection of one gateway process, and everything that the process holds."""

    def __init__(self, server: EngineServer, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._engines = server.engines
        self._rate_limiter = server.rate_limiter
        self._writer = writer
        self._numbers = itertools.count(1)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._permits: dict[int, Permit] = {}
        self._streams: dict[int, tuple[WorkerGroup, StreamNeed]] = {}
        self._slots: dict[int, tuple[WorkerGroup, StreamNeed, Slot]] = {}
        self._sent_infos: dict[str, EngineInfo] = {}
        self._asked = 0
        self._answered = 0
        self.encoding = 0.0
        """seconds of audio that it can encode in a second; 0 while it does not know"""

    def owed(self) -> object:
        """Return the number of answers before the one that the process owes; None while it owes none."""
        return self._answered if self._asked > self._answered else None

    def ask(self) -> None:
        """Ask the process for a sign of life."""
        self._asked += 1
        self._send(messages.AreYouAlive())

    def handle(self, message: messages.Request) -> None:
        """Handle one message of the process."""
        match message:
            case messages.AcquirePermit():
                self._start(message.id, self._acquire_permit(message))
            case messages.ReleasePermit():
                self._rate_limiter.release(self._permits.pop(message.permit), message.seconds)
            case messages.OpenStream():
                self._start(message.id, self._open_stream(message))
            case messages.CloseStream():
                group, need = self._streams.pop(message.need)
                group.close_stream(need)
            case messages.AcquireSlot():
                self._start(message.id, self._acquire_slot(message))
            case messages.ReleaseSlot():
                group, need, slot = self._slots.pop(message.slot)
                _note_progress(need, message.progress)
                group.release(need, slot, message.outcome)
            case messages.ManageModel():
                action = asyncio.create_task(self._respond(message.id, self._manage(message)))
                self._server.actions.add(action)
                action.add_done_callback(self._server.actions.discard)
            case messages.Alive():
                self._answered += 1
                self.encoding = message.encoding
            case messages.Cancel():
                if task := self._tasks.get(message.id):
                    task.cancel()
            case _:
                return

    def close(self) -> None:
        """Release everything: the process has ended, and workers notice that by themselves."""
        for task in self._tasks.values():
            task.cancel()
        for group, need, slot in self._slots.values():
            group.release(need, slot, JobOutcome(0.0))
        for group, need in self._streams.values():
            group.close_stream(need)
        for permit in self._permits.values():
            self._rate_limiter.release(permit, permit.charged)

    async def publish_periodically(self) -> None:
        """Send the engines' states again and again."""
        with suppress(OSError):
            while True:
                self.send_states()
                await self._writer.drain()
                await asyncio.sleep(PUBLISH_PERIOD)

    def send_states(self) -> None:
        """Send the engines' states."""
        self._send(self._states())

    def _states(self) -> messages.EngineStates:
        engines = {
            name: messages.EngineState(group.status(), group.record.kinds, group.usable)
            for name, group in self._engines.groups().items()
        }
        infos = {
            name: info
            for name, info in self._engines.infos().items()
            if self._sent_infos.get(name) is not info
        }
        self._sent_infos |= infos
        return messages.EngineStates(engines, infos)

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._respond(number, work))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _respond(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except SpeechError as exc:
            self._send(_refusal(number, exc))
        except Exception as exc:  # whatever it is, somebody waits for the answer
            self._send(
                messages.Refused(number, messages.UNEXPECTED, "".join(traceback.format_exception(exc)))
            )

    async def _acquire_permit(self, request: messages.AcquirePermit) -> None:
        permit = await self._rate_limiter.acquire(request.caller, request.model, request.seconds)
        number = next(self._numbers)
        self._permits[number] = permit
        self._send(messages.PermitAcquired(request.id, number, permit.headers))

    async def _open_stream(self, request: messages.OpenStream) -> None:
        group = self._engines.group(request.engine)
        need = await group.open_stream(request.terms)
        self._streams[need.number] = group, need
        self._send(messages.StreamOpened(request.id, need.number))

    async def _acquire_slot(self, request: messages.AcquireSlot) -> None:
        group, need = self._streams[request.need]
        _note_progress(need, request.progress)
        slot = await group.acquire(need, request.prompt, request.tried)
        number = next(self._numbers)
        self._slots[number] = group, need, slot
        self._send(messages.SlotAcquired(request.id, number, slot.client.address))

    async def _manage(self, request: messages.ManageModel) -> None:
        response = await self._run_model_action(request)
        if request.action in messages.STATE_CHANGING:
            # Before the response: who asked may read the model's status next, from any process.
            self._server.publish()
        self._send(response)

    async def _run_model_action(self, request: messages.ManageModel) -> messages.ModelManaged:
        manager, number = self._server.manager, request.id
        if request.action == "pulls":
            return messages.ModelManaged(number, await manager.pulls())
        if request.action == "look_again":
            await manager.look_again()
            return messages.ModelManaged(number)
        record = manager.models.record(request.model)
        match request.action:
            case "pull":
                return messages.ModelManaged(
                    number, {record.name: await manager.pull(record, request.sources)}
                )
            case "pull_status":
                return messages.ModelManaged(
                    number, {record.name: await manager.pull_status(record, request.pull)}
                )
            case "cancel":
                return messages.ModelManaged(number, {record.name: await manager.cancel(record)})
            case "delete":
                return messages.ModelManaged(number, freed=await manager.delete(record))
            case "load":
                await manager.load(record)
            case "unload":
                await manager.unload(record)
        return messages.ModelManaged(number)

    def _send(self, message: messages.Response) -> None:
        if not self._writer.is_closing():
            self._writer.write(messages.encode_line(message))


def _refusal(number: int, exc: SpeechError) -> messages.Refused:
    """Return the response to a request that failed by an error."""
    kind = next(
        base.__name__
        for base in type(exc).__mro__
        if base is RateLimited or base.__module__ == errors.__name__
    )
    return messages.Refused(
        number,
        kind,
        exc.message,
        exc.param,
        exc.code,
        exc.retry_after,
        exc.kind if isinstance(exc, RateLimited) else "",
        exc.headers if isinstance(exc, RateLimited) else {},
    )


def _note_progress(need: StreamNeed, progress: messages.StreamProgress) -> None:
    need.report(progress.made, progress.ahead, progress.dry_at)
