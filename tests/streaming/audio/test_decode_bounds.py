"""Tests that no upload holds a decoding thread: what may be read before there is sound is bounded, and work ends
when nobody wants it any more.
"""

from __future__ import annotations

import asyncio
import io
import threading
from typing import NoReturn

import anyio
import pytest
from libraries import awaited

from engines.errors import BadAudio, Overloaded
from gateway.services.upload_audio import UploadAudio
from streaming.audio import avio, wav
from streaming.audio.avio import PROBE_CALLS, PROBE_READ_BYTES
from streaming.audio.decode import decode, probe
from streaming.audio.decoding_threads import DecodingThreads, StoppableSource
from streaming.audio.recording import CHUNK_SECONDS

HEAD = b"RIFF\xff\xff\xff\x7fWAVE"
EMPTY_CHUNK = b"junk\0\0\0\0"
RATE = 16_000
SIZE = 2**31 - 1
"""bytes that endless files claim to have"""


class Endless:
    """A file of two gigabytes, made where it is read: a head, then the same bytes over and over; it counts the
    calls, and raises when they are far too many.
    """

    def __init__(self, head: bytes, unit: bytes, most_calls: int = 100 * PROBE_CALLS) -> None:
        self.head = head
        self.unit = unit
        self.most_calls = most_calls
        self.calls = 0
        self.bytes_read = 0
        self.position = 0
        self.reached = threading.Event()
        """set once more than a megabyte was read"""

    def _count(self) -> None:
        self.calls += 1
        if self.calls > self.most_calls:
            raise AssertionError("it is read without end")

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        self._count()
        size = max(0, min(SIZE - self.position, 65_536 if size < 0 else size))
        start, self.position = self.position, self.position + size
        self.bytes_read += size
        if self.position > 1_000_000:
            self.reached.set()
        if start < len(self.head):
            return self.head[start:][:size]
        skip = (start - len(self.head)) % len(self.unit)
        return (self.unit * (size // len(self.unit) + 2))[skip : skip + size]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return the new position."""
        self._count()
        self.position = offset + (0, self.position, SIZE)[whence]
        return self.position

    def tell(self) -> int:
        """Return the position."""
        return self.position


def endless_sound() -> Endless:
    """Return a recording of hours of silence."""
    return Endless(wav.encode(b"", 16_000)[:-4] + b"\xff\xff\xff\x7f", bytes(65_536), 10**9)


@pytest.mark.parametrize("work", [probe, lambda source: list(decode(source, max_seconds=60))])
@pytest.mark.parametrize("before", [b"", b"data\2\0\0\0\0\0"], ids=["no sound", "behind some sound"])
def test_chunks_without_end(work: object, before: bytes) -> None:
    """A file of millions of empty chunks is refused after a bounded number of reads and seeks."""
    fmt = b"fmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
    source = Endless(HEAD + fmt + before, EMPTY_CHUNK)

    with pytest.raises(BadAudio):
        work(source)  # type: ignore[operator]
    assert source.calls < 2 * PROBE_CALLS


def test_what_is_read_before_there_is_sound() -> None:
    """A file whose head never ends is refused after a bounded number of bytes."""
    source = Endless(HEAD, b"LIST\0\0\1\0INFOISFT\xf0\xff\0\0" + b"x" * 65_520)

    with pytest.raises(BadAudio):
        probe(source)
    assert source.bytes_read < 2 * PROBE_READ_BYTES


def test_sound_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording whose next half second takes more of the processor than it may is refused."""
    source = endless_sound()
    chunks = decode(source, max_seconds=1e9)
    assert len(next(chunks)) >= CHUNK_SECONDS * RATE * 2
    monkeypatch.setattr(avio, "STEP_SECONDS", -1.0)  # as if the clock had moved on
    with pytest.raises(BadAudio):
        list(chunks)
    assert source.position < SIZE / 10


def test_a_closed_file_harms_no_other() -> None:
    """A file that is closed while it is decoded ends that recording, and the next in the same thread is right."""
    file = io.BytesIO(wav.encode(bytes(16_000 * 2 * 60), 16_000))
    chunks = decode(file, max_seconds=600)
    next(chunks)
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        list(chunks)

    assert len(b"".join(decode(io.BytesIO(wav.encode(bytes(32_000), 16_000)), max_seconds=600))) == 32_000


def held(threads: DecodingThreads, source: Endless) -> asyncio.Task[int]:
    """Have a recording decoded that never ends."""
    stoppable = StoppableSource(source)
    work = lambda: sum(map(len, decode(stoppable, max_seconds=1e9)))  # noqa: E731 - it is run in a thread
    return asyncio.create_task(threads.run(work, stoppable))


@awaited
async def test_cancelled_work_ends() -> None:
    """Work that is cancelled ends in the middle of its recording, and its thread is free."""
    limiter = anyio.CapacityLimiter(2)
    sources = [endless_sound() for _ in range(6)]
    tasks = [held(DecodingThreads(limiter), source) for source in sources]
    await asyncio.to_thread(sources[0].reached.wait)
    assert limiter.borrowed_tokens == 2

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert limiter.borrowed_tokens == 0
    assert await DecodingThreads(limiter, 60.0).run(lambda: "free") == "free"
    assert all(source.position < SIZE for source in sources)


@awaited
async def test_work_of_a_client_that_leaves_ends() -> None:
    """Work ends when its client leaves, with the error that says so."""
    limiter, source = anyio.CapacityLimiter(1), endless_sound()

    class Left(Exception):
        """The client left."""

    async def left() -> NoReturn:
        await asyncio.to_thread(source.reached.wait)
        raise Left

    with pytest.raises(Left):
        await held(DecodingThreads(limiter).ending_with(left), source)
    assert limiter.borrowed_tokens == 0
    assert source.position < SIZE


@awaited
async def test_waiting_for_a_thread_is_bounded() -> None:
    """An upload for which no thread comes free in time is refused as by an engine whose queue is full."""
    limiter, source = anyio.CapacityLimiter(1), endless_sound()
    threads = DecodingThreads(limiter)
    task = held(threads, source)
    await asyncio.to_thread(source.reached.wait)

    upload = UploadAudio(
        io.BytesIO(wav.encode(bytes(32_000), 16_000)), rate=16_000, max_seconds=60, threads=threads
    )
    with pytest.raises(Overloaded) as caught:
        await upload.open(0.05)
    assert caught.value.retry_after > 0

    task.cancel()
    await asyncio.wait([task])
    await upload.open(60.0)
    assert limiter.borrowed_tokens == 0
