"""Tests of workers that are launched before anybody runs their engines: they are taken once, or end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engines.fleet.launched_workers import LaunchedWorkers
from engines.fleet.runtime import Engines
from engines.fleet.worker_launch import LaunchedWorker
from engines.settings import EngineSettings, WorkerSettings

ONLY_TONE = {
    "tone": EngineSettings(workers=2),
    "hibari": EngineSettings(enabled=False),
    "espeak": EngineSettings(enabled=False),
    "pocketsphinx": EngineSettings(enabled=False),
}
WORKERS = WorkerSettings(restart_delay=0.05)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


class Recorded(LaunchedWorkers):
    """Launched workers that remember who was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[LaunchedWorker] = []

    def take(self, *args: object) -> LaunchedWorker | None:
        """Remember it."""
        taken = super().take(*args)  # type: ignore[arg-type]  # as it came
        self.taken += [taken] if taken else []
        return taken


def engines(launched: LaunchedWorkers, settings: dict[str, EngineSettings] | None = None) -> Engines:
    return Engines(settings or ONLY_TONE, WORKERS, log=lambda *_, **__: None, launched=launched)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_was_launched_is_what_works() -> None:
    """The workers that were launched are those that the engine runs with: no others are started."""

    async def test() -> None:
        launched = Recorded()
        await launched.launch(ONLY_TONE)
        running = engines(launched)
        async with running.running():
            async with asyncio.timeout(30):
                while len(running.group("tone").pids()) < 2:  # noqa: ASYNC110 - the state is another process's
                    await asyncio.sleep(0.01)
            assert {*running.group("tone").pids()} == {one.process.pid for one in launched.taken}
            assert len(launched.taken) == 2
        assert not any(is_alive(one.process.pid) or one.folder.path.exists() for one in launched.taken)

    run(test)


def test_what_nobody_takes_ends() -> None:
    """Workers that nobody has taken, as where the server cannot start, end with their folders."""

    async def test() -> None:
        launched = Recorded()
        await launched.launch(ONLY_TONE)
        left = [one for *_, one in launched._waiting]
        assert len(left) == 2
        await launched.close()
        assert not any(is_alive(one.process.pid) or one.folder.path.exists() for one in left)

    run(test)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR1])
def test_one_that_died_meanwhile_is_replaced(number: signal.Signals) -> None:
    """A launched worker that has died before it was taken is started again."""

    async def test() -> None:
        launched = Recorded()
        await launched.launch(ONLY_TONE)
        for *_, one in launched._waiting:
            os.kill(one.process.pid, number)
        running = engines(launched)
        async with running.running():
            async with asyncio.timeout(30):
                while not running.group("tone").ready:  # noqa: ASYNC110 - the state is another process's
                    await asyncio.sleep(0.01)
            dead = {one.process.pid for one in launched.taken}
            assert dead and not dead.intersection(running.group("tone").pids())

    run(test)


def test_other_options_are_another_worker() -> None:
    """A worker that was launched with other options than the engine is to have is not taken."""

    async def test() -> None:
        launched = Recorded()
        paced = {
            **ONLY_TONE,
            "tone": EngineSettings(enabled=False),
            "pace": EngineSettings(options={"rtf": 0.5}),
        }
        await launched.launch(paced)
        running = engines(launched, {**paced, "pace": EngineSettings(options={"rtf": 0.25})})
        async with running.running():
            assert await running.ready(30)
            assert launched.taken == []
        await launched.close()

    run(test)


def test_those_that_rest_are_not_launched() -> None:
    """Engines that start when they are wanted are left alone."""

    async def test() -> None:
        launched = LaunchedWorkers()
        await launched.launch({**ONLY_TONE, "tone": EngineSettings(), "espeak": EngineSettings()})
        names = [record.name for record, *_ in launched._waiting]
        await launched.close()
        assert "pocketsphinx" not in names
        assert names.count("tone") == 1

    run(test)
