"""A model that nobody has asked for is started all the same: to say what it is, or because it is pinned."""

from __future__ import annotations

import asyncio
from typing import Protocol

from engines.errors import EngineUnavailable
from engines.fleet.on_demand import OnDemand
from engines.fleet.retry_pause import RETRY_SECONDS

RETRY_MAX = 600.0
"""seconds between two attempts to start a model that nobody asks for, at most"""
STAY_SECONDS = 60.0
"""seconds for which a model that nobody asked for stays"""


class Startable(Protocol):
    """A model that may be started."""

    last_used: float
    unloaded: bool
    no_room_reason: str

    @property
    def ready(self) -> bool:
        """Whether some worker can take a job now."""
        ...

    @property
    def starting(self) -> bool:
        """Whether some worker is starting."""
        ...

    async def wake(self, *, evict: bool = True) -> None:
        """Start it, others being stopped for it if `evict`. Raises EngineUnavailable."""
        ...

    async def wait_ready(self) -> bool:
        """Wait until it is ready; return False when it is not starting."""
        ...

    async def wait_for_change(self) -> None:
        """Wait until the state of a worker changes."""
        ...


async def start_unasked(model: Startable, on_demand: OnDemand) -> None:
    """Start a model without being asked, when there is room, until it has said what it is; a pinned one
    always.

    Others make room for one that has never been started, and for one that is pinned, though not again and
    again for one that fails.
    """
    delay = RETRY_SECONDS
    evict = True
    while True:
        async with on_demand.start_lock or asyncio.Lock():
            try:
                await model.wake(evict=evict)
                evict = on_demand.pinned
                if await model.wait_ready() and not on_demand.pinned:
                    model.last_used -= max(0.0, on_demand.rest_after - STAY_SECONDS)
                    return
            except EngineUnavailable as exc:
                model.no_room_reason = exc.message
        while model.ready or model.starting or model.unloaded:
            await model.wait_for_change()
        await asyncio.sleep(delay)
        delay = min(RETRY_MAX, 2 * delay)
