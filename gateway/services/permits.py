"""Permits: what a request needs before work begins on it, and who issues them."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Permit(msgspec.Struct, frozen=True, eq=False):
    """A request that may run."""

    caller: str
    """the API key's name, or the address of a caller without one"""
    charged: float
    """seconds of audio that the caller's rate was charged"""
    headers: dict[str, str]
    """what tells the caller its limits"""
    number: int = 0
    """names it to a process that keeps the limits for others"""


class RateLimiter(Protocol):
    """Issues permits within limits; it may be in another process."""

    async def acquire(self, caller: str, model: str, seconds: float) -> Permit:
        """Return a permit for about so many seconds of audio. Raises RateLimited or Overloaded."""
        ...

    def release(self, permit: Permit, seconds: float) -> None:
        """Take a permit back from a request that came to so many seconds of audio."""
        ...
