"""What is done to a server: its children are killed and stopped, its disk is full for a while."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.target import Target

DISK_BYTES = 96 * 1024 * 1024
FULL_SECONDS = 1.0
STOPPED_SECONDS = (0.1, 1.5)
QUOTA_BYTES = 4096
"""what a file may have where there is no disk to be filled"""
KINDS = ("kill", "kill", "kill", "pause", "pause", "freeze", "full disk")


class Faults:
    """Does one thing after another to the children of a server, whose temporary files lie in `folder`.

    The disk is a small one that can be filled if `is_disk`; else its processes may write no large files.
    """

    def __init__(self, folder: Path, *, is_disk: bool) -> None:
        self.folder = folder
        self.done: Counter[str] = Counter()
        self._is_disk = is_disk
        self._target = Target("")
        self._pauses: set[asyncio.Task[None]] = set()

    def begin(self, target: Target) -> None:
        """Begin with a server."""
        self._target = target

    def end(self) -> None:
        """Do nothing more."""
        for pause in self._pauses:
            pause.cancel()

    async def one(self, chance: random.Random) -> None:
        """Do one thing to the server."""
        kind = chance.choice(KINDS)
        if kind == "full disk":
            self.done[kind] += 1
            await self._fill_the_disk()
            return
        children = [pid for parent in (self._target, *self._members()) for pid in parent.workers()]
        if not children:
            return
        child = chance.choice(children)
        self.done[f"{kind}, {_name(child)}"] += 1
        with suppress(ProcessLookupError):
            if kind == "kill":
                os.kill(child, signal.SIGKILL)
            elif kind == "freeze":
                os.kill(child, signal.SIGSTOP)
            else:
                pause = asyncio.create_task(_pause(child, chance.uniform(*STOPPED_SECONDS)))
                self._pauses.add(pause)
                pause.add_done_callback(self._pauses.discard)

    def _members(self) -> list[Target]:
        return [Target("", pid=pid) for pid in self._target.workers() if _name(pid) == "member"]

    async def _fill_the_disk(self) -> None:
        if self._is_disk:
            filler = self.folder / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(65_536))
            await asyncio.sleep(FULL_SECONDS)
            filler.unlink()
            return
        pids = [pid for pid in (self._target.pid, *(one.pid for one in self._members())) if pid]
        before = {}
        for pid in pids:
            with suppress(ProcessLookupError):
                before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (QUOTA_BYTES, before[pid][1]))
        await asyncio.sleep(FULL_SECONDS)
        for pid, limits in before.items():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


async def _pause(pid: int, seconds: float) -> None:
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _name(pid: int) -> str:
    """Return what a child is."""
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"streaming.encode" in command:
            return "encoder"
        return "member" if b"gateway.cluster" in command else "worker"
    return "gone"


@contextmanager
def full_disk(folder: Path) -> Iterator[Faults]:
    """Make `folder` a small disk of its own, where this user may, for the block."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield Faults(folder, is_disk=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
