"""The parts that routes work with: made once by the composition root, handed to each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import msgspec
from structlog.typing import FilteringBoundLogger

from engines.fleet.events import Observer
from engines.fleet.runtime import EngineSet
from engines.memory.cores import usable_cores
from gateway.config.paths import data_folder
from gateway.config.settings import Settings
from gateway.services.engine_snapshot import EngineSnapshot, Snapshots
from gateway.services.first_start import FirstStart
from gateway.services.permits import RateLimiter
from streaming.audio.decoding_threads import DecodingThreads
from streaming.encode.encoders import EncoderFactory
from voices.library import Library, LibraryLocation
from voices.limits import Bounds, VoiceLimits
from voices.naming.compatibility import UnavailableEngine


async def _nothing_new() -> None:
    """Find no further models."""


class Services(msgspec.Struct, frozen=True):
    """The parts that requests share."""

    settings: Settings
    engines: EngineSet
    log: FilteringBoundLogger
    rate_limiter: RateLimiter
    observer: Observer
    encoders: EncoderFactory
    """where responses are encoded"""
    decoding: DecodingThreads
    """where recordings are decoded"""
    library: Library
    """custom voices"""
    missing_models: Callable[[], tuple[UnavailableEngine, ...]] = tuple
    """returns the models that this version knows and that cannot be used now"""

    look_for_models: Callable[[], Awaitable[None]] = _nothing_new
    """looks for models that have come a moment ago, and returns when those are known"""
    first_start: FirstStart | None = None
    """what requests wait for that come while the engines start; None where they have started"""
    snapshots: Snapshots = msgspec.field(default_factory=Snapshots)

    def engine_snapshot(self) -> EngineSnapshot:
        """Return the engines as they are now; a request takes one and decides everything by it."""
        return self.snapshots.take(self.engines, self.settings, self.missing_models())

    def voice_limits(self) -> VoiceLimits:
        """Return the limits that the settings set on custom voices."""
        settings = self.settings.voices
        bounds = Bounds(settings.shortest_sample, settings.longest_sample, settings.samples)
        return VoiceLimits(bounds, settings.require_consent, settings.voices_per_caller)


def codec_threads() -> anyio.CapacityLimiter:
    """Return the limit on threads that decode, and encode where there are no encoder processes: more than
    there are cores would only switch between them.
    """
    return anyio.CapacityLimiter(max(2, usable_cores()))


def open_library(settings: Settings) -> Library:
    """Return the library that the settings name; it opens when it is needed."""
    return Library(LibraryLocation(data_folder(settings), settings.voices.database, settings.voices.audio))
