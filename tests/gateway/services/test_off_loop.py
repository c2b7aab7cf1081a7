"""Tests of work on long texts: it is done in threads of its own, the shortest first, and is never waited for long."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable

import pytest

from engines.errors import Overloaded
from gateway.services import off_loop as module
from gateway.services.off_loop import LONG, SHORT, in_work_thread, off_loop


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_short_work_stays_on_the_loop() -> None:
    """A text of a few milliseconds is worked on where its request is, a longer one elsewhere; errors come through."""

    async def test() -> None:
        here = threading.get_ident()
        assert await off_loop(SHORT, threading.get_ident) == here
        assert await off_loop(SHORT + 1, threading.get_ident) != here
        for size in (SHORT, LONG, LONG + 1):
            with pytest.raises(ZeroDivisionError):
                await off_loop(size, lambda: 1 // 0)

    run(test)


def test_the_shortest_goes_first() -> None:
    """Of what waits the shortest is done first, and what others make of very long texts keeps nobody else waiting."""

    async def test() -> None:
        may_end = threading.Event()
        done: list[int] = []
        busy = asyncio.create_task(in_work_thread(LONG + 1, may_end.wait))
        await asyncio.sleep(0)
        sizes = [4 * LONG, 2 * LONG, 3 * LONG]
        waiting = [
            asyncio.create_task(in_work_thread(size, functools.partial(done.append, size))) for size in sizes
        ]
        await in_work_thread(SHORT, lambda: done.append(SHORT))
        assert done == [SHORT]
        may_end.set()
        await asyncio.gather(busy, *waiting)
        assert done == [SHORT, *sorted(sizes)]

    run(test)


def test_asyncios_own_threads_stay_free() -> None:
    """Many long texts at once do not keep an upload from being written."""

    async def test() -> None:
        may_end = threading.Event()
        texts = [asyncio.create_task(in_work_thread(LONG + 1, may_end.wait)) for _ in range(100)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "written") == "written"
        may_end.set()
        await asyncio.gather(*texts)

    run(test)


def test_who_leaves_or_waits_for_long_is_not_worked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that nobody waits for any more is not begun, and what is not begun in time is refused as too much."""
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.05)

    async def test() -> None:
        may_end = threading.Event()
        done: list[str] = []
        busy = asyncio.create_task(in_work_thread(LONG + 1, may_end.wait))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await in_work_thread(LONG + 1, lambda: done.append("late"))
        left = asyncio.create_task(in_work_thread(LONG + 1, lambda: done.append("left")))
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        await asyncio.sleep(0.06)  # longer than what has begun may have waited
        may_end.set()
        assert await busy
        await in_work_thread(LONG + 1, lambda: done.append("last"))
        assert done == ["last"]

    run(test)
