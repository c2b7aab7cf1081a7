"""What the routes work with: made once by the composition root, handed to each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
from structlog.typing import FilteringBoundLogger

from compat.openai import names
from engines.api import EngineInfo
from engines.catalogue.engines import CATALOGUE
from engines.fleet.events import Observer
from engines.fleet.runtime import EngineSet
from engines.fleet.status import EngineStatus
from gateway.config.folders import data_folder
from gateway.config.settings import Settings
from gateway.http.drain import Drain
from gateway.http.rate_limits import RateLimiter
from streaming.encode.encoders import EncoderFactory
from voices.library import Library, LibraryLocation
from voices.limits import Bounds
from voices.limits import VoiceLimits as VoiceRules
from voices.naming.compatibility import UnavailableEngine
from voices.naming.resolver import Names, Resolver, ResolverRules

NAMES = Names(names.openai_kind, names.peer_kind, names.kokoro_voice)


class Services(msgspec.Struct, frozen=True):
    """The parts that routes share."""

    settings: Settings
    engines: EngineSet
    drain: Drain
    log: FilteringBoundLogger
    rate_limiter: RateLimiter
    observer: Observer
    encoders: EncoderFactory
    """where responses are encoded"""
    codecs: anyio.CapacityLimiter
    """threads that decode, and encode where there are no coder processes: as many as there are cores"""
    library: Library
    """voices of one's own"""
    missing: Callable[[], tuple[UnavailableEngine, ...]] = tuple
    """models that this version knows and that cannot be used now"""

    def infos(self) -> dict[str, EngineInfo]:
        """Give the engines that are ready, the best first; one that the settings prefer goes before all
        others.
        """
        ready = self.engines.infos()
        preferred = {self.settings.speech.engine, self.settings.transcription.engine}
        return dict(sorted(ready.items(), key=lambda item: item[0] not in preferred))

    def absent(self) -> tuple[UnavailableEngine, ...]:
        """Give the engines that could speak a voice of one's own, were they ready or enabled."""
        ready, states = self.engines.infos(), self.engines.statuses()
        missing = [record for record in CATALOGUE if "speech" in record.kinds and record.name not in ready]
        models = tuple(one for one in self.missing() if one.name not in ready)
        engines = tuple(
            UnavailableEngine(record.name, _why_absent(record.name, states), record.clones, record.designs)
            for record in missing
            if record.name in states or record.clones or record.default
        )
        return engines + models

    def resolver(self, own: tuple[str, ...] = ()) -> Resolver:
        """Make the resolver of names over the engines that are ready now; `own` are names of voices of one's
        own.
        """
        compat = self.settings.compat
        rules = ResolverRules(
            default_voice=self.settings.speech.voice,
            model_aliases=compat.model_aliases,
            voice_aliases=compat.voice_aliases,
            map_unknown=compat.unknown == "default",
        )
        return Resolver(self.infos(), NAMES, rules, self.absent(), own)

    def voices(self) -> VoiceRules:
        """Give the rules by which voices are made."""
        settings = self.settings.voices
        bounds = Bounds(settings.shortest_sample, settings.longest_sample, settings.samples)
        return VoiceRules(bounds, settings.require_consent, settings.voices_per_caller)


def codec_threads() -> anyio.CapacityLimiter:
    """Make the limit on codec threads: more than there are cores would only trade places."""
    return anyio.CapacityLimiter(max(2, os.cpu_count() or 2))


def open_library(settings: Settings, codecs: anyio.CapacityLimiter) -> Library:
    """Make the library that the settings mean; it opens when it is needed."""
    return Library(
        LibraryLocation(library_folder(settings), settings.voices.database, settings.voices.audio), codecs
    )


def library_folder(settings: Settings) -> Path:
    """Give the folder for voices, unless the settings name other places."""
    return Path(settings.data_dir).expanduser() if settings.data_dir else data_folder()


def _why_absent(name: str, states: dict[str, EngineStatus]) -> str:
    if name not in states:
        return f"not enabled: engines.{name}.enabled is false"
    failed = next((worker.reason for worker in states[name].workers if worker.reason), "")
    return f"it does not run: {failed}" if failed else "it is starting"
