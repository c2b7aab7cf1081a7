"""Models in a running server: which are here, what is being pulled, and which of them run.

Those that are complete and can run on this machine become engines by themselves, within seconds of their pull, by whomever.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path

import msgspec
from structlog.typing import FilteringBoundLogger

from engines.api import BadInput, EngineUnavailable, NotFound, SpeechError
from engines.environments import layout
from engines.governor import Governor
from engines.models.files import ModelFiles, Stored
from engines.models.instances import Instance, Instances
from engines.models.known import known
from engines.models.machine import slow_reason
from engines.models.progress import Progress
from engines.models.records import ModelRecord
from engines.runtime import Engines, EngineSet
from engines.settings import ModelSettings
from engines.standing import PoolState
from gateway.folders import data_folder
from gateway.settings import ModelsSettings, Settings
from voices.fitting import Absent

SCAN_SECONDS = 5.0
KEPT_PULLS = 50


class Pull:
    """A pull under way, or one that has ended."""

    def __init__(self, name: str) -> None:
        self.cancel = threading.Event()
        self.progress = Progress(name)
        self.error: SpeechError | None = None
        self.ended = False
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


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


class Models:
    """See the module. `engines` is None in a process that serves HTTP for another, which runs them; `seen` are those it sees."""

    def __init__(
        self,
        settings: ModelsSettings,
        engines: Engines | None,
        seen: EngineSet,
        instances: Instances,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._records = known(settings.own)
        self._engines = engines
        self._seen = seen
        self._here: dict[str, ModelRecord] = {}
        self._instances = instances
        self._log = log
        self._running: dict[str, tuple[tuple[Path, ...], str]] = {}
        self._pulls: dict[str, Pull] = {}
        self._scanning = asyncio.Lock()
        self._missing: tuple[Absent, ...] = ()

    @cached_property
    def files(self) -> ModelFiles:
        """The model files; made in a thread, since it looks at the disk."""
        folder = Path(self._settings.folder).expanduser() if self._settings.folder else None
        return ModelFiles(folder, offline=self._settings.offline or None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep engines as the files are; stop pulls at the end."""
        scanner = asyncio.create_task(self._scan_for_ever())
        try:
            yield
        finally:
            for pull in self._pulls.values():
                pull.cancel.set()
            scanner.cancel()
            pulls = [pull.task for pull in self._pulls.values() if pull.task]
            await asyncio.gather(scanner, *pulls, return_exceptions=True)

    def missing(self) -> tuple[Absent, ...]:
        """Give every model that cannot be used, with what would change that, as of the last look."""
        known = self._seen.infos()
        silent = [record for name, record in self._here.items() if name not in known]
        if not silent:
            return self._missing
        states = self._seen.states()
        return self._missing + tuple(_absent(one, _why_silent(states.get(one.name)), here=True) for one in silent)

    def record(self, name: str) -> ModelRecord:
        """Find a model. Raises NotFound."""
        for record in self._records:
            if record.name == name:
                return record
        raise NotFound(f"There is no model `{name[:100]}`; GET /v1/voicebox/models lists them.")

    async def states(self) -> list[ModelState]:
        """Tell how every model stands."""
        records = self._records
        found = await asyncio.to_thread(self.files.listing, records)
        reasons = await asyncio.to_thread(lambda: [self._instances.obstacle(record) for record in records])
        states = [self._state(record, one, reason) for record, one, reason in zip(records, found, reasons, strict=True)]
        return [await self._with_usual(state) if state.loading else state for state in states]

    async def _with_usual(self, state: ModelState) -> ModelState:
        usual = await asyncio.to_thread(self._instances.loading_takes, state.record.name)
        return msgspec.structs.replace(state, usual=usual)

    def _state(self, record: ModelRecord, stored: Stored, reason: str) -> ModelState:
        pull = self._pulls.get(record.name)
        if pull and not pull.ended:
            return ModelState(record, stored, "pulling")
        if reason:
            return ModelState(record, stored, "unusable" if stored.complete else "absent", reason)
        if not stored.complete:
            why = pull.error.message if pull and pull.error else ""
            return ModelState(record, stored, "incomplete" if stored.size else "absent", why)
        if not self._wanted(record.name):
            return ModelState(record, stored, "disabled", _disabled(record.name))
        pool = self._seen.states().get(record.name)
        worker = pool.workers[0] if pool and pool.workers else None
        if worker is None:
            return ModelState(record, stored, "resting")
        return ModelState(record, stored, worker.state, worker.reason or self._slow(record), worker.starting)

    def _slow(self, record: ModelRecord) -> str:
        """Say why a model runs on the processor, where a GPU is there for it."""
        info = self._seen.infos().get(record.name)
        chosen = self._settings.each.get(record.name, ModelSettings()).options
        return slow_reason(record, info.device, str(chosen.get("device", "auto"))) if info else ""

    # Pulling...

    def pull(self, record: ModelRecord) -> Pull:
        """Begin to pull a model, or join a pull that is under way."""
        known = self._pulls.get(record.name)
        if known and not known.ended:
            return known
        while len(self._pulls) > KEPT_PULLS:
            self._pulls.pop(next(name for name, one in self._pulls.items() if one.ended))
        pull = self._pulls[record.name] = Pull(record.name)
        pull.task = asyncio.create_task(self._pull(record, pull))
        return pull

    def pull_of(self, record: ModelRecord) -> Pull:
        """Give the last pull of a model. Raises NotFound."""
        if record.name not in self._pulls:
            raise NotFound(f"`{record.name}` is not being pulled.")
        return self._pulls[record.name]

    async def _pull(self, record: ModelRecord, pull: Pull) -> None:
        loop = asyncio.get_running_loop()

        def told(progress: Progress) -> None:
            pull.progress = progress
            loop.call_soon_threadsafe(pull.changed.set)

        began = time.monotonic()
        try:
            await asyncio.to_thread(lambda: self.files.pull(record, told, pull.cancel))
            self._log.info("model pulled", model=record.name, seconds=round(time.monotonic() - began, 1))
            await self.scan()
        except SpeechError as exc:
            pull.error = exc
            self._log.warning("model not pulled", model=record.name, reason=exc.message)
        finally:
            pull.ended = True
            pull.changed.set()

    async def delete(self, record: ModelRecord) -> int:
        """Stop a model and delete its files; give the bytes that this frees. Raises ModelBusy, or BadInput while it is in use."""
        if self._engines:
            await self.unload(record)
        async with self._scanning:
            if self._engines and record.name in self._running:
                await self._drop(self._engines, record.name)
            return await asyncio.to_thread(lambda: self.files.delete(record, self._records))

    # Running...

    async def load(self, record: ModelRecord) -> None:
        """Load a model, and wait until it can work. Raises EngineUnavailable with the reason."""
        if reason := await asyncio.to_thread(self._instances.obstacle, record):
            raise EngineUnavailable(f"`{record.name}` cannot run here: {reason}.")
        await self.scan()
        engines = self._own()
        if not self._wanted(record.name):
            raise EngineUnavailable(f"`{record.name}` is not to be used: {_disabled(record.name)}.")
        if record.name not in self._running:
            raise EngineUnavailable(f"`{record.name}` is not here: voicebox models pull {record.name}")
        dispatcher = engines.dispatcher(record.name)
        await dispatcher.wake()
        if not await dispatcher.wait_ready():
            reason = dispatcher.state().workers[0].reason
            raise EngineUnavailable(f"`{record.name}` could not be loaded: {reason}")

    async def unload(self, record: ModelRecord) -> None:
        """Take a model out of memory. Raises BadInput while it is in use."""
        engines = self._own()
        if record.name not in self._running:
            return
        dispatcher = engines.dispatcher(record.name)
        if dispatcher.in_use:
            raise BadInput(f"`{record.name}` is in use; try again when it is not.", code="model_in_use")
        await dispatcher.rest()

    def _own(self) -> Engines:
        if self._engines is None:
            raise EngineUnavailable(
                "With several gateway processes models load when they are first asked for, and rest when they are not."
            )
        return self._engines

    async def scan(self) -> None:
        """Make engines of models that have come, and forget those that are gone."""
        async with self._scanning:
            found = await asyncio.to_thread(self._found)
            if self._engines is None:
                return
            stale = [name for name, place in self._running.items() if name not in found or found[name].place != place]
            for name in [name for name in stale if not self._in_use(self._engines, name)]:  # those in use go at a later look
                await self._drop(self._engines, name)
            for name, one in found.items():
                if name not in self._running:
                    self._add(self._engines, await asyncio.to_thread(self._make, one))
                    self._running[name] = one.place

    async def _drop(self, engines: Engines, name: str) -> None:
        if dispatcher := engines.dispatchers().get(name):
            self._instances.governor.remove(dispatcher)
        await engines.remove(name)
        self._running.pop(name, None)

    @staticmethod
    def _in_use(engines: Engines, name: str) -> bool:
        dispatcher = engines.dispatchers().get(name)
        return dispatcher is not None and dispatcher.in_use

    def _add(self, engines: Engines, instance: Instance) -> None:
        self._instances.governor.add(engines.add(instance.record, instance.settings, instance.lazy))

    def _make(self, found: Found) -> Instance:
        settings = self._settings.each.get(found.record.name, ModelSettings())
        return self._instances.make(found.record, found.paths, found.size, settings)

    def _found(self) -> dict[str, Found]:
        """Look which models are complete, and can run here."""
        reasons = {record.name: self._instances.obstacle(record) for record in self._records}
        usable = [record for record in self._records if self._wanted(record.name) and not reasons[record.name]]
        found = {
            record.name: Found(record, self.files.locate_all(record), one.size, self._instances.python(record))
            for record, one in zip(usable, self.files.listing(usable), strict=True)
            if one.complete
        }
        found = {name: one for name, one in found.items() if one.paths}  # deleted between two looks at the disk
        self._here = {name: one.record for name, one in found.items()}
        here = self.files.listing(self._records)
        self._missing = tuple(
            self._absent(record, reasons[record.name], here=stored.complete)
            for record, stored in zip(self._records, here, strict=True)
            if record.name not in found
        )
        return found

    def _absent(self, record: ModelRecord, reason: str, *, here: bool) -> Absent:
        if not self._wanted(record.name):
            reason = reason or _disabled(record.name)
        return _absent(record, reason or f"voicebox models pull {record.name}", here=here)

    def _wanted(self, name: str) -> bool:
        return name not in self._settings.each or self._settings.each[name].enabled

    async def _scan_for_ever(self) -> None:
        while True:
            try:
                await self.scan()
            except Exception as exc:  # a folder that cannot be read now may be readable later
                self._log.warning("models could not be looked for", reason=repr(exc))
            await asyncio.sleep(SCAN_SECONDS)


