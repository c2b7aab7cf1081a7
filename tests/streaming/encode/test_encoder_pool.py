"""Tests of encoder processes: they write the same files as threads do, and a process that dies fails its own
files only.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import av
import numpy as np
import pytest

from engines.errors import ChildLost, EngineFailed
from engines.fleet.process_supervisor import supervise
from streaming.encode import pool as pool_module
from streaming.encode.encoders import AwaitedEncoder, Encoder, InlineEncoder, ThreadEncoderFactory
from streaming.encode.pool import LATE_SECONDS, EncoderPool, EncoderSession
from streaming.encode.prefetch import MAX_PREFETCHES, PREFETCH_TIMEOUT
from streaming.encode.transcoder import Transcoder, TranscodeRequest
from streaming.formats import OutputFormat

RATE = 22_050
FORMATS: list[OutputFormat] = ["mp3", "opus", "aac", "flac", "wav", "pcm"]


def sound(seconds: float, pitch: float) -> bytes:
    return (
        (8000 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype("<i2").tobytes()
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


@asynccontextmanager
async def running_pool(count: int = 2) -> AsyncIterator[EncoderPool]:
    pool = EncoderPool(
        count, ThreadEncoderFactory(anyio.CapacityLimiter(2)), supervise, lambda *_, **__: None
    )
    async with pool.running():
        await wait_until_ready(pool, count)
        yield pool


async def wait_until_ready(pool: EncoderPool, count: int) -> None:
    async with asyncio.timeout(20):
        while len(pool.pids()) < count:  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


async def encode(encoder: Encoder, segments: list[bytes]) -> tuple[bytes, float]:
    """Encode a file of some segments, chunk by chunk."""
    data, seconds = b"", 0.0
    try:
        for pcm in segments:
            for start in range(0, len(pcm), 10_000):
                chunk = await encoder.push(pcm[start : start + 10_000], ends_segment=False, slack=1.0)
                data, seconds = data + chunk.data, seconds + chunk.seconds
            chunk = await encoder.push(b"", ends_segment=True, slack=1.0)
            data, seconds = data + chunk.data, seconds + chunk.seconds
        return data + (await encoder.finish()).data, seconds
    finally:
        encoder.close()


def transcode(request: TranscodeRequest, segments: list[bytes]) -> bytes:
    transcoder, data = Transcoder(request), b""
    for pcm in segments:
        for start in range(0, len(pcm), 10_000):
            data += transcoder.push(pcm[start : start + 10_000]).data
        data += transcoder.push(b"", ends_segment=True).data
    return data + transcoder.finish().data


def without_serial(format: OutputFormat, data: bytes) -> bytes:
    """Return a file without what differs each time: an Ogg stream's serial number, and with it each page's
    checksum.
    """
    if format != "opus":
        return data
    pages = data.split(b"OggS")
    return b"OggS".join(page[:10] + page[22:] for page in pages)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_file_as_in_this_process(format: OutputFormat) -> None:
    """Process, thread and plain call produce the same bytes and the same length, for any format, while others
    are encoded too.
    """

    async def test() -> None:
        request = TranscodeRequest(format, RATE)
        texts = [[sound(1.3, 300 + 50 * n), sound(0.7, 900 - 40 * n)] for n in range(6)]
        async with running_pool() as pool:
            encoders = [pool.open(request) for _ in texts]
            assert all(
                isinstance(encoder, InlineEncoder if format in ("pcm", "wav") else EncoderSession)
                for encoder in encoders
            )
            files = await asyncio.gather(
                *(encode(encoder, text) for encoder, text in zip(encoders, texts, strict=True))
            )
            threaded = await encode(ThreadEncoderFactory(anyio.CapacityLimiter(1)).open(request), texts[0])
        for (data, seconds), text in zip(files, texts, strict=True):
            assert without_serial(format, data) == without_serial(format, transcode(request, text))
            assert seconds == pytest.approx(2.0, abs=0.001)
        assert without_serial(format, threaded[0]) == without_serial(format, files[0][0])

    run(test)


def test_a_process_that_dies_costs_its_files_only() -> None:
    """After kill -9 the files in that process fail with an error, those in the other go on, and it is
    restarted.
    """

    async def test() -> None:
        async with running_pool() as pool:
            request = TranscodeRequest("mp3", RATE)
            first, second = pool.open(request), pool.open(request)
            for encoder in (first, second):
                await encoder.push(sound(0.5, 400), ends_segment=False, slack=0.0)
            dead = pool.pids()[0]
            os.kill(dead, signal.SIGKILL)
            results = []
            for encoder in (first, second):
                try:
                    await encode(encoder, [sound(0.5, 400)])
                    results.append("whole")
                except EngineFailed:
                    results.append("failed")
            assert sorted(results) == ["failed", "whole"]
            await wait_until_ready(pool, 2)
            assert dead not in pool.pids()
            assert (await encode(pool.open(request), [sound(0.5, 400)]))[1] == pytest.approx(0.5, abs=0.001)

    run(test)


def test_threads_encode_until_a_process_is_ready() -> None:
    """A request that comes before the processes are ready is encoded all the same."""

    async def test() -> None:
        pool = EncoderPool(
            1, ThreadEncoderFactory(anyio.CapacityLimiter(1)), supervise, lambda *_, **__: None
        )
        async with pool.running():
            encoder = pool.open(TranscodeRequest("mp3", RATE))
            assert not isinstance(encoder, EncoderSession)
            assert (await encode(encoder, [sound(0.5, 400)]))[0]

    run(test)


def test_streams_with_little_slack_go_first() -> None:
    """Among many chunks of streams with much slack, the first chunk of a new stream is encoded among the
    next.
    """

    async def test() -> None:
        async with running_pool(1) as pool:
            request = TranscodeRequest("mp3", RATE)
            ahead = [pool.open(request) for _ in range(20)]
            done: list[str] = []

            async def push(encoder: Encoder, name: str, slack: float) -> None:
                await encoder.push(sound(1.0, 400), ends_segment=False, slack=slack)
                done.append(name)

            tasks = [asyncio.create_task(push(encoder, "ahead", 30.0)) for encoder in ahead]
            await asyncio.sleep(0)
            await push(pool.open(request), "new", 0.0)
            assert done.index("new") <= 4
            await asyncio.gather(*tasks)

    run(test)


def test_cancelled_calls_leave_the_order() -> None:
    """While a process has more to do than it was sent, calls are cancelled that it works on, that it was sent and
    that wait: each other call gets its own result, and the encoders of cancelled calls go on where they were.
    """

    async def test() -> None:
        async with running_pool(1) as pool:
            request = TranscodeRequest("flac", RATE)
            for most_urgent in (True, False):
                left = [pool.open(request)]
                calls = [asyncio.create_task(left[0].push(sound(0.5, 900), ends_segment=False, slack=0.0))]
                await asyncio.sleep(0)  # the process was sent it
                others = [pool.open(request) for _ in range(6)]
                files = [
                    asyncio.create_task(encode(one, [sound(0.5, 300 + number)]))
                    for number, one in enumerate(others)
                ]
                await asyncio.sleep(0)
                left += [pool.open(request) for _ in range(12)]
                slack = -0.5 if most_urgent else 30.0
                calls += [
                    asyncio.create_task(one.push(sound(0.5, 900), ends_segment=False, slack=slack))
                    for one in left[1:]
                ]
                await asyncio.sleep(0)
                assert all(one.busy for one in left)
                for number, call in enumerate(calls):
                    call.cancel()
                    with suppress(asyncio.CancelledError):
                        await call
                    if number % 2:
                        left[number].close()
                for number, file in enumerate(files):
                    assert (await file)[0] == transcode(request, [sound(0.5, 300 + number)])
                for one in left[::2]:
                    chunk = await one.push(sound(0.5, 700), ends_segment=True, slack=0.0)
                    assert chunk.seconds == pytest.approx(0.5, abs=0.02)
                    one.close()

    run(test)


def test_a_request_that_ffmpeg_refuses() -> None:
    """What FFmpeg refuses is an error for its request, and the process goes on."""

    async def test() -> None:
        async with running_pool(1) as pool:
            with pytest.raises(EngineFailed):
                await encode(pool.open(TranscodeRequest("mp3", RATE, tempo=1e9)), [sound(0.5, 300)])
            assert (await encode(pool.open(TranscodeRequest("mp3", RATE)), [sound(0.5, 300)]))[0]
        assert pool.pids() == []

    run(test)


def test_cancelled_requests_get_no_permit() -> None:
    """Many requests that were cancelled while they waited for permits do not delay the one that is left."""

    async def test() -> None:
        async with running_pool(1) as pool:
            encoders = [pool.open(TranscodeRequest("mp3", RATE)) for _ in range(2 + 400 + 1)]
            first = [asyncio.create_task(encoder.wait_to_prefetch(1.0, 30.0)) for encoder in encoders[:2]]
            crowd = [asyncio.create_task(encoder.wait_to_prefetch(2.0, 30.0)) for encoder in encoders[2:-1]]
            await asyncio.sleep(0)
            assert not any(task.done() for task in crowd)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
            last = asyncio.create_task(encoders[-1].wait_to_prefetch(3.0, 30.0))
            await asyncio.gather(*first)
            loop = asyncio.get_running_loop()
            start = loop.time()
            await last
            assert loop.time() - start < 400 / MAX_PREFETCHES * PREFETCH_TIMEOUT / 2

    run(test)


def test_a_frozen_process_is_replaced() -> None:
    """A process that is stopped is killed and replaced, the calls that wait for it fail as lost, and encoders
    that are opened a second after that are in the other one.
    """

    async def test() -> None:
        async with running_pool() as pool:
            request = TranscodeRequest("mp3", RATE)
            first, second = pool.open(request), pool.open(request)
            for encoder in (first, second):
                await encoder.push(sound(0.5, 400), ends_segment=False, slack=0.0)
            frozen = pool.pids()[0]
            os.kill(frozen, signal.SIGSTOP)
            calls = [asyncio.create_task(encode(encoder, [sound(0.5, 400)])) for encoder in (first, second)]
            await asyncio.sleep(LATE_SECONDS + 0.2)
            later = [encode(pool.open(request), [sound(0.5, 300)]) for _ in range(10)]
            assert all(await asyncio.wait_for(asyncio.gather(*later), 30))
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert sorted(type(result).__name__ for result in results) == ["ChildLost", "tuple"]
            await wait_until_ready(pool, 2)
            assert frozen not in pool.pids()

    run(test)


def test_an_idle_frozen_process_is_replaced() -> None:
    """A process that is stopped while nobody wants anything of it is replaced before somebody does."""

    async def test() -> None:
        async with running_pool(1) as pool:
            frozen = pool.pids()[0]
            os.kill(frozen, signal.SIGSTOP)
            async with asyncio.timeout(30):
                while pool.pids() in ([frozen], []):  # noqa: ASYNC110 - the state is another process's
                    await asyncio.sleep(0.05)
            assert (await encode(pool.open(TranscodeRequest("mp3", RATE)), [sound(0.5, 300)]))[0]

    run(test)


def test_equal_processes_are_chosen_at_random() -> None:
    """Streams that come one after another are spread over the processes, none of which comes first."""

    async def test() -> None:
        async with running_pool() as pool:
            chosen = set()
            for _ in range(40):
                encoder = pool.open(TranscodeRequest("mp3", RATE))
                assert isinstance(encoder, EncoderSession)
                chosen.add(encoder.pid)
                encoder.close()
            assert chosen == set(pool.pids())

    run(test)


def test_encoders_that_are_cancelled_stay_nowhere() -> None:
    """Under load, calls are cancelled at every moment, also before their encoder was opened: none stays open in
    the process.
    """

    async def test() -> None:
        async with running_pool(1) as pool:
            request = TranscodeRequest("flac", RATE)

            async def leave_after(number: int) -> None:
                encoder = pool.open(request if number % 2 else TranscodeRequest("mp3", RATE))
                encoder.prepare()
                call = asyncio.create_task(encode_on(encoder))
                for _ in range(number % 7):
                    await asyncio.sleep(0.002)
                call.cancel()
                with suppress(asyncio.CancelledError):
                    await call
                encoder.close()

            async def encode_on(encoder: Encoder) -> None:
                while True:
                    await encoder.push(sound(1.0, 300), ends_segment=False, slack=0.0)

            stays = pool.open(request)
            await stays.push(sound(0.5, 300), ends_segment=False, slack=0.0)
            await asyncio.gather(*(leave_after(number) for number in range(200)))
            assert await open_encoders(pool) == 1
            stays.close()
            assert await open_encoders(pool) == 0

    run(test)


async def open_encoders(pool: EncoderPool) -> int:
    """Return how many encoders are open in the only process, once all that was sent to it is done."""
    encoder = pool.open(TranscodeRequest("mp3", RATE))
    assert isinstance(encoder, EncoderSession)
    await encode(encoder, [sound(0.1, 300)])
    encoder.ask()
    await encode(pool.open(TranscodeRequest("mp3", RATE)), [sound(0.1, 300)])
    return pool.encoder_count()


def test_a_request_to_a_lost_process_says_so() -> None:
    """An encoder whose process is gone raises that it was lost, so that its response can be made anew."""

    async def test() -> None:
        async with running_pool(1) as pool:
            encoder = pool.open(TranscodeRequest("mp3", RATE))
            os.kill(pool.pids()[0], signal.SIGKILL)
            with pytest.raises(ChildLost):
                await encode(encoder, [sound(0.5, 300)] * 50)

    run(test)


def test_a_response_has_its_encoder_before_its_first_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What prepares an encoder has it opened while there is no PCM yet, and its first PCM goes before what others
    have in hand, with an encoder that still waits to be opened.
    """
    monkeypatch.setattr(pool_module, "PREPARE_SLACK", 60.0)

    async def test() -> None:
        async with running_pool(1) as pool:
            request = TranscodeRequest("mp3", RATE)
            prepared = pool.open(request)
            prepared.prepare()
            assert await open_encoders(pool) == 1
            prepared.close()
            done: list[str] = []

            async def push(encoder: Encoder, name: str, slack: float) -> None:
                await encoder.push(sound(1.0, 400), ends_segment=False, slack=slack)
                done.append(name)

            ahead = [pool.open(request) for _ in range(20)]
            tasks = [asyncio.create_task(push(encoder, "ahead", 30.0)) for encoder in ahead]
            await asyncio.sleep(0)
            new = pool.open(request)
            new.prepare()
            await push(new, "new", 0.0)
            assert done.index("new") <= 4
            await asyncio.gather(*tasks)

    run(test)


