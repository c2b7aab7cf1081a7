"""A line behind a text of 100,000 characters, on the same single worker: when it starts, in segments of the
long text.
"""

from __future__ import annotations

import asyncio
import time

from bench import texts
from bench.figures import Figure, quantile
from bench.target import Target, own
from bench.wire import Connection, speech

FACTOR, FIRST_CHUNK, ROUNDS = 0.05, 0.02, 10
SEGMENT_SECONDS = 240 / 15 * FACTOR + FIRST_CHUNK
"""how long the worker is at the longest segment"""
CONFIG = {
    "engines": {
        "pace": {"enabled": True, "workers": 1, "options": {"rtf": FACTOR, "first_chunk": FIRST_CHUNK}},
        "espeak": {"enabled": False},
    }
}


async def run(target: Target) -> list[Figure]:
    """Measure on a server of our own."""
    if not target.pid:
        return []
    with own(CONFIG) as paced:
        long = await Connection(paced).open()
        text = texts.paragraph(1, 1000)[:100_000]
        whole = asyncio.ensure_future(long.ask(speech(text, "pcm", "tone-1", "pace")))
        await asyncio.sleep(2)
        times = [await _first(paced, number) for number in range(ROUNDS)]
        long.close()
        await asyncio.gather(whole, return_exceptions=True)
    worst = round(max(times) / SEGMENT_SECONDS, 2)
    median = round(quantile(times, 0.5) / SEGMENT_SECONDS, 2)
    return [
        Figure("head of line", "a line's first byte, median", median, "segments"),
        Figure("head of line", "a line's first byte, worst", worst, "segments", "at most 2"),
    ]


async def _first(target: Target, number: int) -> float:
    connection = await Connection(target).open()
    began = time.perf_counter()
    await connection.ask(speech(f"Line number {number}.", "pcm", "tone-2", "pace"))
    connection.close()
    await asyncio.sleep(0.3)
    return connection.first - began
