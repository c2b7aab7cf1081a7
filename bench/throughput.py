"""Throughput against the bare loop on the same cores: seconds of audio per second, for each format, at 1 to
64 clients.

The client runs on the same cores too, and what it takes counts against the gateway.
"""

from __future__ import annotations

import asyncio
import time

from bench import baseline, texts
from bench.figures import Figure
from bench.target import Target
from bench.wire import Connection, fetched, speech

FORMATS = ("mp3", "opus", "pcm", "aac", "flac", "wav")
CLIENTS, CLIENTS_OF_OTHERS = (1, 4, 16, 64), (16,)
SECONDS, WARM_UP = 3.0, 1.0
AIMS = {("mp3", 16): 0.8, ("opus", 16): 0.8, ("pcm", 16): 0.5}


async def run(target: Target) -> list[Figure]:
    """Measure each format. Against another server there is no bare loop to compare with."""
    figures: list[Figure] = []
    seconds = len(await fetched(target, speech(texts.paragraph(5), "pcm"))) / 48_000
    for format in FORMATS:
        size = len(await fetched(target, speech(texts.paragraph(5), format)))
        baseline_seconds = await asyncio.to_thread(baseline.run, format) if target.pid else 0.0
        if baseline_seconds:
            figures.append(Figure("throughput", f"{format}, bare loop", round(baseline_seconds), "s/s"))
        for clients in CLIENTS if (format, 16) in AIMS else CLIENTS_OF_OTHERS:
            figures += await _cell(target, format, clients, size / seconds, baseline_seconds)
    return figures


async def _cell(
    target: Target, format: str, clients: int, bytes_per_second: float, baseline_seconds: float
) -> list[Figure]:
    load = Load(target, format)
    workers = [asyncio.create_task(load.client()) for _ in range(clients)]
    await asyncio.sleep(WARM_UP)
    before, began = load.received(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    made = (load.received() - before) / (time.perf_counter() - began) / bytes_per_second
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await asyncio.sleep(0.3)
    figures = [Figure("throughput", f"{format}, {clients} clients", round(made), "s/s")]
    if baseline_seconds:
        aim = AIMS.get((format, clients))
        ratio = round(made / baseline_seconds, 2)
        figures.append(
            Figure(
                "throughput",
                f"{format}, {clients} clients, of the bare loop",
                ratio,
                "x",
                aim=(aim and f"at least {aim}") or "",
            )
        )
    return figures


class Load:
    """Clients that ask again as soon as they are answered."""

    def __init__(self, target: Target, format: str) -> None:
        self._target = target
        self._format = format
        self._number = 0
        self._done = 0
        self._open: set[Connection] = set()

    def received(self) -> int:
        """Return how many bytes have come so far."""
        return self._done + sum(connection.received for connection in self._open)

    async def client(self) -> None:
        """Run one client, until cancelled."""
        connection = await Connection(self._target).open()
        self._open.add(connection)
        try:
            while True:
                self._number += 1
                await connection.ask(speech(texts.paragraph(self._number), self._format))
                self._done += connection.received
                connection.received = 0
        finally:
            self._open.discard(connection)
            connection.close()
