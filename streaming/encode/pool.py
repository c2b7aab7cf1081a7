"""Coders in processes of their own: lanes, each of which works on one piece at a time, the most urgent first.

A file stays on its lane. The next piece lies ready in the process while it works on one. A lane whose process
dies costs the files on it, and is started again; until a lane is ready, files are encoded in threads.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import msgspec

from engines.errors import EngineFailed
from streaming.encode import messages as wire
from streaming.encode.encoders import Encoder, EncoderFactory, InlineEncoder, is_plain
from streaming.encode.transcoder import EncodedChunk, TranscodeRequest
from streaming.prefetch import PrefetchThrottle

IN_FLIGHT = 2
DECAY = 0.99
"""of what is known of the pace, with each piece"""
KNOWN_SECONDS = 20.0
LOST = "The encoder's process was lost."
FINISH_SLACK, CLOSE_SLACK = 0.0, -1.0


class ProcessRun(Protocol):
    """One run of an encoder process, whose process is stopped when the run ends."""

    async def start_module(
        self, module: str, *, stdin: int | None = None, stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        """Start a module of ours in a process. Raises OSError."""
        ...

    def ready(self) -> None:
        """Note that the process is ready: the limit on its start no longer counts."""
        ...


class Supervise(Protocol):
    """Runs something over and over, with back-off, until cancelled; `failed` gets what a run raised."""

    def __call__(
        self, run_once: Callable[[ProcessRun], Awaitable[None]], failed: Callable[[Exception], None]
    ) -> Awaitable[None]:
        """Run `run_once` over and over."""
        ...


class Piece(msgspec.Struct, eq=False):
    """One request to the process, and who waits for its answer."""

    head: bytes
    payload: bytes
    answer: asyncio.Future[EncodedChunk]
    sent: float = 0.0


class EncoderProcess:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for a pipe
        assert process.stdout is not None  # noqa: S101 - asked for a pipe
        self.process = process
        self._to, self._from = process.stdin, process.stdout
        self._waiting: list[tuple[float, int, Piece]] = []
        self._order = itertools.count()
        self._flying: deque[Piece] = deque()
        self._turns = PrefetchThrottle(lambda: not self._waiting)
        self._lost = False
        self._last = 0.0
        self._busy = self._coded = 0.0
        self.files = 0

    @property
    def busy(self) -> bool:
        """Tell whether pieces wait, or will soon."""
        return bool(self._waiting) or self._turns.full

    def capacity(self) -> float:
        """Estimate how many seconds of audio it encodes in a second; 0 while little is known."""
        return self._coded / self._busy if self._coded > KNOWN_SECONDS else 0.0

    def send(self, call: bytes, number: int, payload: bytes, slack: float) -> asyncio.Future[EncodedChunk]:
        """Have something done; whose player runs dry first goes first."""
        piece = Piece(
            wire.REQUEST.pack(call, number, len(payload)), payload, asyncio.get_running_loop().create_future()
        )
        if self._lost:
            piece.answer.set_exception(EngineFailed(LOST))
            return piece.answer
        heapq.heappush(self._waiting, (time.monotonic() + slack, next(self._order), piece))
        self._turns.end(number)
        self._pump()
        return piece.answer

    async def turn(self, number: int, slack: float, patience: float) -> None:
        """Wait until a file with so much in hand may have a further segment made, for so many seconds at
        most.
        """
        if not self._lost:
            turn = self._turns.ask(number, slack)
            self._pump()
            try:
                await asyncio.wait([turn], timeout=patience)
            finally:
                turn.cancel()  # who has gone must not be given one of the few turns

    async def run(self) -> None:
        """Take the answers, until the process ends."""
        try:
            while True:
                good, seconds, length = wire.ANSWER.unpack(await self._from.readexactly(wire.ANSWER.size))
                data = await self._from.readexactly(length)
                piece = self._flying.popleft()
                self._measure(piece, seconds)
                if not piece.answer.done():
                    _settle(piece.answer, good, seconds, data)
                self._pump()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._lost = True
            self._turns.stop()
            for piece in [*self._flying, *(piece for _, _, piece in self._waiting)]:
                if not piece.answer.done():
                    piece.answer.set_exception(EngineFailed(LOST))

    def _measure(self, piece: Piece, seconds: float) -> None:
        """Note how long a piece took since it was sent, or since the one before it was done."""
        now = time.monotonic()
        self._busy = DECAY * self._busy + now - max(self._last, piece.sent)
        self._coded = DECAY * self._coded + seconds
        self._last = now

    def _pump(self) -> None:
        while self._waiting and len(self._flying) < IN_FLIGHT:
            _, _, piece = heapq.heappop(self._waiting)
            if not piece.answer.cancelled():
                piece.sent = time.monotonic()
                self._flying.append(piece)
                self._to.write(piece.head + piece.payload)
        self._turns.give()


def _settle(answer: asyncio.Future[EncodedChunk], good: bool, seconds: float, data: bytes) -> None:
    if good:
        answer.set_result(EncodedChunk(data, seconds))
    else:
        answer.set_exception(EngineFailed(data.decode("utf-8", "replace")))


class EncoderSession:
    """A coder on a lane."""

    def __init__(self, lane: EncoderProcess, number: int, order: TranscodeRequest) -> None:
        self._lane = lane
        self._number = number
        self._order: TranscodeRequest | None = order
        lane.files += 1

    async def push(self, pcm: bytes, *, ends: bool, slack: float) -> EncodedChunk:
        """Take some PCM of a segment; `ends` ends the segment. Raises EngineFailed."""
        self._open(slack)
        return await self._lane.send(wire.END if ends else wire.PUSH, self._number, pcm, slack)

    @property
    def busy(self) -> bool:
        """Tell whether others wait."""
        return self._lane.busy

    async def turn(self, slack: float, patience: float) -> None:
        """Wait for this file's turn to have a further segment made, for so many seconds at most."""
        await self._lane.turn(self._number, slack, patience)

    async def finish(self) -> EncodedChunk:
        """End the file. Raises EngineFailed."""
        self._open(FINISH_SLACK)
        return await self._lane.send(wire.FINISH, self._number, b"", FINISH_SLACK)

    def close(self) -> None:
        """Drop everything."""
        self._lane.files -= 1
        if self._order is None:
            _heed(self._lane.send(wire.CLOSE, self._number, b"", CLOSE_SLACK))

    def _open(self, slack: float) -> None:
        """Open the file before the first of it, whose answer tells of a failure to do so."""
        if self._order is not None:
            order, self._order = self._order, None
            _heed(self._lane.send(wire.OPEN, self._number, msgspec.json.encode(order), slack))


