"""Encode in processes of their own: an EncoderPool keeps a few encoder processes, each for many responses.

An EncoderSession is one response's encoder: its Transcoder lives in one EncoderProcess from start to end. A
process works on one request at a time, those first whose player runs dry first, and has the next one ready
meanwhile. It owes a reply to each; who runs the processes kills one that owes it for too long. When a process
dies, its sessions fail, and it is started again; while none is ready, responses are encoded in threads. At
first they wait for one instead: the gateway would load FFmpeg, and keep it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from engines.errors import ChildLost, EngineFailed
from streaming.encode import messages
from streaming.encode.encoders import (
    AwaitedEncoder,
    Encoder,
    EncoderFactory,
    InlineEncoder,
    needs_no_codec,
)
from streaming.encode.prefetch import PrefetchThrottle
from streaming.encode.supervision import ProcessRun, Supervise
from streaming.encode.transcoder import EncodedChunk, TranscodeRequest
from streaming.formats import OutputFormat

MAX_IN_FLIGHT = 2
"""requests sent to a process and not replied to: it works on one, and has the next one ready"""
DECAY = 0.99
"""how much of what is known of a process's speed stays with each reply"""
KNOWN_SECONDS = 20.0
"""of audio, after which the speed of a process is known"""
LATE_SECONDS = 1.0
"""a process that owes a reply for longer than this gets no new response, where another one owes none"""
PROCESS_LOST = "The encoder's process was lost."
PREPARE_SLACK = 0.1
"""behind the first sound of other responses, and before what their players need later"""
SMALL_CODECS: tuple[OutputFormat, ...] = ("mp3", "opus")
"""formats whose open encoder takes little memory, so that a response may have one while it waits"""
FIRST_START_SECONDS = 5.0
"""for which encoders wait for the first process, after which they are opened in threads"""
FINISH_SLACK = 0.0
CLOSE_SLACK = -1.0
"""before all others: it frees memory, and needs no time"""
LAST_SESSION_ID = 2**32 - 1


class PendingRequest(msgspec.Struct, eq=False):
    """A request to the process, and the future of its reply."""

    message: bytes
    session_id: int
    reply: asyncio.Future[EncodedChunk]
    sent_at: float = 0.0
    """when it was sent; 0 while it waits"""


