"""What a server has, and what it leaves behind: processes, descriptors, files, encoders, streams."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from bench.target import Target

LOOKS = 30
"""at /metrics: each may be answered by another member"""
END_SECONDS = 10.0


class Remains:
    """Counts what a server has at the moment; its temporary files lie in `folder`."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._processes: set[int] = set()

    async def count(self, session: aiohttp.ClientSession) -> dict[str, float]:
        """Return how many it has of each, with nothing to do."""
        return {
            "processes": len(self._descendants()),
            "stopped processes": sum(_state(pid) == "T" for pid in self._descendants()),
            "descriptors of the first process": len(_descriptors(self._target.pid or 0)),
            "temporary files": sum(1 for path in self._folder.rglob("*") if "metrics" not in path.parts),
            "open encoders": await self._most(session, "voicebox_open_encoders"),
            "streams": await self._most(session, "voicebox_streams"),
            "jobs": await self._most(session, "voicebox_running_jobs"),
        }

    async def settle(self, session: aiohttp.ClientSession, timeout: float) -> float:
        """Wait until all workers are ready and nothing runs; return the seconds that it took."""
        began = time.monotonic()
        calm = 0
        while calm < LOOKS and time.monotonic() - began < timeout:
            await asyncio.sleep(0.1)
            calm = calm + 1 if await self._is_calm(session) else 0
        return time.monotonic() - began

    def note_processes(self) -> None:
        """Remember its processes, to look for them after its end."""
        self._processes = {*self._descendants(), self._target.pid or 0}

    def after_the_end(self) -> list[tuple[str, float, str, str]]:
        """Return what there still is, a while after its end."""
        deadline = time.monotonic() + END_SECONDS
        while (left := [pid for pid in self._processes if _state(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        files = list(self._folder.glob("*"))
        return [
            ("processes after its end", len(left), "", "0"),
            ("temporary files after its end", len(files), "", "0"),
        ]

    async def _is_calm(self, session: aiohttp.ClientSession) -> bool:
        url = self._target.base_url.removesuffix("/v1")
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with session.get(f"{url}/health", timeout=aiohttp.ClientTimeout(total=20)) as answer:
                engines = (await answer.json())["engines"].values()
            return not any(_state(pid) == "T" for pid in self._descendants()) and all(
                worker["state"] in ("ready", "resting")
                for engine in engines
                for worker in engine["workers"]
                if not engine["streams"]
            )
        return False

    async def _most(self, session: aiohttp.ClientSession, name: str) -> float:
        """Return the highest value of a gauge, all its labels together, that any member tells."""
        values = []
        for _ in range(LOOKS):
            async with session.get(f"{self._target.base_url.removesuffix('/v1')}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            own = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
            values.append(sum(float(line.rpartition(" ")[2]) for line in own))
        return max(values)

    def _descendants(self) -> list[int]:
        found = self._target.workers()
        return found + [pid for one in found for pid in Target("", pid=one).workers()]


def _state(pid: int) -> str:
    """Return the state of a process in the kernel's letters: T is stopped; none for one that has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
    return "" if state == "Z" else state


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())
