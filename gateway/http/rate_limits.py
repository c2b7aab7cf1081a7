"""Rate limits: on what runs at once, and on what a caller may have in a minute.

Over a limit of the caller's own the answer is 429, over one of the server's 503, both with the time to come
back. Rates are token buckets (a minute's worth at once, then as it refills): a request is charged what it is
expected to come to, and settled by what it came to. Nothing waits here: that is the engines' queue.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable

from compat.errors import RateKind, RateLimited
from engines.errors import Overloaded
from gateway.config.settings import AdmissionSettings
from gateway.services.permits import Permit

MINUTE = 60.0
TOKENS_PER_SECOND = 20
"""of audio, as in the usage that responses report"""
MOST_CALLERS = 10_000
"""callers whose buckets are kept; full ones are forgotten first"""


class Bucket:
    """A token bucket: what one caller may still have of `limit` a minute."""

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._level = limit
        self._updated = now

    def level(self, now: float) -> float:
        """Return what is left."""
        self._level = min(self._limit, self._level + (now - self._updated) * self._limit / MINUTE)
        self._updated = now
        return self._level

    def charge(self, amount: float, now: float) -> None:
        """Take some out; a negative amount goes back in."""
        self._level = min(self._limit, self.level(now) - amount)

    def wait(self, amount: float, now: float) -> float:
        """Return in how many seconds so much is there; what is more than a minute's worth waits for all of
        that.
        """
        return max(0.0, (min(amount, self._limit) - self.level(now)) * MINUTE / self._limit)


class LocalRateLimiter:
    """The limits of all callers, kept in this process."""

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._total = 0
        self._requests: dict[str, Bucket] = {}
        self._audio: dict[str, Bucket] = {}

    async def acquire(self, caller: str, model: str, seconds: float) -> Permit:
        """Return a permit for about so many seconds of audio. Raises RateLimited or Overloaded."""
        self._check_rate(self._requests, caller, model, 1.0, self._settings.requests_per_minute, "requests")
        self._check_rate(
            self._audio, caller, model, seconds, self._settings.audio_seconds_per_minute, "tokens"
        )
        self._check_running(caller, model)
        self._running[caller] += 1
        self._total += 1
        charged = self._charge(caller, seconds)
        return Permit(caller, charged, self._headers(caller))

    def release(self, permit: Permit, seconds: float) -> None:
        """Take a permit back from a request that came to so many seconds of audio."""
        self._total -= 1
        self._running[permit.caller] -= 1
        if not self._running[permit.caller]:
            del self._running[permit.caller]
        if bucket := self._audio.get(permit.caller):
            bucket.charge(seconds - permit.charged, self._clock())

    def _check_rate(
        self, buckets: dict[str, Bucket], caller: str, model: str, amount: float, limit: float, kind: RateKind
    ) -> None:
        if not limit:
            return
        now = self._clock()
        bucket = buckets.get(caller)
        if bucket is None:
            _drop_full(buckets, limit, now)
            bucket = buckets[caller] = Bucket(limit, now)
        if wait := bucket.wait(amount, now):
            unit, scale = (
                ("requests per min (RPM)", 1)
                if kind == "requests"
                else ("tokens per min (TPM)", TOKENS_PER_SECOND)
            )
            used = math.ceil((limit - bucket.level(now)) * scale)
            raise RateLimited(
                f"Rate limit reached for {model} on {unit}: Limit {round(limit * scale)}, Used {used}, "
                f"Requested {math.ceil(amount * scale)}. Please try again in {math.ceil(wait)}s.",
                kind=kind,
                retry_after=wait,
                headers=self._headers(caller),
            )

    def _check_running(self, caller: str, model: str) -> None:
        settings = self._settings
        if settings.streams_per_caller and self._running[caller] >= settings.streams_per_caller:
            raise RateLimited(
                f"Rate limit reached for {model} on concurrent requests: "
                f"Limit {settings.streams_per_caller}. Try again in 1s.",
                kind="requests",
                retry_after=1.0,
                headers=self._headers(caller),
            )
        if self._total >= settings.streams:
            raise Overloaded("The server is currently overloaded, please try again later.", retry_after=2.0)

    def _charge(self, caller: str, seconds: float) -> float:
        now = self._clock()
        if bucket := self._requests.get(caller):
            bucket.charge(1.0, now)
        if bucket := self._audio.get(caller):
            bucket.charge(seconds, now)
            return seconds
        return 0.0

    def _headers(self, caller: str) -> dict[str, str]:
        """Return the limits in OpenAI's headers; where no rate is set, "requests" are those that may run at
        once.
        """
        settings = self._settings
        now = self._clock()
        if bucket := self._requests.get(caller):
            headers = _limit_headers(
                "requests", settings.requests_per_minute, bucket.level(now), bucket.wait(math.inf, now)
            )
        else:
            limit = min(settings.streams, settings.streams_per_caller or settings.streams)
            free = min(settings.streams - self._total, limit - self._running[caller])
            headers = _limit_headers("requests", limit, free, 0.0)
        if bucket := self._audio.get(caller):
            most = settings.audio_seconds_per_minute * TOKENS_PER_SECOND
            left = bucket.level(now) * TOKENS_PER_SECOND
            headers |= _limit_headers("tokens", most, left, bucket.wait(math.inf, now))
        return headers


def _limit_headers(kind: str, limit: float, left: float, reset: float) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(round(limit)),
        f"x-ratelimit-remaining-{kind}": str(max(0, math.floor(left))),
        f"x-ratelimit-reset-{kind}": go_duration(reset),
    }


def go_duration(seconds: float) -> str:
    """Return a time as Go writes it, and OpenAI: `12ms`, `1.2s`, `6m0s`."""
    if seconds <= 0:
        return "0s"
    if seconds < 1:
        return f"{max(1, round(1000 * seconds))}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    digits = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}m{digits}s" if minutes else f"{digits}s"


def _drop_full(buckets: dict[str, Bucket], limit: float, now: float) -> None:
    """Drop the buckets of callers who have used nothing lately, once there are too many callers."""
    if len(buckets) >= MOST_CALLERS:
        for caller in [name for name, bucket in buckets.items() if bucket.level(now) >= limit]:
            del buckets[caller]
