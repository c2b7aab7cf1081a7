"""Looking at the model files when somebody needs to know now: together with others, and not too often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LEAST_SECONDS = 1.0
"""between the beginnings of two looks"""


class LookAgain:
    """Does `look` for whoever calls: those who come before a look begins share it."""

    def __init__(self, look: Callable[[], Awaitable[object]]) -> None:
        self._look = look
        self._next: asyncio.Task[None] | None = None
        self._began = 0.0

    async def __call__(self) -> None:
        """Return once all has been looked at that was there when this was called. Raises what `look`
        raises.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        await asyncio.sleep(self._began + LEAST_SECONDS - time.monotonic())
        self._began = time.monotonic()
        self._next = None
        await self._look()