class EncoderProcess:
    """Sends requests to one encoder process, the most urgent first, and receives its replies."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for a pipe
        assert process.stdout is not None  # noqa: S101 - asked for a pipe
        self.pid = process.pid
        self._process = process
        self._requests = process.stdin
        self._replies = process.stdout
        self._waiting: list[tuple[float, int, PendingRequest]] = []
        """a heap of: when the player runs dry, tie-breaker, request"""
        self._tie_breaker = itertools.count()
        self._in_flight: deque[PendingRequest] = deque()
        self._prefetches = PrefetchThrottle(lambda: not self._waiting)
        self._lost = False
        self._reply_count = 0
        self._last_reply_at = 0.0
        self._busy_seconds = 0.0
        self._encoded_seconds = 0.0
        self.session_count = 0
        """sessions that are open here"""
        self.encoder_count = 0
        """sessions that were open there when it was last asked"""

    @property
    def busy(self) -> bool:
        """Return whether requests wait, or will soon."""
        return bool(self._waiting) or self._prefetches.full

    @property
    def late(self) -> bool:
        """Return whether it has owed the same reply for long."""
        if not self._in_flight:
            return False
        return time.monotonic() - max(self._last_reply_at, self._in_flight[0].sent_at) > LATE_SECONDS

    def owed(self) -> object:
        """Return the number of replies before the one that is owed; None while none is owed."""
        return self._reply_count if self._in_flight else None

    def ask(self) -> None:
        """Ask for a sign of life."""
        reply = self.send(messages.CLOSE, messages.NO_SESSION, b"", CLOSE_SLACK).reply
        reply.add_done_callback(self._note_count)

    def _note_count(self, reply: asyncio.Future[EncodedChunk]) -> None:
        if not reply.cancelled() and not reply.exception():
            (self.encoder_count,) = messages.COUNT.unpack(reply.result().data)

    def capacity(self) -> float:
        """Estimate how many seconds of audio it encodes in a second; 0 while little is known."""
        known = self._encoded_seconds > KNOWN_SECONDS
        return self._encoded_seconds / self._busy_seconds if known else 0.0

    def send(self, operation: bytes, session_id: int, payload: bytes, slack: float) -> PendingRequest:
        """Send a request, after those with less slack, and return it; its reply raises EngineFailed."""
        reply: asyncio.Future[EncodedChunk] = asyncio.get_running_loop().create_future()
        head = messages.REQUEST.pack(operation, session_id, len(payload))
        request = PendingRequest(head + payload, session_id, reply)
        if self._lost:
            reply.set_exception(ChildLost(PROCESS_LOST))
            return request
        runs_dry_at = time.monotonic() + slack
        heapq.heappush(self._waiting, (runs_dry_at, next(self._tie_breaker), request))
        self._prefetches.release(session_id)
        self._send_waiting()
        return request

    def hasten(self, request: PendingRequest, slack: float) -> None:
        """Have a request that still waits sent as those are with so little slack."""
        if not (request.sent_at or self._lost):
            runs_dry_at = time.monotonic() + slack
            heapq.heappush(self._waiting, (runs_dry_at, next(self._tie_breaker), request))

    async def wait_to_prefetch(self, session_id: int, slack: float, timeout: float) -> None:
        """Wait until a session with so much slack may prefetch a segment, for `timeout` seconds at most."""
        if not self._lost:
            permit = self._prefetches.request(session_id, slack)
            self._send_waiting()
            try:
                await asyncio.wait([permit], timeout=timeout)
            finally:
                permit.cancel()  # a session that no longer waits must not be granted one of the few permits

    async def wait_until_ready(self) -> None:
        """Wait until the process replies, or has ended."""
        self._requests.write(messages.REQUEST.pack(messages.CLOSE, messages.NO_SESSION, 0))
        with suppress(asyncio.IncompleteReadError):
            await self._replies.readexactly(messages.REPLY.size + messages.COUNT.size)

    def kill(self) -> None:
        """Kill the process."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def run(self) -> None:
        """Receive the replies, until the process ends."""
        try:
            while True:
                head = await self._replies.readexactly(messages.REPLY.size)
                succeeded, seconds, length = messages.REPLY.unpack(head)
                data = await self._replies.readexactly(length)
                request = self._in_flight.popleft()
                self._reply_count += 1
                self._measure(request, seconds)
                if not request.reply.done():
                    _resolve(request.reply, succeeded, seconds, data)
                self._send_waiting()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._lost = True
            self._prefetches.close()
            for request in [*self._in_flight, *(request for _, _, request in self._waiting)]:
                if not request.reply.done():
                    request.reply.set_exception(ChildLost(PROCESS_LOST))

    def _measure(self, request: PendingRequest, seconds: float) -> None:
        """Note how long a request took since it was sent, or since the one before it was done."""
        now = time.monotonic()
        if request.session_id != messages.NO_SESSION:
            self._busy_seconds = DECAY * self._busy_seconds + now - max(self._last_reply_at, request.sent_at)
            self._encoded_seconds = DECAY * self._encoded_seconds + seconds
        self._last_reply_at = now

    def _send_waiting(self) -> None:
        while self._waiting and len(self._in_flight) < MAX_IN_FLIGHT:
            _, _, request = heapq.heappop(self._waiting)
            if not (request.sent_at or request.reply.cancelled()):  # `hasten` has it wait twice
                request.sent_at = time.monotonic()
                self._in_flight.append(request)
                self._requests.write(request.message)
        self._prefetches.grant()


def _resolve(reply: asyncio.Future[EncodedChunk], succeeded: bool, seconds: float, data: bytes) -> None:
    if succeeded:
        reply.set_result(EncodedChunk(data, seconds))
    else:
        message, _, detail = data.decode("utf-8", "replace").partition(messages.DETAIL)
        reply.set_exception(EngineFailed(message, detail=detail))


class EncoderSession:
    """One response's encoder, whose transcoder lives in an encoder process."""

    def __init__(self, process: EncoderProcess, session_id: int, request: TranscodeRequest) -> None:
        self._process = process
        self._session_id = session_id
        self._request: TranscodeRequest | None = request
        """what is still to be opened in the process"""
        self._opening: PendingRequest | None = None
        process.session_count += 1

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def ask(self) -> None:
        """Ask the process how many encoders are open in it."""
        self._process.ask()

    def prepare(self) -> None:
        """Have the codec opened as soon as no other response waits for sound."""
        if self._request and self._request.format in SMALL_CODECS:
            self._open(PREPARE_SLACK)

    async def push(self, pcm: bytes, *, ends_segment: bool, slack: float) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        self._open(slack)
        operation = messages.PUSH_LAST if ends_segment else messages.PUSH
        return await self._process.send(operation, self._session_id, pcm, slack).reply

    @property
    def busy(self) -> bool:
        """Return whether other responses wait for the process."""
        return self._process.busy

    async def wait_to_prefetch(self, slack: float, timeout: float) -> None:
        """Wait until a further segment may be synthesised ahead, for `timeout` seconds at most."""
        await self._process.wait_to_prefetch(self._session_id, slack, timeout)

    async def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        self._open(FINISH_SLACK)
        return await self._process.send(messages.FINISH, self._session_id, b"", FINISH_SLACK).reply

    def close(self) -> None:
        """Free the codec in the process. What waits to be opened there never is: closing goes before it."""
        self._process.session_count -= 1
        if self._opening is None:
            return
        if self._opening.sent_at:
            _ignore_failure(self._process.send(messages.CLOSE, self._session_id, b"", CLOSE_SLACK).reply)
        else:
            self._opening.reply.cancel()

    def _open(self, slack: float) -> None:
        """Open the transcoder before the first PCM, whose request fails too where that fails."""
        if self._request is not None:
            payload = msgspec.json.encode(self._request)
            self._request = None
            self._opening = self._process.send(messages.OPEN, self._session_id, payload, slack)
            _ignore_failure(self._opening.reply)
        elif self._opening is not None:
            self._process.hasten(self._opening, slack)