def _heed(answer: asyncio.Future[EncodedChunk]) -> None:
    """Let a failure pass that the next call meets too."""
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())


class EncoderPool:
    """`count` lanes, kept running by `supervise` while `running` is entered; `instead` serves while none is
    ready.
    """

    def __init__(
        self, count: int, instead: EncoderFactory, supervise: Supervise, log: Callable[..., None]
    ) -> None:
        self._count = count
        self._instead = instead
        self._supervise = supervise
        self._log = log
        self._lanes: list[EncoderProcess] = []
        self._numbers = itertools.count(1)

    def open(self, order: TranscodeRequest) -> Encoder:
        """Open a coder for one file, on the lane that has the fewest."""
        if is_plain(order):
            return InlineEncoder(order)
        if not self._lanes:
            return self._instead.open(order)
        return EncoderSession(
            min(self._lanes, key=lambda lane: lane.files), next(self._numbers) % 2**32, order
        )

    def capacity(self) -> float:
        """Estimate how many seconds of audio all lanes encode in a second; 0 while little is known."""
        known = [capacity for lane in self._lanes if (capacity := lane.capacity())]
        return sum(known) / len(known) * len(self._lanes) if known else 0.0

    def pids(self) -> list[int]:
        """Name the processes."""
        return [lane.process.pid for lane in self._lanes]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the processes running; does not wait until they do."""
        supervisors = [asyncio.ensure_future(self._keep_running()) for _ in range(self._count)]
        try:
            yield
        finally:
            for supervisor in supervisors:
                supervisor.cancel()
            await asyncio.gather(*supervisors, return_exceptions=True)

    async def _keep_running(self) -> None:
        await self._supervise(
            self._run_once, lambda exc: self._log("encoder did not start", reason=str(exc) or repr(exc))
        )

    async def _run_once(self, run: ProcessRun) -> None:
        pipe = asyncio.subprocess.PIPE
        lane = EncoderProcess(await run.start_module("streaming.encode.process", stdin=pipe, stdout=pipe))
        await _answering(lane)
        run.ready()
        self._lanes.append(lane)
        try:
            await lane.run()
            self._log("encoder died", pid=lane.process.pid)
        finally:
            self._lanes.remove(lane)


async def _answering(lane: EncoderProcess) -> None:
    """Wait until the process answers."""
    assert lane.process.stdin is not None  # noqa: S101 - asked for a pipe
    assert lane.process.stdout is not None  # noqa: S101 - asked for a pipe
    lane.process.stdin.write(wire.REQUEST.pack(wire.CLOSE, 0, 0))
    with suppress(asyncio.IncompleteReadError):
        await lane.process.stdout.readexactly(wire.ANSWER.size)
