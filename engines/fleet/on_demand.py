"""How an engine is run whose workers start when they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from engines.api import EngineInfo


async def _plenty(_count: int, _evict: bool) -> None:
    """Find room enough."""


class OnDemand(msgspec.Struct, frozen=True):
    """How an engine is run whose workers start when they are wanted: a model, which takes memory."""

    info: EngineInfo | None = None
    """what it said of itself when it last ran; without it, it is started soon, to be asked"""
    kept: bool = False
    """it is started soon, never rests, and makes room for nobody"""
    card: int = 0
    """which GPU it runs on, if it runs on one"""
    rest_after: float = 0.0
    """seconds without work after which its workers are stopped; 0 is never"""
    admit: Callable[[int, bool], Awaitable[None]] = _plenty
    """makes room before so many of its workers start, by stopping others if they may be; raises
    EngineUnavailable
    """
    settled: Callable[[], None] = lambda: None
    """hears that no worker is starting any more: what it takes can be seen now"""
    start_lock: asyncio.Lock | None = None
    """models that are started without being asked for start one after another"""
    learned: Callable[[EngineInfo, int, float], None] = lambda _info, _pid, _seconds: None
    """hears what it says of itself, which process says so, and how many seconds its start took"""
    start_timeout: float = 0.0
    """seconds in which a worker must be ready; 0 takes that of all workers"""
