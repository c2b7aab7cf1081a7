"""Time to the first packet that a decoder can use: a whole mp3 frame, an Ogg page with sound in it, 20 ms of
PCM.

So many streams begin at the same moment; each is an idle reader's from then on.
"""

from __future__ import annotations

import asyncio
import time

from bench import texts
from bench.figures import Figure, quantile
from bench.target import Target
from bench.wire import Connection, speech

STREAMS = (1, 16, 64, 256)
REPEATS = {1: 20, 16: 4, 64: 2, 256: 1}
MP3_FRAME, PCM_PACKET = 384, 960
"""bytes: 24 ms at 128 kbit/s and 24 kHz; 20 ms at 24 kHz"""
OGG_HEADERS = (b"OpusHead", b"OpusTags")


async def run(target: Target) -> list[Figure]:
    """Measure each format at each number of streams."""
    figures: list[Figure] = []
    for format in ("mp3", "opus", "pcm"):
        for streams in STREAMS:
            times: list[float] = []
            for repeat in range(REPEATS[streams]):
                times += await asyncio.gather(
                    *(_once(target, format, repeat * streams + n) for n in range(streams))
                )
                await asyncio.sleep(0.1)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                what = f"{format}, {streams} at once, {name}"
                figures.append(Figure("first packet", what, round(1000 * quantile(times, share), 1), "ms"))
    return figures


async def _once(target: Target, format: str, number: int) -> float:
    connection = await Connection(target).open()
    found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    data = bytearray()

    def body(part: bytes) -> None:
        data.extend(part)
        if not found.done() and decodable(format, bytes(data)):
            found.set_result(time.perf_counter())

    began = time.perf_counter()
    whole = connection.ask(speech(texts.line(number), format), body)
    try:
        await whole
        if not found.done():
            raise ConnectionError(f"no sound came: status {connection.status}, {connection.head!r}")
        return found.result() - began
    finally:
        connection.close()


def decodable(format: str, data: bytes) -> bool:
    """Return whether a decoder could make sound of the bytes so far."""
    if format == "mp3":
        return len(data) >= MP3_FRAME and data[0] == 0xFF
    if format == "pcm":
        return len(data) >= PCM_PACKET
    pages = data.split(b"OggS")[1:]
    return any(_whole(page) and not any(name in page for name in OGG_HEADERS) for page in pages)


def _whole(page: bytes) -> bool:
    """Return whether all of an Ogg page is there (RFC 3533; the capture pattern is already off)."""
    if len(page) < 23 or len(page) < 23 + page[22]:
        return False
    return len(page) >= 23 + page[22] + sum(page[23 : 23 + page[22]])