def _ignore_failure(reply: asyncio.Future[EncodedChunk]) -> None:
    """Have asyncio not log a failure that the next request meets too."""
    reply.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _at_once() -> None:
    """Wait for nothing."""


class EncoderPool:
    """Opens encoders in `count` encoder processes, kept running by `supervise` while `running` is entered.

    What needs no codec is encoded on the event loop; `fallback` opens the encoders while no process is ready.
    """

    def __init__(
        self, count: int, fallback: EncoderFactory, supervise: Supervise, log: Callable[..., None]
    ) -> None:
        self._count = count
        self._fallback = fallback
        self._supervise = supervise
        self._log = log
        self._processes: list[EncoderProcess] = []
        self._session_ids = itertools.count()
        self._first_ready = asyncio.Event()
        self._begun = asyncio.Event()
        self._first_start_ends = 0.0
        """until when it is waited for the first process, once it was to begin"""

    def open(self, request: TranscodeRequest) -> Encoder:
        """Return an encoder for one response, in one of the processes with the fewest sessions."""
        if needs_no_codec(request):
            return InlineEncoder(request)
        if not self._processes:
            if self._starts_first:
                return AwaitedEncoder(request, self._wait_for_first, self.open)
            return self._fallback.open(request)
        prompt = [process for process in self._processes if not process.late] or self._processes
        fewest = min(process.session_count for process in prompt)
        process = random.choice([one for one in prompt if one.session_count == fewest])  # noqa: S311 - no secret
        return EncoderSession(process, next(self._session_ids) % LAST_SESSION_ID + 1, request)

    def capacity(self) -> float:
        """Estimate how many seconds of audio all processes encode in a second; 0 while little is known."""
        known = [capacity for process in self._processes if (capacity := process.capacity())]
        return sum(known) / len(known) * len(self._processes) if known else 0.0

    def encoder_count(self) -> int:
        """Return how many encoders are open in the processes, as these said last."""
        return sum(process.encoder_count for process in self._processes)

    def pids(self) -> list[int]:
        """Return the ids of the processes that are ready."""
        return [process.pid for process in self._processes]

    @asynccontextmanager
    async def running(self, begin: Callable[[], Awaitable[None]] = _at_once) -> AsyncIterator[None]:
        """Keep the processes running from when `begin` returns; does not wait until they are ready."""
        self._first_start_ends = math.inf
        supervisors = [asyncio.ensure_future(self._keep_running(begin)) for _ in range(self._count)]
        try:
            yield
        finally:
            for supervisor in supervisors:
                supervisor.cancel()
            await asyncio.gather(*supervisors, return_exceptions=True)

    @property
    def _starts_first(self) -> bool:
        """Whether it is still waited for the first process."""
        is_late = time.monotonic() >= self._first_start_ends
        return self._count > 0 and not (self._first_ready.is_set() or is_late)

    async def _wait_for_first(self) -> None:
        await self._begun.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._first_start_ends - time.monotonic()):
                await self._first_ready.wait()

    async def _keep_running(self, begin: Callable[[], Awaitable[None]]) -> None:
        await begin()
        if not self._begun.is_set():
            self._first_start_ends = time.monotonic() + FIRST_START_SECONDS
            self._begun.set()
        await self._supervise(
            self._run_once, lambda exc: self._log("encoder did not start", reason=str(exc) or repr(exc))
        )

    async def _run_once(self, run: ProcessRun) -> None:
        pipe = asyncio.subprocess.PIPE
        process = EncoderProcess(await run.start_module("streaming.encode.process", stdin=pipe, stdout=pipe))
        await process.wait_until_ready()
        run.ready()
        run.watch(process.pid, process, lambda seconds: self._kill(process, seconds))
        self._processes.append(process)
        self._first_ready.set()
        try:
            await process.run()
            self._log("encoder died", pid=process.pid)
        finally:
            self._processes.remove(process)

    def _kill(self, process: EncoderProcess, seconds: float) -> None:
        self._log("encoder does not answer", pid=process.pid, seconds=round(seconds, 1))
        process.kill()
