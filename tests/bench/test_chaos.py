"""Tests of `bench.chaos`: that it notices what it is there to notice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from servers import Server, running

from bench.chaos_remains import Remains
from bench.chaos_requests import Requests
from bench.target import Target


@pytest.fixture
def toned(tmp_path: Path) -> Iterator[Server]:
    """Run a server with the test engine, for the test."""
    config = {"engines": {"tone": {"enabled": True}, "espeak": {"enabled": False}}}
    with running(tmp_path / "server", config) as server:
        yield server


def test_answers_of_others_are_wrong(toned: Server) -> None:
    """Right answers are counted as right, and one that is another question's as wrong."""

    async def test() -> None:
        async with aiohttp.ClientSession() as session:
            requests = Requests(session, Target(toned.base_url), random.Random(1))
            await requests.learn()
            for _ in range(30):
                await requests.one()
            assert requests.seen["right"] > 0
            assert requests.seen["bad"] > 0
            assert not requests.problems
            assert await requests.check_all() == 0
            requests.swap_answers()
            assert await requests.check_all() == 2
            for _ in range(60):
                await requests.one()
            assert requests.seen["wrong"] > 0
            assert requests.problems

    asyncio.run(test())


def test_what_is_left_is_counted(toned: Server, tmp_path: Path) -> None:
    """A process that is stopped and a file that was left are found."""

    async def test() -> None:
        target = Target(toned.base_url, pid=toned.process.pid)
        async with aiohttp.ClientSession() as session:
            remains = Remains(target, tmp_path / "files")
            (tmp_path / "files").mkdir()
            before = await remains.count(session)
            assert before["stopped processes"] == before["temporary files"] == before["open encoders"] == 0
            (tmp_path / "files" / "left").touch()
            child = toned.worker_pids()[0]
            os.kill(child, signal.SIGSTOP)
            after = await remains.count(session)
            os.kill(child, signal.SIGCONT)
            assert after["stopped processes"] == after["temporary files"] == 1
            remains.note_processes()
            assert (
                "processes after its end",
                len(toned.worker_pids()) + 1,
                "",
                "0",
            ) in remains.after_the_end()

    asyncio.run(test())
