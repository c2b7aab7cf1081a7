"""The engines as they were at one moment: a request decides everything by the same ones."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from compat.errors import without_internals
from compat.openai import names, peer_voices
from engines.api import EngineInfo
from engines.catalogue.engines import CATALOGUE
from engines.fleet.runtime import EngineSet
from engines.fleet.status import EngineStatus
from gateway.config.settings import Settings
from voices.naming.compatibility import AvailableEngines, UnavailableEngine
from voices.naming.resolver import Names, Resolver, ResolverRules

NAMES = Names(
    names.openai_kind, names.peer_kind, peer_voices.peer_voice, names.other_names, peer_voices.plain_voice
)


class EngineSnapshot:
    """The engines that are ready, those that are not, and what names mean among them."""

    def __init__(
        self,
        infos: dict[str, EngineInfo],
        unavailable: tuple[UnavailableEngine, ...],
        rules: ResolverRules,
        usual: tuple[str, ...] = (),
        presumed: frozenset[str] = frozenset(),
    ) -> None:
        self.presumed = presumed
        """engines that have never run: what is known of them is from their records and files"""
        self.infos = infos
        """engines that are ready, the best first; one that the settings prefer is before all others"""
        self.available = AvailableEngines(infos, unavailable)
        """the same with those that could speak a custom voice, were they ready or enabled"""
        self.resolver = Resolver(infos, NAMES, rules, unavailable, usual=usual)
        self._unavailable = unavailable
        self._rules = rules
        self._usual = usual
        """the names of the engines, the best first, were none given up for now; empty where none is"""

    def resolver_with(self, custom_voices: tuple[str, ...]) -> Resolver:
        """Return a resolver whose near misses include these names of custom voices."""
        return Resolver(self.infos, NAMES, self._rules, self._unavailable, custom_voices, usual=self._usual)


class EngineState(NamedTuple):
    """What of an engine's status a request is decided by."""

    is_on_demand: bool
    usable: bool
    presumed: bool
    reason: str
    """why the first of its workers that does not run does not; empty where none says"""


class EngineSituation(NamedTuple):
    """All that a snapshot is made of; `missing_models` are known to this version and cannot be used."""

    ready: dict[str, EngineInfo]
    states: dict[str, EngineState]
    missing_models: tuple[UnavailableEngine, ...]


class Snapshots:
    """Takes snapshots, a new one only where something is otherwise than at the last: every request asks."""

    def __init__(self) -> None:
        self._last: tuple[EngineSituation, Settings, EngineSnapshot] | None = None

    def take(
        self, engines: EngineSet, settings: Settings, missing_models: tuple[UnavailableEngine, ...]
    ) -> EngineSnapshot:
        """Return the engines as they are now."""
        states = {name: _state(status) for name, status in engines.statuses().items()}
        found = EngineSituation(engines.infos(), states, missing_models)
        if (
            self._last
            and self._last[0] == found
            and self._last[1] is settings
            and _same_order(self._last[0], found)
        ):
            return self._last[2]
        snapshot = _snapshot(found, settings)
        self._last = found, settings, snapshot
        return snapshot


def _same_order(before: EngineSituation, now: EngineSituation) -> bool:
    """Return whether engines are in the same order, the best first, which dictionaries do not compare."""
    return list(before.ready) == list(now.ready) and list(before.states) == list(now.states)


def _state(status: EngineStatus) -> EngineState:
    reason = next((worker.reason for worker in status.workers if worker.reason), "")
    return EngineState(status.on_demand, status.usable, status.presumed, reason)


def _snapshot(found: EngineSituation, settings: Settings) -> EngineSnapshot:
    preferred = {settings.speech.engine, settings.transcription.engine}
    infos = dict(sorted(found.ready.items(), key=lambda item: item[0] not in preferred))
    states = found.states
    absent = (
        *_unavailable_engines(infos, states),
        *(model for model in found.missing_models if model.name not in infos),
    )
    unavailable = tuple(map(_public, absent))
    rules = ResolverRules(
        default_voice=settings.speech.voice,
        model_aliases=settings.compat.model_aliases,
        voice_aliases=settings.compat.voice_aliases,
        map_unknown=settings.compat.unknown == "default",
        map_peers=settings.compat.peer_names == "map",
    )
    given_up = any(one.is_on_demand and not one.usable for name, one in states.items() if name in infos)
    usual = sorted(states, key=lambda name: name not in preferred) if given_up else ()
    presumed = frozenset(name for name, one in states.items() if one.presumed)
    return EngineSnapshot(infos, unavailable, rules, tuple(usual), presumed)


def _public(engine: UnavailableEngine) -> UnavailableEngine:
    """Return an engine with a reason for callers: that of a worker may hold what its library said."""
    reason = _public_reason(engine.reason)
    return engine if reason == engine.reason else replace(engine, reason=reason)


_public_reason = lru_cache(maxsize=512)(without_internals)  # there are few, and every request asks for all


def _unavailable_engines(
    infos: dict[str, EngineInfo], states: dict[str, EngineState]
) -> list[UnavailableEngine]:
    """Return the engines of the catalogue that would speak, but are not ready."""
    return [
        UnavailableEngine(record.name, _reason(record.name, states), record.clones, record.designs)
        for record in CATALOGUE
        if "speech" in record.kinds and record.name not in infos
        if record.name in states or (not record.is_fake and (record.clones or record.is_enabled({})))
    ]


def _reason(name: str, states: dict[str, EngineState]) -> str:
    if name not in states:
        return f"not enabled: engines.{name}.enabled is false"
    failed = states[name].reason
    return f"it does not run: {failed}" if failed else "it is starting"
