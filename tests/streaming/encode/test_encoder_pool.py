"""Coders in processes of their own: the same files as in threads, and what becomes of them when a process
dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import numpy as np
import pytest

from engines.errors import EngineFailed
from engines.fleet.supervisor import supervise
from streaming.encode.encoders import Encoder, InlineEncoder, ThreadEncoders
from streaming.encode.pool import EncoderPool, EncoderSession
from streaming.encode.transcoder import Transcoder, TranscodeRequest
from streaming.formats import OutputFormat
from streaming.prefetch import PATIENCE, TURNS

RATE = 22_050
FORMATS: list[OutputFormat] = ["mp3", "opus", "aac", "flac", "wav", "pcm"]


def sound(seconds: float, pitch: float) -> bytes:
    return (
        (8000 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype("<i2").tobytes()
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


@asynccontextmanager
async def lanes(count: int = 2) -> AsyncIterator[EncoderPool]:
    made = EncoderPool(count, ThreadEncoders(anyio.CapacityLimiter(2)), supervise, lambda *_, **__: None)
    async with made.running():
        await ready(made, count)
        yield made


async def ready(made: EncoderPool, count: int) -> None:
    async with asyncio.timeout(20):
        while len(made.pids()) < count:  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


async def coded(encoder: Encoder, segments: list[bytes]) -> tuple[bytes, float]:
    """Make a file of some segments, piece by piece."""
    data, seconds = b"", 0.0
    try:
        for pcm in segments:
            for start in range(0, len(pcm), 10_000):
                piece = await encoder.push(pcm[start : start + 10_000], ends=False, slack=1.0)
                data, seconds = data + piece.data, seconds + piece.seconds
            piece = await encoder.push(b"", ends=True, slack=1.0)
            data, seconds = data + piece.data, seconds + piece.seconds
        return data + (await encoder.finish()).data, seconds
    finally:
        encoder.close()


def straight(order: TranscodeRequest, segments: list[bytes]) -> bytes:
    chain, data = Transcoder(order), b""
    for pcm in segments:
        for start in range(0, len(pcm), 10_000):
            data += chain.push(pcm[start : start + 10_000]).data
        data += chain.push(b"", ends=True).data
    return data + chain.finish().data


def blurred(format: OutputFormat, data: bytes) -> bytes:
    """Take out what differs from file to file: the serial number of an Ogg stream, and with it each page's
    checksum.
    """
    if format != "opus":
        return data
    pages = data.split(b"OggS")
    return b"OggS".join(page[:10] + page[22:] for page in pages)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_file_as_in_this_process(format: OutputFormat) -> None:
    """Lane, thread and plain call give the same bytes and the same length, for any format, in any company."""

    async def test() -> None:
        order = TranscodeRequest(format, RATE)
        texts = [[sound(1.3, 300 + 50 * n), sound(0.7, 900 - 40 * n)] for n in range(6)]
        async with lanes() as made:
            encoders = [made.open(order) for _ in texts]
            assert all(
                isinstance(encoder, InlineEncoder if format in ("pcm", "wav") else EncoderSession)
                for encoder in encoders
            )
            files = await asyncio.gather(
                *(coded(encoder, text) for encoder, text in zip(encoders, texts, strict=True))
            )
            threaded = await coded(ThreadEncoders(anyio.CapacityLimiter(1)).open(order), texts[0])
        for (data, seconds), text in zip(files, texts, strict=True):
            assert blurred(format, data) == blurred(format, straight(order, text))
            assert seconds == pytest.approx(2.0, abs=0.001)
        assert blurred(format, threaded[0]) == blurred(format, files[0][0])

    run(test)


def test_a_process_that_dies_costs_its_files_only() -> None:
    """kill -9: the files on that lane fail with a word, those on the other go on, and the lane comes back."""

    async def test() -> None:
        async with lanes() as made:
            order = TranscodeRequest("mp3", RATE)
            first, second = made.open(order), made.open(order)
            for encoder in (first, second):
                await encoder.push(sound(0.5, 400), ends=False, slack=0.0)
            dead = made.pids()[0]
            os.kill(dead, signal.SIGKILL)
            results = []
            for encoder in (first, second):
                try:
                    await coded(encoder, [sound(0.5, 400)])
                    results.append("whole")
                except EngineFailed:
                    results.append("failed")
            assert sorted(results) == ["failed", "whole"]
            await ready(made, 2)
            assert dead not in made.pids()
            assert (await coded(made.open(order), [sound(0.5, 400)]))[1] == pytest.approx(0.5, abs=0.001)

    run(test)


def test_threads_serve_until_a_process_is_there() -> None:
    """A request that comes before the processes do is served all the same."""

    async def test() -> None:
        made = EncoderPool(1, ThreadEncoders(anyio.CapacityLimiter(1)), supervise, lambda *_, **__: None)
        async with made.running():
            encoder = made.open(TranscodeRequest("mp3", RATE))
            assert not isinstance(encoder, EncoderSession)
            assert (await coded(encoder, [sound(0.5, 400)]))[0]

    run(test)


def test_what_is_urgent_goes_first() -> None:
    """Behind a heap of pieces of streams that are well ahead, the first piece of a new one is done among the
    next.
    """

    async def test() -> None:
        async with lanes(1) as made:
            order = TranscodeRequest("mp3", RATE)
            ahead = [made.open(order) for _ in range(20)]
            done: list[str] = []

            async def push(encoder: Encoder, name: str, slack: float) -> None:
                await encoder.push(sound(1.0, 400), ends=False, slack=slack)
                done.append(name)

            tasks = [asyncio.create_task(push(encoder, "ahead", 30.0)) for encoder in ahead]
            await asyncio.sleep(0)
            await push(made.open(order), "new", 0.0)
            assert done.index("new") <= 4
            await asyncio.gather(*tasks)

    run(test)


def test_a_call_that_is_cancelled_disturbs_no_other() -> None:
    """Whoever stops waiting for an answer leaves the order of the others' as it was."""

    async def test() -> None:
        async with lanes(1) as made:
            order = TranscodeRequest("flac", RATE)
            for _ in range(5):
                left, stays = made.open(order), made.open(order)
                gone = asyncio.create_task(left.push(sound(1.0, 300), ends=False, slack=0.0))
                kept = asyncio.create_task(coded(stays, [sound(0.5, 500)]))
                await asyncio.sleep(0)
                gone.cancel()
                with suppress(asyncio.CancelledError):
                    await gone
                left.close()
                assert (await kept)[0] == straight(order, [sound(0.5, 500)])

    run(test)


