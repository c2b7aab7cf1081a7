"""Tests of what the gateway does when a worker tells that a job found too little memory."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engines.fleet import memory_watch
from engines.fleet.memory_watch import NO_ROOM, MemoryWatch
from engines.fleet.on_demand import OnDemand
from engines.fleet.supervised_worker import SupervisedWorker
from engines.wire.memory_use import MemoryUse


@pytest.mark.parametrize(
    ("device", "card", "asked"),
    [
        ("cuda", 1, [(7, 1)]),
        ("cuda", None, []),
        ("xpu", None, []),
        ("cpu", None, [(7, None)]),
        ("mps", None, [(7, None)]),
    ],
)
def test_room_is_made_where_it_lacks(
    monkeypatch: pytest.MonkeyPatch, device: str, card: int | None, asked: list[tuple[int, int | None]]
) -> None:
    """Others give up memory of the GPU that lacks it, or of the machine where the device has that; for a GPU of
    which nothing is known nobody is stopped, and the log says so.
    """
    monkeypatch.setattr(memory_watch, "LOOK_SECONDS", 0.0)
    wanted: list[tuple[int, int | None]] = []
    logged: list[tuple[str, object]] = []

    async def make_room(missing: int, on_card: int | None) -> None:
        wanted.append((missing, on_card))

    async def memory(_timeout: float) -> MemoryUse:
        return MemoryUse(shortages=1, missing=7)

    worker = SimpleNamespace(
        client=SimpleNamespace(memory=memory),
        pid=1,
        state="ready",
        info=SimpleNamespace(device=device),
        card=card,
    )

    async def test() -> None:
        watch = MemoryWatch(
            [cast(SupervisedWorker, cast(Any, worker))],
            OnDemand(make_room=make_room),
            lambda event, **fields: logged.append((event, fields.get("reason"))),
        )
        watch.look()
        while not wanted and not logged:  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)
        await watch.close()

    asyncio.run(asyncio.wait_for(test(), 30))
    assert wanted == asked
    reason = f"Nothing is known of the memory of the GPU ({device})."
    assert logged == ([] if asked else [(NO_ROOM, reason)])