def test_the_first_process_is_waited_for() -> None:
    """What is encoded before any process was ready waits for the first one, and is encoded there."""

    async def test() -> None:
        pool = EncoderPool(
            1, ThreadEncoderFactory(anyio.CapacityLimiter(1)), supervise, lambda *_, **__: None
        )
        may_begin = asyncio.Event()

        async def begin() -> None:
            await may_begin.wait()

        async with pool.running(begin):
            encoder = pool.open(TranscodeRequest("mp3", RATE))
            encoding = asyncio.create_task(encode(encoder, [sound(0.5, 400)]))
            await asyncio.sleep(0.1)
            assert not encoding.done()
            assert pool.pids() == []
            may_begin.set()
            assert (await encoding)[1] == pytest.approx(0.5, abs=0.001)
            assert isinstance(encoder, AwaitedEncoder)
            assert isinstance(encoder._encoder, EncoderSession)

    run(test)


def test_a_first_process_that_does_not_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started, what has waited for one is encoded in a thread."""
    monkeypatch.setattr(pool_module, "FIRST_START_SECONDS", 0.1)

    async def test() -> None:
        async def never(run_once: object, failed: object) -> None:
            await asyncio.get_running_loop().create_future()

        pool = EncoderPool(1, ThreadEncoderFactory(anyio.CapacityLimiter(1)), never, lambda *_, **__: None)
        async with pool.running():
            assert (await encode(pool.open(TranscodeRequest("mp3", RATE)), [sound(0.5, 400)]))[0]

    run(test)


def thread_count(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.skipif(
    not list(Path(av.__file__).parents[1].glob("av.libs/*avutil*")) or not Path("/proc/self/task").exists(),
    reason="reads /proc, and needs PyAV's own FFmpeg",
)
def test_an_open_encoder_has_no_threads() -> None:
    """An encoder process has as many threads with many open encoders as without: each cost milliseconds."""

    async def test() -> None:
        async with running_pool(1) as pool:
            before = thread_count(pool.pids()[0])
            encoders = [pool.open(TranscodeRequest(format, RATE)) for format in FORMATS[:4] for _ in range(5)]
            for encoder in encoders:
                await encoder.push(sound(0.5, 400), ends_segment=False, slack=0.0)
            assert thread_count(pool.pids()[0]) == before

    run(test)
