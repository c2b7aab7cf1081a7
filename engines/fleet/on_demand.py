"""How an engine is run whose workers start when they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from engines.api import EngineInfo
from engines.errors import EngineUnavailable
from engines.wire.memory_use import MemoryUse

Cards = Sequence[int | None]
"""the GPU of each of some workers, None for one that needs none, or is to find it itself"""


async def _no_limit(_count: int, _evict: bool) -> None:
    """Reserve memory without any limit."""


async def _no_room(_missing: int, _card: int | None) -> None:
    """Make no room."""


class OnDemand(msgspec.Struct, frozen=True):
    """How an engine is run whose workers start when they are wanted: a model, which takes memory."""

    info: EngineInfo | None = None
    """what it said of itself when it last ran"""
    presumed: EngineInfo | None = None
    """what its record and its files say, which counts until it has run; without either it is started soon,
    to be asked
    """
    pinned: bool = False
    """it is started soon, never rests, and makes room for no other"""
    gpu_index: int = 0
    """which GPU it runs on, if it runs on one"""
    rest_after: float = 0.0
    """seconds without work after which its workers are stopped; 0 is never"""
    reserve: Callable[[int, bool], Awaitable[Cards | None]] = _no_limit
    """reserves memory before so many of its workers start, by stopping others if it may, and returns their
    GPUs; raises EngineUnavailable
    """
    on_started: Callable[[], None] = lambda: None
    """is called when no worker is starting any more: the memory it takes can be measured now"""
    start_lock: asyncio.Lock | None = None
    """held by models that are started without being asked for: they start one after another"""
    on_ready: Callable[[EngineInfo, int, float], None] = lambda _info, _pid, _seconds: None
    """is called with what it says of itself, the process that said so, and the seconds its start took"""
    on_measured: Callable[[int, MemoryUse], None] = lambda _pid, _use: None
    """is called with what one of its processes says that it took of memory, again and again"""
    make_room: Callable[[int, int | None], Awaitable[None]] = _no_room
    """makes room for a job that found too little memory, by stopping others: of so many bytes, 0 where that
    is not known, and on which GPU if on one; raises EngineUnavailable
    """
    start_timeout: float = 0.0
    """seconds in which a worker must be ready; 0 takes that of all workers"""
    hold: Callable[[], AbstractContextManager[None]] = nullcontext
    """holds what it is run from for as long as one of its processes is there; may block"""
    is_current: Callable[[], bool] = lambda: True
    """tells whether what it is run from is still the same; may block"""
    on_replaced: Callable[[], None] = lambda: None
    """is called when a request found that it is not"""
    on_used: Callable[[], None] = lambda: None
    """is called when a request has come for it"""

    async def place(self, workers: int, *, evict: bool) -> Cards:
        """Reserve memory for workers, and return their GPUs. Raises EngineUnavailable."""
        return await self.reserve(workers, evict) or [None] * workers

    async def check_current(self, name: str) -> None:
        """Raise EngineUnavailable if what the engine of that name is run from is not the same any more."""
        if not await asyncio.to_thread(self.is_current):
            self.on_replaced()
            raise EngineUnavailable(
                f"The files of `{name}` have just been replaced or deleted. Please try again."
            )
