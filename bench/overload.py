"""Ten times of what the engine can do, for 30 s: what becomes of those let in, of the rest, and of the
gateway afterwards.

The engine works at a set pace, so that its capacity is known: 2 workers at a quarter of real time, 8 seconds
of audio per second.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import msgspec

from bench import texts
from bench.figures import Figure
from bench.target import Target, own
from bench.wire import Connection, speech

SECONDS, PLAYED, CAPACITY, TIMES = 30.0, 11.6, 8.0, 10
"""PLAYED is how long a request's audio is, about"""
PCM_SECOND = 48_000
PREBUFFER = 0.2
CONFIG = {
    "engines": {
        "pace": {"enabled": True, "workers": 2, "options": {"rtf": 0.25, "first_chunk": 0.02}},
        "espeak": {"enabled": False},
    },
    "admission": {"wait": 5.0},
}


class Seen(msgspec.Struct):
    """Counts of what became of the requests."""

    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    without_retry_after: int = 0
    ran_dry: int = 0
    broken: int = 0


async def run(target: Target) -> list[Figure]:
    """Measure on a server of our own."""
    if not target.pid:
        return []
    with own(CONFIG) as paced:
        await _one(paced, 0, Seen())
        before = _kept(paced)
        seen, tasks = Seen(), list[asyncio.Task[None]]()
        began = time.monotonic()
        while time.monotonic() < began + SECONDS:
            tasks.append(asyncio.create_task(_one(paced, len(tasks), seen)))
            await asyncio.sleep(PLAYED / (CAPACITY * TIMES))
        await asyncio.gather(*tasks)
        await asyncio.sleep(2)
        after = _kept(paced)
    other = sum(count for status, count in seen.statuses.items() if status not in (200, 429, 503))
    rest = seen.statuses[429] + seen.statuses[503]
    return [
        Figure("overload", "requests that were spoken", seen.statuses[200], ""),
        Figure("overload", "of them ran dry while played", seen.ran_dry, "", "0"),
        Figure("overload", "refused with 429 or 503", rest, ""),
        Figure("overload", "of them without Retry-After", seen.without_retry_after, "", "0"),
        Figure("overload", "anything else, or broken off", other + seen.broken, "", "0"),
        *(
            Figure("overload", f"{name} afterwards, more than before", after[name] - before[name], unit)
            for name, unit in KEPT
        ),
    ]


KEPT = (("memory", "MB"), ("descriptors", ""), ("threads", ""))


def _kept(target: Target) -> dict[str, float]:
    process = Path(f"/proc/{target.pid}")
    return {
        "memory": round(target.resident() or 0.0, 1),
        "descriptors": sum(1 for _ in (process / "fd").iterdir()),
        "threads": sum(1 for _ in (process / "task").iterdir()),
    }


async def _one(target: Target, number: int, seen: Seen) -> None:
    """Send one request, and play its audio as it comes."""
    received, began, dry = 0, 0.0, False

    def listen(part: bytes) -> None:
        nonlocal received, began, dry
        now = time.monotonic()
        if began and now - began > received / PCM_SECOND:
            dry = True
        received += len(part)
        if not began and received >= PREBUFFER * PCM_SECOND:
            began = now

    connection = await Connection(target).open()
    try:
        await connection.ask(speech(texts.paragraph(number, 2), "pcm", "tone-1", "pace"), listen)
    except ConnectionError:
        seen.broken += 1
    seen.statuses[connection.status] += 1
    seen.ran_dry += dry
    seen.without_retry_after += (
        connection.status in (429, 503) and b"\r\nretry-after: " not in connection.head
    )
    connection.close()
