"""What the routes work with: made once by the composition root, handed to each."""

from __future__ import annotations

import os

import anyio
import msgspec
from structlog.typing import FilteringBoundLogger

from compat.openai import names
from engines.api import EngineInfo
from engines.observer import Observer
from engines.runtime import EngineSet
from gateway.admission import Entrance
from gateway.drain import Drain
from gateway.settings import Settings
from streaming.coders import Coders
from voices.resolve import Names, Resolver, Rules

NAMES = Names(names.openai_use, names.peer_use, names.kokoro_voice)


class Services(msgspec.Struct, frozen=True):
    """The parts that routes share."""

    settings: Settings
    engines: EngineSet
    drain: Drain
    log: FilteringBoundLogger
    entrance: Entrance
    observer: Observer
    coders: Coders
    """where responses are encoded"""
    codecs: anyio.CapacityLimiter
    """threads that decode, and encode where there are no coder processes: as many as there are cores"""

    def infos(self) -> dict[str, EngineInfo]:
        """Give the engines that are ready, the best first; one that the settings prefer goes before all others."""
        ready = self.engines.infos()
        preferred = {self.settings.speech.engine, self.settings.transcription.engine}
        return dict(sorted(ready.items(), key=lambda item: item[0] not in preferred))

    def resolver(self) -> Resolver:
        """Make the resolver of names over the engines that are ready now."""
        compat = self.settings.compat
        rules = Rules(
            default_voice=self.settings.speech.voice,
            model_aliases=compat.model_aliases,
            voice_aliases=compat.voice_aliases,
            map_unknown=compat.unknown == "default",
        )
        return Resolver(self.infos(), NAMES, rules)


def codec_threads() -> anyio.CapacityLimiter:
    """Make the limit on codec threads: more than there are cores would only trade places."""
    return anyio.CapacityLimiter(max(2, os.cpu_count() or 2))
