"""`python -m bench.chaos [--minutes N] [--processes N] [--seed N]`: what clients get, and what stays behind,
while children are killed and stopped, clients leave or send rubbish, and the disk is full.

Each answer is compared with what the request gives alone, byte by byte. The test engine says the same each
time, and so do all codecs but Opus, whose serial numbers are random. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bench.chaos_faults import Faults, full_disk
from bench.chaos_remains import Remains
from bench.chaos_requests import ANSWER_SECONDS, Requests
from bench.figures import Figure
from bench.target import Target, own

CLIENTS = 16
MINUTES = 2.0
SETTLE_SECONDS = 60.0
"""for all children to be replaced, once nothing is done to them any more"""
CONFIG = {
    "engines": {
        "tone": {"enabled": True, "workers": 3},
        "espeak": {"enabled": False},
        "hibari": {"enabled": False},
    },
    "models": {"each": {"faster-whisper-tiny.en": {"enabled": False}}},
    "workers": {"health_interval": 1, "health_timeout": 3, "restart_delay_max": 2},
    "speech": {"coders": 2},
    "log": {"level": "warning"},
}


async def run(target: Target) -> list[Figure]:
    """Measure servers of our own, of one process and of three."""
    if not target.pid or sys.platform != "linux":
        return []
    return [*await chaos(MINUTES, 1), *await chaos(MINUTES, 3)]


async def chaos(minutes: float, processes: int, seed: int = 1) -> list[Figure]:
    """Do everything to a server of so many processes for so long, and return what came of it."""
    with tempfile.TemporaryDirectory() as folder, full_disk(Path(folder)) as disk:
        config = {**CONFIG, "server": {"processes": processes}}
        with _temporary_files_in(folder), own(config) as target:
            figures = await _measure(target, disk, minutes, seed, processes)
            remains = Remains(target, Path(folder))
            remains.note_processes()
        left = remains.after_the_end()
    return [Figure(f"chaos, {processes} processes", *one) for one in [*figures, *left]]


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Have programs that are started in the block put their temporary files into a folder."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before


async def _measure(
    target: Target, disk: Faults, minutes: float, seed: int, processes: int
) -> list[tuple[str, float, str, str]]:
    chance = random.Random(seed)
    ends = time.monotonic() + 60 * minutes
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        requests = Requests(session, target, chance)
        await requests.learn()
        remains = Remains(target, disk.folder)
        await remains.settle(session, SETTLE_SECONDS)
        before = await remains.count(session)
        disk.begin(target)
        clients = [asyncio.create_task(_client(requests, ends)) for _ in range(CLIENTS)]
        while time.monotonic() < ends:
            await asyncio.sleep(chance.uniform(0.2, 2.0))
            await disk.one(chance)
            requests.fault_happened()
        disk.end()
        await asyncio.gather(*clients)
        settled = await remains.settle(session, SETTLE_SECONDS)
        after = await remains.count(session)
        wrong_afterwards = await requests.check_all()
    seen = requests.seen
    return [
        *((f"done: {what}", count, "", "") for what, count in sorted(disk.done.items())),
        ("answers that were checked", seen["right"], "", ""),
        ("of them wrong", seen["wrong"], "", "0"),
        (f"requests that took more than {ANSWER_SECONDS:g} s", seen["hanging"], "", "0"),
        ("answers that failed though nothing was done", seen["without cause"], "", "0"),
        ("lost with a process in mid-answer", seen["broken"], "", ""),
        ("lost with a member before an answer", seen["no answer"], "", "0" if processes == 1 else ""),
        ("lost twice (500)", seen["lost twice"], "", ""),
        ("refused (503)", seen["refused"], "", ""),
        ("refused for want of disk (507)", seen["no space"], "", ""),
        ("clients that left", seen["left"], "", ""),
        ("bad requests refused rightly", seen["bad"], "", ""),
        ("seconds until all was replaced", round(settled, 1), "s", ""),
        ("wrong answers afterwards", wrong_afterwards, "", "0"),
        *((f"{what} more than before", after[what] - before[what], "", "0") for what in before),
        *((f"problem: {what}", count, "", "0") for what, count in requests.problems.items()),
    ]


async def _client(requests: Requests, ends: float) -> None:
    while time.monotonic() < ends:
        await requests.one()


def main() -> int:
    """Run it for as long as is asked, and print what came of it; the status is 1 where an aim was missed."""
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    figures = asyncio.run(chaos(asked.minutes, asked.processes, asked.seed))
    missed: Counter[str] = Counter()
    for figure in figures:
        bad = figure.aim == "0" and figure.value > 0
        missed[figure.what] += bad
        print(f"{figure.program}: {figure.what}: {figure.value:g} {figure.unit}{'  MISSED' if bad else ''}")
    return 1 if missed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
