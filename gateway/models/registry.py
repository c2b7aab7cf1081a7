"""Models as they stand here: which files there are, what keeps a model from running, and how those that run
are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from engines.catalogue.hardware import slow_reason
from engines.catalogue.models import known
from engines.catalogue.records import ModelRecord
from engines.environments import layout
from engines.errors import NotFound
from engines.fleet.model_engines import ModelEngine, ModelEngines
from engines.fleet.runtime import EngineSet
from engines.fleet.status import EngineStatus
from engines.hub.store import ModelFiles, Stored
from engines.memory.governor import Governor
from engines.settings import ModelSettings
from gateway.config.folders import data_folder
from gateway.config.settings import ModelsSettings, Settings
from gateway.models.pulls import PullStatus
from voices.naming.compatibility import UnavailableEngine


class Found(msgspec.Struct, frozen=True):
    """A model that can be run: where its files are, their bytes, and the interpreter that runs it."""

    record: ModelRecord
    paths: tuple[Path, ...]
    size: int
    python: str

    @property
    def place(self) -> tuple[tuple[Path, ...], str]:
        """Give what must not change while it runs."""
        return self.paths, self.python


class ModelState(msgspec.Struct, frozen=True):
    """A model as it stands here."""

    record: ModelRecord
    stored: Stored
    state: str
    """absent, pulling, incomplete, unusable, disabled, resting, starting, ready or failed"""
    reason: str = ""
    loading: float = 0.0
    """seconds since its loading began, while it is starting"""
    usual: float = 0.0
    """seconds that loading it took the last time"""


class ModelRegistry:
    """See the module. `seen` are the engines, whichever process runs them."""

    def __init__(self, settings: ModelsSettings, seen: EngineSet, instances: ModelEngines) -> None:
        self._settings = settings
        self.records = known(settings.own)
        self._seen = seen
        self._here: dict[str, ModelRecord] = {}
        self.instances = instances
        self._missing: tuple[UnavailableEngine, ...] = ()

    @cached_property
    def files(self) -> ModelFiles:
        """The model files; made in a thread, since it looks at the disk."""
        folder = Path(self._settings.folder).expanduser() if self._settings.folder else None
        return ModelFiles(folder, offline=self._settings.offline or None)

    def missing(self) -> tuple[UnavailableEngine, ...]:
        """Give every model that cannot be used, with what would change that, as of the last look."""
        known = self._seen.infos()
        silent = [record for name, record in self._here.items() if name not in known]
        if not silent:
            return self._missing
        states = self._seen.statuses()
        return self._missing + tuple(
            _absent(one, _why_silent(states.get(one.name)), here=True) for one in silent
        )

    def record(self, name: str) -> ModelRecord:
        """Find a model. Raises NotFound."""
        for record in self.records:
            if record.name == name:
                return record
        raise NotFound(f"There is no model `{name[:100]}`; GET /v1/voicebox/models lists them.")

    async def states(self, pulls: Mapping[str, PullStatus]) -> list[ModelState]:
        """Tell how every model stands; `pulls` are those under way or ended, by model."""
        records = self.records
        found = await asyncio.to_thread(self.files.listing, records)
        reasons = await asyncio.to_thread(lambda: [self.instances.obstacle(record) for record in records])
        states = [
            self._state(record, one, reason, pulls.get(record.name))
            for record, one, reason in zip(records, found, reasons, strict=True)
        ]
        return [await self._with_usual(state) if state.loading else state for state in states]

    async def _with_usual(self, state: ModelState) -> ModelState:
        usual = await asyncio.to_thread(self.instances.loading_takes, state.record.name)
        return msgspec.structs.replace(state, usual=usual)

    def _state(self, record: ModelRecord, stored: Stored, reason: str, pull: PullStatus | None) -> ModelState:
        if pull and not pull.ended:
            return ModelState(record, stored, "pulling")
        if reason:
            return ModelState(record, stored, "unusable" if stored.complete else "absent", reason)
        if not stored.complete:
            return ModelState(
                record, stored, "incomplete" if stored.size else "absent", pull.error if pull else ""
            )
        if not self.wanted(record.name):
            return ModelState(record, stored, "disabled", disabled(record.name))
        pool = self._seen.statuses().get(record.name)
        worker = pool.workers[0] if pool and pool.workers else None
        if worker is None:
            return ModelState(record, stored, "resting")
        return ModelState(record, stored, worker.state, worker.reason or self._slow(record), worker.starting)

    def _slow(self, record: ModelRecord) -> str:
        """Say why a model runs on the processor, where a GPU is there for it."""
        info = self._seen.infos().get(record.name)
        chosen = self._settings.each.get(record.name, ModelSettings()).options
        return slow_reason(record, info.device, str(chosen.get("device", "auto"))) if info else ""

    # Those that can run...

    def found(self) -> dict[str, Found]:
        """Look which models are complete, and can run here."""
        reasons = {record.name: self.instances.obstacle(record) for record in self.records}
        usable = [record for record in self.records if self.wanted(record.name) and not reasons[record.name]]
        found = {
            record.name: Found(record, self.files.locate_all(record), one.size, self.instances.python(record))
            for record, one in zip(usable, self.files.listing(usable), strict=True)
            if one.complete
        }
        found = {
            name: one for name, one in found.items() if one.paths
        }  # deleted between two looks at the disk
        self._here = {name: one.record for name, one in found.items()}
        here = self.files.listing(self.records)
        self._missing = tuple(
            self._absent(record, reasons[record.name], here=stored.complete)
            for record, stored in zip(self.records, here, strict=True)
            if record.name not in found
        )
        return found

    def make(self, found: Found) -> ModelEngine:
        """Make an engine of a model that was found."""
        settings = self._settings.each.get(found.record.name, ModelSettings())
        return self.instances.make(found.record, found.paths, found.size, settings)

    def _absent(self, record: ModelRecord, reason: str, *, here: bool) -> UnavailableEngine:
        if not self.wanted(record.name):
            reason = reason or disabled(record.name)
        return _absent(record, reason or f"voicebox models pull {record.name}", here=here)

    def wanted(self, name: str) -> bool:
        """Tell whether a model is to be used."""
        return name not in self._settings.each or self._settings.each[name].enabled


def _absent(record: ModelRecord, reason: str, *, here: bool) -> UnavailableEngine:
    return UnavailableEngine(
        record.name, reason, record.cloning, record.engine.designs, "speech" in record.kinds, here
    )


def disabled(name: str) -> str:
    """Say why a model is not to be used."""
    return f"models.each.{name}.enabled is false"


def _why_silent(state: EngineStatus | None) -> str:
    """Say why a model that is here has never said what it is."""
    worker = state.workers[0] if state and state.workers else None
    if worker and worker.starting:
        return f"it is being loaded for the first time, for {worker.starting:.0f} s now"
    return (
        f"it could not be loaded: {worker.reason}"
        if worker and worker.reason
        else "it is about to be loaded for the first time"
    )


def make_registry(settings: Settings, seen: EngineSet) -> ModelRegistry:
    """Make what the settings say."""
    chosen = settings.models
    folder = Path(settings.data_dir).expanduser() if settings.data_dir else data_folder()
    governor, environments = Governor(chosen.memory), folder / layout.FOLDER
    instances = ModelEngines(
        folder / "models", governor, chosen.rest_after, environments, load_timeout=chosen.load_timeout
    )
    return ModelRegistry(chosen, seen, instances)
