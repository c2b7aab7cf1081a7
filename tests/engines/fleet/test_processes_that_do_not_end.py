"""Tests of processes that do not end though they are killed, as a driver that hangs keeps them: nobody waits for
these. No test can make such a process; what asyncio would have of one is here instead.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from engines.api import EngineInfo
from engines.fleet import child_process, worker_process
from engines.fleet.child_process import stop_process
from engines.fleet.temporary_folders import TemporaryFolder
from engines.fleet.worker_launch import LaunchedWorker
from engines.fleet.worker_process import WorkerProcess


class Kept:
    """A process that no signal reaches."""

    pid = 0
    returncode = None
    stdin = None

    def __init__(self) -> None:
        self.signals = 0
        self.stderr = SimpleNamespace(readline=self.wait)

    def send_signal(self, _signal: int) -> None:
        """Count a signal."""
        self.signals += 1

    def kill(self) -> None:
        """Count a signal."""
        self.signals += 1

    async def wait(self) -> int:
        """Wait for ever."""
        ending: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await ending


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return such a process; whoever kills it waits a moment."""
    monkeypatch.setattr(child_process, "KILLED_SECONDS", 0.2)
    monkeypatch.setattr(worker_process, "KILLED_SECONDS", 0.2)
    return Kept()


def test_who_stops_it_does_not_wait_for_its_end(kept: Any) -> None:
    """It is asked to stop, killed, and then left."""
    asyncio.run(asyncio.wait_for(stop_process(kept, 0.1), 30))
    assert kept.signals == 2


def test_a_worker_that_does_not_end_is_left(kept: Any) -> None:
    """Who waits for a worker's end learns that there is none, once it was killed, and its files go."""

    async def test() -> None:
        folder = TemporaryFolder()
        worker = WorkerProcess(LaunchedWorker(kept, folder), 0, EngineInfo("a", "1", "MIT", ("a",)), print)
        ending = asyncio.create_task(worker.wait())
        await asyncio.sleep(0.5)
        assert not ending.done()
        worker.kill()
        assert await ending is None
        await worker.stop(0.1)
        assert not folder.path.exists()

    asyncio.run(asyncio.wait_for(test(), 30))
