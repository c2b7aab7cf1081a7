"""Processor time for an hour of audio, of gateway, engine workers and encoders together."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bench import texts
from bench.figures import Figure
from bench.target import Target
from bench.wire import Connection, fetched, speech

REQUESTS, CLIENTS = 48, 8


async def run(target: Target) -> list[Figure]:
    """Measure each format on our own server."""
    if not target.pid:
        return []
    figures: list[Figure] = []
    seconds = len(await fetched(target, speech(texts.paragraph(5), "pcm"))) / 48_000
    for format in ("mp3", "opus", "pcm"):
        before = _spent(target)
        numbers = iter(range(REQUESTS))
        await asyncio.gather(*(_client(target, format, numbers) for _ in range(CLIENTS)))
        spent = _spent(target) - before
        each = round(3600 * spent / (REQUESTS * seconds), 1)
        figures.append(Figure("processor time", f"for an hour of {format}", each, "s"))
    return figures


async def _client(target: Target, format: str, numbers: object) -> None:
    connection = await Connection(target).open()
    for number in numbers:  # type: ignore[attr-defined]
        await connection.ask(speech(texts.paragraph(number), format))
    connection.close()


def _spent(target: Target) -> float:
    """Return the seconds of processor time that all our processes have used."""
    ticks = 0
    for pid in (target.pid, *target.workers()):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