def _absent(record: ModelRecord, reason: str, *, here: bool) -> Absent:
    return Absent(record.name, reason, record.cloning, record.engine.designs, "speech" in record.kinds, here)


def _disabled(name: str) -> str:
    return f"models.each.{name}.enabled is false"


def _why_silent(state: PoolState | None) -> str:
    """Say why a model that is here has never said what it is."""
    worker = state.workers[0] if state and state.workers else None
    if worker and worker.starting:
        return f"it is being loaded for the first time, for {worker.starting:.0f} s now"
    return (
        f"it could not be loaded: {worker.reason}" if worker and worker.reason else "it is about to be loaded for the first time"
    )


def make_models(settings: Settings, engines: Engines | None, log: FilteringBoundLogger, seen: EngineSet | None = None) -> Models:
    """Make what the settings say. `seen` are the engines where another process runs them."""
    chosen = settings.models
    folder = Path(settings.data_dir).expanduser() if settings.data_dir else data_folder()
    governor, environments = Governor(chosen.memory), folder / layout.FOLDER
    instances = Instances(folder / "models", governor, chosen.rest_after, environments, load_timeout=chosen.load_timeout)
    around = seen or engines
    assert around is not None  # noqa: S101 - one of the two is given
    return Models(chosen, engines, around, instances, log)
