"""A client that leaves a recording behind: its engine is told at once, however much audio waits, and nothing
is left of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path

import pytest
from one_worker import started

from engines.api import (
    EmitTranscription,
    EngineInfo,
    Finished,
    Progress,
    TranscriptionCapabilities,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
)
from engines.catalogue.engines import EngineRecord
from engines.fleet.child_process import WorkerProcess
from engines.wire.client import WorkerClient
from engines.worker.app import HUNG
from engines.worker.audio_queue import AudioQueue

SECOND = 32_000
"""bytes"""
LONG = 200
"""seconds; more than waits in memory"""


class Dreamer:
    """Hears a little, then nothing for as long as it is wanted; or all of it, when the job's prompt says so."""

    def load(self) -> EngineInfo:
        """Say what it can do, and that letting go takes it less than half a second."""
        return EngineInfo(
            "dreamer",
            "1",
            "MIT",
            ("dreamer",),
            transcription=TranscriptionCapabilities(("en",), prompt=True),
            cancel_grace=0.5,
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Listen."""
        chunk = next(audio)
        emit(Progress(0.1))
        if job.prompt == "all":
            time.sleep(0.5)
            sound = chunk + b"".join(audio)
            emit(TranscriptSegment(str(sum(sound)), 0.0, len(sound) / SECOND))
            emit(Finished(len(sound) / SECOND, "en"))
            return
        while emit(Progress(0.2)):
            time.sleep(0.01)
        if job.prompt:
            time.sleep(float(job.prompt))


@pytest.fixture(autouse=True)
def adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find the engines of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def worker() -> AbstractAsyncContextManager[tuple[WorkerProcess, WorkerClient]]:
    return started(
        EngineRecord("dreamer", "test_disconnects_of_transcriptions:Dreamer", ("transcription",), "MIT")
    )


async def recording(seconds: int = LONG, sent: list[int] | None = None) -> AsyncIterator[bytes]:
    """Give a recording whose every second differs, and note what has been taken of it."""
    for number in range(seconds):
        yield bytes([number % 251]) * SECOND
        if sent is not None:
            sent.append(number)


async def leave(client: WorkerClient, job: TranscriptionJob, sent: list[int], until: int) -> None:
    """Close a job once so many seconds of its recording have been taken."""
    events: AsyncGenerator[TranscriptionEvent, None]
    async with aclosing(client.transcribe(job, recording(LONG, sent))) as events, asyncio.timeout(20):
        async for _ in events:
            if len(sent) >= until:
                return


async def heard(client: WorkerClient, seconds: int) -> list[TranscriptionEvent]:
    async with aclosing(client.transcribe(TranscriptionJob(prompt="all"), recording(seconds))) as events:
        return [event async for event in events if not isinstance(event, Progress)]


def files(pid: int) -> list[str]:
    """Name the temporary files that a process holds open, which have no name any more; none where the system
    does not tell.
    """
    folder = Path(f"/proc/{pid}/fd")
    if not folder.is_dir():
        return []
    return [name for one in folder.iterdir() if "(deleted)" in (name := str(one.readlink()))]


@pytest.mark.parametrize("until", [LONG // 2, LONG])
def test_leaving_is_noticed_however_much_waits(until: int) -> None:
    """An engine that takes no more of a long recording hears of its client's leaving, while it is sent and
    afterwards.
    """

    async def test() -> None:
        async with worker() as (process, client):
            await leave(client, TranscriptionJob(), [], until)
            async with asyncio.timeout(5):
                assert len(await heard(client, 1)) == 2
            assert process.running

    run(test)


def test_what_waits_arrives_whole() -> None:
    """All of a recording that the engine takes late is heard, in its order; what waited on disk is gone with
    the job.
    """

    async def test() -> None:
        async with worker() as (process, client):
            wanted = sum(number % 251 for number in range(LONG)) * SECOND
            for _ in range(2):
                assert await heard(client, LONG) == [
                    TranscriptSegment(str(wanted), 0.0, LONG),
                    Finished(LONG, "en"),
                ]
            async with asyncio.timeout(5):
                while files(process.pid):  # noqa: ASYNC110 - it is another process's
                    await asyncio.sleep(0.01)

    run(test)


def test_what_finds_no_room_on_disk_waits() -> None:
    """Once the file is full as well the sender waits, and nothing is lost or out of order."""

    async def test() -> None:
        pieces = [bytes([number]) * SECOND for number in range(LONG)]
        feed = AudioQueue(limit=10 * SECOND)

        async def send() -> None:
            for piece in pieces:
                await feed.put(piece)
            feed.close()

        sending = asyncio.create_task(send())
        while not feed.filed:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not sending.done()
        assert await asyncio.to_thread(b"".join, iter(feed)) == b"".join(pieces)
        await sending
        feed.discard()
        assert list(feed) == []

    run(test)


def test_an_engine_says_how_long_it_may_take_to_let_go() -> None:
    """One that lets go in the time it named keeps its process; one that takes longer loses it."""

    async def test() -> None:
        async with worker() as (process, client):
            await leave(client, TranscriptionJob(prompt="0.1"), [], 1)
            assert await heard(client, 1)
            await leave(client, TranscriptionJob(prompt="4"), [], 1)
            assert await process.wait() == HUNG

    run(test)
