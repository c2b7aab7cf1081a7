"""A model that nobody has used for long stops, and is started again when it is wanted."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Protocol

from engines.errors import EngineUnavailable
from engines.fleet.on_demand import OnDemand

LOOK_SECONDS = 1.0
"""between two looks at what is to stop when it is idle, at most"""
NEVER_SECONDS = 60.0
"""between two looks at what never stops"""


class Stoppable(Protocol):
    """A model that may stop."""

    @property
    def ready(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def stays(self) -> bool:
        """Whether it stays although nobody wants it."""
        ...

    @property
    def in_use(self) -> bool:
        """Whether anybody works with it, or waits for it."""
        ...

    @property
    def idle_since(self) -> float:
        """The moment of the monotonic clock when it was last used."""
        ...

    async def rest(self) -> None:
        """Stop it, and wait until its processes have ended. Raises EngineUnavailable."""
        ...


async def stop_when_idle(model: Stoppable, on_demand: OnDemand) -> None:
    """Stop a model, again and again, when nobody has used it for long."""
    while True:
        await asyncio.sleep(
            min(LOOK_SECONDS, on_demand.rest_after / 4) if on_demand.rest_after else NEVER_SECONDS
        )
        if (
            on_demand.rest_after
            and not model.stays
            and model.ready
            and not model.in_use
            and time.monotonic() - model.idle_since > on_demand.rest_after
        ):
            with suppress(EngineUnavailable):  # it has been told to, and is not in the way of others
                await model.rest()
