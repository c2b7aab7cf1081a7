"""Who may begin: limits on what runs at once and on what a caller may have in a minute.

Over a limit of the caller's own the answer is 429, over one of the server's 503, both with the time to come
back. Rates are token buckets (a minute's worth at once, then as it refills): a request is charged what it is
expected to come to, and settled by what it came to. Nothing waits here: that is the engines' queue.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec

from compat.errors import RateKind, RateLimited
from engines.errors import Overloaded
from gateway.config.settings import AdmissionSettings

MINUTE = 60.0
TOKENS_PER_SECOND = 20
"""of audio, as in the usage that is told"""
MOST_CALLERS = 10_000
"""callers whose buckets are kept; full ones are forgotten first"""


class Permit(msgspec.Struct, frozen=True, eq=False):
    """A request that may run: whose it is, the seconds of audio it was charged, and the headers that tell the
    limits.
    """

    owner: str
    charged: float
    headers: dict[str, str]
    number: int = 0
    """names it to a process that keeps the limits for others"""


class RateLimiter(Protocol):
    """Lets requests begin; it may lie in another process."""

    async def acquire(self, owner: str, model: str, seconds: float) -> Permit:
        """Let a request of about so many seconds of audio begin. Raises RateLimited or Overloaded."""
        ...

    def release(self, permit: Permit, seconds: float) -> None:
        """End a request that came to so many seconds of audio."""
        ...


class Bucket:
    """What one caller may still have: `limit` a minute."""

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._level = limit
        self._at = now

    def level(self, now: float) -> float:
        """Give what is left."""
        self._level = min(self._limit, self._level + (now - self._at) * self._limit / MINUTE)
        self._at = now
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take some, or give some back."""
        self._level = min(self._limit, self.level(now) - amount)

    def wait(self, amount: float, now: float) -> float:
        """Tell in how many seconds so much can be had; more than fits is let through when all is there."""
        return max(0.0, (min(amount, self._limit) - self.level(now)) * MINUTE / self._limit)


class LocalRateLimiter:
    """All callers' limits."""

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._total = 0
        self._requests: dict[str, Bucket] = {}
        self._audio: dict[str, Bucket] = {}

    async def acquire(self, owner: str, model: str, seconds: float) -> Permit:
        """Let a request of about so many seconds of audio begin. Raises RateLimited or Overloaded."""
        self._check_rate(self._requests, owner, model, 1.0, self._settings.requests_per_minute, "requests")
        self._check_rate(
            self._audio, owner, model, seconds, self._settings.audio_seconds_per_minute, "tokens"
        )
        self._check_running(owner, model)
        self._running[owner] += 1
        self._total += 1
        charged = self._charge(owner, seconds)
        return Permit(owner, charged, self._headers(owner))

    def release(self, permit: Permit, seconds: float) -> None:
        """End a request that came to so many seconds of audio."""
        self._total -= 1
        self._running[permit.owner] -= 1
        if not self._running[permit.owner]:
            del self._running[permit.owner]
        if bucket := self._audio.get(permit.owner):
            bucket.take(seconds - permit.charged, self._clock())

    def _check_rate(
        self, buckets: dict[str, Bucket], owner: str, model: str, amount: float, limit: float, kind: RateKind
    ) -> None:
        if not limit:
            return
        now = self._clock()
        bucket = buckets.get(owner)
        if bucket is None:
            _forget_full(buckets, limit, now)
            bucket = buckets[owner] = Bucket(limit, now)
        if wait := bucket.wait(amount, now):
            shown, scale = (
                ("requests per min (RPM)", 1)
                if kind == "requests"
                else ("tokens per min (TPM)", TOKENS_PER_SECOND)
            )
            used = math.ceil((limit - bucket.level(now)) * scale)
            raise RateLimited(
                f"Rate limit reached for {model} on {shown}: Limit {round(limit * scale)}, Used {used}, "
                f"Requested {math.ceil(amount * scale)}. Please try again in {math.ceil(wait)}s.",
                kind=kind,
                retry_after=wait,
                headers=self._headers(owner),
            )

    def _check_running(self, owner: str, model: str) -> None:
        settings = self._settings
        if settings.streams_per_caller and self._running[owner] >= settings.streams_per_caller:
            raise RateLimited(
                f"Rate limit reached for {model} on concurrent requests: Limit {settings.streams_per_caller}. Try again in 1s.",
                kind="requests",
                retry_after=1.0,
                headers=self._headers(owner),
            )
        if self._total >= settings.streams:
            raise Overloaded("The server is currently overloaded, please try again later.", retry_after=2.0)

    def _charge(self, owner: str, seconds: float) -> float:
        now = self._clock()
        if bucket := self._requests.get(owner):
            bucket.take(1.0, now)
        if bucket := self._audio.get(owner):
            bucket.take(seconds, now)
            return seconds
        return 0.0

    def _headers(self, owner: str) -> dict[str, str]:
        """Tell the limits as OpenAI does; where no rate is set, "requests" are those that may run at once."""
        settings, now = self._settings, self._clock()
        if bucket := self._requests.get(owner):
            told = _told(
                "requests", settings.requests_per_minute, bucket.level(now), bucket.wait(math.inf, now)
            )
        else:
            limit = min(settings.streams, settings.streams_per_caller or settings.streams)
            free = min(settings.streams - self._total, limit - self._running[owner])
            told = _told("requests", limit, free, 0.0)
        if bucket := self._audio.get(owner):
            most, left = (
                settings.audio_seconds_per_minute * TOKENS_PER_SECOND,
                bucket.level(now) * TOKENS_PER_SECOND,
            )
            told |= _told("tokens", most, left, bucket.wait(math.inf, now))
        return told


def _told(kind: str, limit: float, left: float, reset: float) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(round(limit)),
        f"x-ratelimit-remaining-{kind}": str(max(0, math.floor(left))),
        f"x-ratelimit-reset-{kind}": duration(reset),
    }


def duration(seconds: float) -> str:
    """Write a time as Go does, and OpenAI: `12ms`, `1.2s`, `6m0s`."""
    if seconds <= 0:
        return "0s"
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    shown = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}m{shown}s" if minutes else f"{shown}s"


def _forget_full(buckets: dict[str, Bucket], limit: float, now: float) -> None:
    """Drop what needs no remembering once there are too many callers."""
    if len(buckets) >= MOST_CALLERS:
        for owner in [name for name, bucket in buckets.items() if bucket.level(now) >= limit]:
            del buckets[owner]
