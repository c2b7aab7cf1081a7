"""The registry of models: which are complete, what keeps one from running, and how those that run are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from engines.api import SeedWorth, SpeechCapabilities
from engines.catalogue.hardware import GpuBuild, slow_reason
from engines.catalogue.models import all_models
from engines.catalogue.records import ModelRecord
from engines.environments import layout
from engines.errors import EngineUnavailable, NotFound
from engines.fleet.model_engines import ModelEngine, ModelEngines, no_log
from engines.fleet.model_facts import LEARNED_FOLDER
from engines.fleet.runtime import EngineSet
from engines.fleet.status import EngineStatus
from engines.fleet.worker_launch import Log
from engines.hub.errors import PullCancelled
from engines.hub.layout import default_cache_folder
from engines.hub.snapshots import FoundModel, snapshot_files, snapshot_identity
from engines.hub.store import ModelFiles, StoredModel
from engines.memory.governor import Governor
from engines.settings import ModelSettings
from gateway.config.paths import data_folder
from gateway.config.settings import ModelsSettings, Settings
from gateway.models.file_threads import FileThreads
from gateway.models.pulls import PullStatus
from voices.naming.compatibility import UnavailableEngine
from voices.naming.matching import did_you_mean

SCANS_AT_ONCE = 4
CHECKS_AT_ONCE = 2
"""models that are read at once to be compared with their hashes"""


class RunnableModel(msgspec.Struct, frozen=True):
    """A model that can be run: where its files are, their bytes, and the interpreter that runs it."""

    record: ModelRecord
    found: FoundModel
    identity: str
    """which becomes another when the files do"""
    size: int
    python: str
    packages: str
    """which becomes another when what is installed there does"""

    @property
    def was_pulled(self) -> bool:
        """Whether it was pulled, or put into a folder, and did not come with an installed package."""
        return self.found.source != "installed"

    @property
    def location(self) -> tuple[FoundModel, str, str]:
        """The files, the engine, and its interpreter with its packages, which must not change meanwhile."""
        return self.found, f"{self.record.engine.name} {self.identity}", f"{self.python} {self.packages}"


class ModelState(msgspec.Struct, frozen=True):
    """The state of a model on this machine."""

    record: ModelRecord
    stored: StoredModel
    state: str
    """absent, pulling, incomplete, unusable, disabled, resting, starting, ready or failed"""
    reason: str = ""
    runs_here: bool = True
    """whether nothing keeps this machine from running it, once its files are here"""
    loading: float = 0.0
    """seconds since loading it began, while it is starting"""
    usual: float = 0.0
    """seconds that loading it took the last time"""
    seed: SeedWorth | None = None
    """what a seed is worth where it runs; None where that is not known, or it does not speak"""
    speech: SpeechCapabilities | None = None
    """what it can do, as it said when it ran; None where that is not known, or it does not speak"""


class ModelRegistry:
    """The models of the catalogue and the settings, as they are on this machine.

    `engines` are those that run, in whichever process.
    """

    def __init__(self, settings: ModelsSettings, engines: EngineSet, model_engines: ModelEngines) -> None:
        self._settings = settings
        self.records = all_models(settings.own)
        """those of the settings as their files were at the last scan"""
        self._engines = engines
        self._runnable: dict[str, ModelRecord] = {}
        self.model_engines = model_engines
        self._unavailable: tuple[UnavailableEngine, ...] = ()
        self.threads = FileThreads("models", SCANS_AT_ONCE)
        """for what reads and deletes files"""
        self._verify_threads = FileThreads("verify", CHECKS_AT_ONCE)
        self._checks: set[threading.Event] = set()
        """what cancels the checks under way"""

    @cached_property
    def files(self) -> ModelFiles:
        """The model files; made in a thread, since that reads the disk."""
        folder = Path(self._settings.folder).expanduser() if self._settings.folder else None
        return ModelFiles(
            folder,
            offline=self._settings.offline or None,
            sources=self._settings.sources,
            package_index=self._settings.package_index,
        )

    def unavailable(self) -> tuple[UnavailableEngine, ...]:
        """Return every model that cannot be used, with what would change that, as of the last scan."""
        infos = self._engines.infos()
        without_info = [record for name, record in self._runnable.items() if name not in infos]
        if not without_info:
            return self._unavailable
        states = self._engines.statuses()
        return self._unavailable + tuple(
            _unavailable(record, _why_no_info(states.get(record.name)), here=True) for record in without_info
        )

    def record(self, name: str) -> ModelRecord:
        """Return the record of a model. Raises NotFound."""
        for record in self.records:
            if record.name == name:
                return record
        near = did_you_mean(name, [record.name for record in self.records])
        raise NotFound(f"There is no model `{name[:100]}`.{near} GET /v1/voicebox/models lists them.")

    async def states(self, pulls: Mapping[str, PullStatus]) -> list[ModelState]:
        """Return the state of every model; `pulls` are those under way or ended, by model."""
        records = self.records
        stored = await self.threads.run(lambda: self.files.listing(records))
        reasons = await self.threads.run(lambda: self.model_engines.obstacles(records))
        builds = await self.threads.run(lambda: [self.model_engines.gpu_build(record) for record in records])
        states = [
            self._state(record, one, reasons[record.name], build, pulls.get(record.name))
            for record, one, build in zip(records, stored, builds, strict=True)
        ]
        return [await self._with_usual_seconds(state) if state.loading else state for state in states]

    async def verify(self, record: ModelRecord) -> None:
        """Compare a model's files with their hashes, until this is cancelled.

        Raises what is wrong with them, and EngineUnavailable when it was broken off.
        """
        cancel = threading.Event()
        self._checks.add(cancel)
        try:
            await self._verify_threads.run(lambda: self.files.verify(record, cancel), cancel)
        except PullCancelled as exc:
            raise EngineUnavailable("The server is going away: not all files were read.") from exc
        finally:
            self._checks.discard(cancel)

    def break_off(self) -> None:
        """Break off all checks: the server is going away."""
        for cancel in self._checks:
            cancel.set()

    async def _with_usual_seconds(self, state: ModelState) -> ModelState:
        usual = await self.threads.run(lambda: self.model_engines.load_seconds(state.record.name))
        return msgspec.structs.replace(state, usual=usual)

    def _state(
        self,
        record: ModelRecord,
        stored: StoredModel,
        reason: str,
        build: GpuBuild | None,
        pull: PullStatus | None,
    ) -> ModelState:
        if pull and not pull.ended:
            return ModelState(record, stored, "pulling")
        if reason:
            state = "unusable" if stored.complete else "absent"
            return ModelState(record, stored, state, reason, runs_here=False)
        if not stored.complete:
            return ModelState(
                record, stored, "incomplete" if stored.size else "absent", pull.error if pull else ""
            )
        if not self.is_enabled(record.name):
            return ModelState(record, stored, "disabled", disabled_reason(record.name))
        status = self._engines.statuses().get(record.name)
        worker = status.workers[0] if status and status.workers else None
        if status is None or worker is None:
            return ModelState(record, stored, "resting")
        info = None if status.presumed else self._engines.infos().get(record.name)
        return ModelState(
            record,
            stored,
            worker.state,
            worker.reason or self._slow_reason(record, build),
            loading=worker.starting,
            seed=info.seed_worth if info and info.speech else None,
            speech=info.speech if info else None,
        )

    def _slow_reason(self, record: ModelRecord, build: GpuBuild | None) -> str:
        """Return why a model runs on the processor, where a GPU is there for it; else nothing."""
        info = self._engines.infos().get(record.name)
        options = self._settings.each.get(record.name, ModelSettings()).options
        device = str(options.get("device", "auto"))
        return slow_reason(record, info.device, device, build=build) if info else ""

    # Those that can run...

    def scan_runnable(self) -> dict[str, RunnableModel]:
        """Return the models that are complete and can run here, by name; `unavailable` returns the others
        then.
        """
        self.records = self.files.fitted(self.records)
        reasons = self.model_engines.obstacles(self.records)
        usable = [
            record for record in self.records if self.is_enabled(record.name) and not reasons[record.name]
        ]
        found = {
            record.name: RunnableModel(
                record,
                location,
                snapshot_identity(record, location),
                one.size,
                self.model_engines.python(record),
                self.model_engines.packages(record),
            )
            for record, one in zip(usable, self.files.listing(usable), strict=True)
            # None: deleted between two readings of the disk
            if one.complete and (location := self.files.find(record))
        }
        self._runnable = {name: model.record for name, model in found.items()}
        listed = self.files.listing(self.records)
        self._unavailable = tuple(
            self._unavailable_model(record, reasons, here=stored.complete)
            for record, stored in zip(self.records, listed, strict=True)
            if record.name not in found
        )
        return found

    def make_engine(
        self, model: RunnableModel, on_replaced: Callable[[], None], on_used: Callable[[], None]
    ) -> ModelEngine:
        """Return an engine of a model that can be run.

        `on_replaced` is called when its files turn out to be others, `on_used` when a request has come for
        it.
        """
        record, found = model.record, model.found
        settings = self._settings.each.get(record.name, ModelSettings())
        identity = model.identity if found.source == "folder" else ""
        engine = self.model_engines.make(record, found.folders, model.size, settings, identity)
        on_demand = msgspec.structs.replace(
            engine.on_demand,
            hold=lambda: self.files.claims.hold(record.name, snapshot_files(record, found)),
            is_current=lambda: snapshot_identity(record, found) == model.identity,
            on_replaced=on_replaced,
            on_used=on_used,
        )
        return msgspec.structs.replace(engine, on_demand=on_demand)

    def _unavailable_model(
        self, record: ModelRecord, reasons: Mapping[str, str], *, here: bool
    ) -> UnavailableEngine:
        reason = reasons[record.name]
        if reasons.get(record.substitute) == "":
            reason = ""  # a pull brings that one, which can run
        if not self.is_enabled(record.name):
            reason = reason or disabled_reason(record.name)
        return _unavailable(record, reason or f"voicebox models pull {record.name}", here=here)

    def is_enabled(self, name: str) -> bool:
        """Return whether the settings allow a model."""
        return name not in self._settings.each or self._settings.each[name].enabled


def _unavailable(record: ModelRecord, reason: str, *, here: bool) -> UnavailableEngine:
    speaks = "speech" in record.kinds
    return UnavailableEngine(
        record.name, reason, record.cloning, record.designs, speaks, here, record.size_bytes
    )


def disabled_reason(name: str) -> str:
    """Return the reason of a model that the settings disable."""
    return f"models.each.{name}.enabled is false"


def _why_no_info(status: EngineStatus | None) -> str:
    """Return why the capabilities of a model that is complete are not known yet."""
    worker = status.workers[0] if status and status.workers else None
    if worker and worker.starting:
        return f"it is being loaded for the first time, for {worker.starting:.0f} s now"
    return (
        f"it could not be loaded: {worker.reason}"
        if worker and worker.reason
        else "it is about to be loaded for the first time"
    )


def make_registry(settings: Settings, engines: EngineSet, log: Log = no_log) -> ModelRegistry:
    """Return the registry of the models that the settings name."""
    chosen = settings.models
    folder = data_folder(settings)
    governor, environments = Governor(chosen.memory), folder / layout.ENVIRONMENTS_FOLDER
    model_engines = ModelEngines(
        folder / LEARNED_FOLDER,
        governor,
        chosen.rest_after,
        environments,
        load_timeout=chosen.load_timeout,
        cache_folder=Path(chosen.folder).expanduser() if chosen.folder else default_cache_folder(),
        log=log,
    )
    return ModelRegistry(chosen, engines, model_engines)