def test_an_order_that_cannot_be_carried_out() -> None:
    """What FFmpeg refuses is told to the one who asked, and the lane goes on."""

    async def test() -> None:
        async with lanes(1) as made:
            with pytest.raises(EngineFailed):
                await coded(made.open(TranscodeRequest("mp3", RATE, tempo=1e9)), [sound(0.5, 300)])
            assert (await coded(made.open(TranscodeRequest("mp3", RATE)), [sound(0.5, 300)]))[0]
        assert made.pids() == []

    run(test)


def test_who_is_gone_gets_no_turn() -> None:
    """A crowd that left while it waited for turns does not hold up the one who stays."""

    async def test() -> None:
        async with lanes(1) as made:
            encoders = [made.open(TranscodeRequest("mp3", RATE)) for _ in range(2 + 400 + 1)]
            begun = [asyncio.create_task(encoder.turn(1.0, 30.0)) for encoder in encoders[:2]]
            crowd = [asyncio.create_task(encoder.turn(2.0, 30.0)) for encoder in encoders[2:-1]]
            await asyncio.sleep(0)
            assert not any(task.done() for task in crowd)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
            stays = asyncio.create_task(encoders[-1].turn(3.0, 30.0))
            await asyncio.gather(*begun)
            loop = asyncio.get_running_loop()
            asked = loop.time()
            await stays
            assert loop.time() - asked < 400 / TURNS * PATIENCE / 2

    run(test)
