"""Tests of clients that leave during a transcription: the engine stops at once, however much audio is
buffered, and nothing is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path

import pytest
from one_worker import path_of_engines, started

from engines.api import (
    EngineInfo,
    Finished,
    Output,
    Place,
    Progress,
    TranscriptionCapabilities,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
)
from engines.catalogue.engines import EngineRecord
from engines.fleet.worker_process import WorkerProcess
from engines.wire.client import WorkerClient
from engines.wire.exit_status import HUNG
from engines.worker.audio_queue import AudioQueue

SECOND = 32_000
"""bytes of a second of audio"""
LONG = 200
"""seconds of a recording, more than waits in memory"""


class Stalling:
    """An engine that reads a little of a recording, then nothing until it is cancelled; or all of it, when the
    job's prompt says so.
    """

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return its info, which declares that it stops a job in less than half a second."""
        return EngineInfo(
            "stalling",
            "1",
            "MIT",
            ("stalling",),
            transcription=TranscriptionCapabilities(("en",), prompt=True),
            cancel_grace=0.5,
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Read as much as the job asks for."""
        chunk = next(audio)
        out.beat(0.1)
        if job.prompt == "all":
            time.sleep(0.5)
            pcm = chunk + b"".join(audio)
            out.segment(TranscriptSegment(str(sum(pcm)), 0.0, len(pcm) / SECOND))
            return Finished(len(pcm) / SECOND, "en")
        try:
            while True:
                out.beat(0.2)
                time.sleep(0.01)
        finally:
            time.sleep(float(job.prompt or 0))


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put this file on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def worker() -> AbstractAsyncContextManager[tuple[WorkerProcess, WorkerClient]]:
    return started(
        EngineRecord("stalling", "test_disconnects_of_transcriptions:Stalling", ("transcription",), "MIT")
    )


async def recording(seconds: int = LONG, sent: list[int] | None = None) -> AsyncIterator[bytes]:
    """Yield a recording whose every second differs, and append to `sent` what has been read of it."""
    for number in range(seconds):
        yield bytes([number % 251]) * SECOND
        if sent is not None:
            sent.append(number)


async def leave(client: WorkerClient, job: TranscriptionJob, sent: list[int], until: int) -> None:
    """Close a job once that many seconds of its recording have been sent."""
    events: AsyncGenerator[TranscriptionEvent, None]
    async with aclosing(client.transcribe(job, recording(LONG, sent))) as events, asyncio.timeout(60):
        async for _ in events:
            if len(sent) >= until:
                return


async def transcribed(client: WorkerClient, seconds: int) -> list[TranscriptionEvent]:
    """Return the events of a whole recording."""
    async with aclosing(client.transcribe(TranscriptionJob(prompt="all"), recording(seconds))) as events:
        return [event async for event in events if not isinstance(event, Progress)]


def unnamed_files(pid: int) -> list[str]:
    """Return the deleted temporary files that a process holds open; none where the system does not list them."""
    folder = Path(f"/proc/{pid}/fd")
    if not folder.is_dir():
        return []
    return [name for one in folder.iterdir() if "(deleted)" in (name := str(one.readlink()))]


@pytest.mark.parametrize("until", [LONG // 2, LONG])
def test_a_disconnect_is_noticed_however_much_waits(until: int) -> None:
    """An engine that reads no more of a long recording is stopped when its client leaves, while it is sent
    and afterwards.
    """

    async def test() -> None:
        async with worker() as (process, client):
            await leave(client, TranscriptionJob(), [], until)
            async with asyncio.timeout(30):
                assert len(await transcribed(client, 1)) == 2
            assert process.running

    run(test)


def test_buffered_audio_arrives_whole() -> None:
    """A recording that the engine reads late arrives complete and in order; its temporary file is deleted
    with the job.
    """

    async def test() -> None:
        async with worker() as (process, client):
            checksum = sum(number % 251 for number in range(LONG)) * SECOND
            for _ in range(2):
                assert await transcribed(client, LONG) == [
                    TranscriptSegment(str(checksum), 0.0, LONG),
                    Finished(LONG, "en"),
                ]
            async with asyncio.timeout(30):
                while unnamed_files(process.pid):  # noqa: ASYNC110 - it is another process's
                    await asyncio.sleep(0.01)

    run(test)


def test_a_full_buffer_blocks_the_sender() -> None:
    """Once the temporary file is full too the sender waits, and nothing is lost or out of order."""

    async def test() -> None:
        pieces = [bytes([number]) * SECOND for number in range(LONG)]
        queue = AudioQueue(disk_limit=10 * SECOND)

        async def send() -> None:
            for piece in pieces:
                await queue.put(piece)
            queue.close()

        sending = asyncio.create_task(send())
        while not queue.on_disk:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not sending.done()
        assert await asyncio.to_thread(b"".join, iter(queue)) == b"".join(pieces)
        await sending
        queue.discard()
        assert list(queue) == []

    run(test)


def test_an_engine_declares_how_long_it_may_need_to_stop() -> None:
    """An engine that stops within the time it declared keeps its process; a slower one loses it."""

    async def test() -> None:
        async with worker() as (process, client):
            await leave(client, TranscriptionJob(prompt="0.1"), [], 1)
            assert await transcribed(client, 1)
            await leave(client, TranscriptionJob(prompt="4"), [], 1)
            assert await process.wait() == HUNG

    run(test)
