"""Models as engines: each that is pulled and can run here is one, under its own name, started when it is
wanted.

Voices and languages of one that has never run are those of its record and its files. What a model says of
itself when it runs (voices, languages, capabilities) is written down, with the memory that it took.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.catalogue.hardware import GpuBuild, devices
from engines.catalogue.records import ModelRecord
from engines.environments.find import InterpreterChoice, choose_interpreter, obstacle
from engines.environments.gpu_builds import gpu_build
from engines.environments.installed import packages_identity
from engines.fleet.model_facts import Learned, LearnedModels, in_thread
from engines.fleet.on_demand import Cards, OnDemand
from engines.fleet.presumed_info import presumed_info
from engines.fleet.record_truth import contradictions
from engines.fleet.worker_launch import Log
from engines.memory.governor import GPUS, Governor, MemoryNeed
from engines.settings import EngineSettings, ModelSettings, Options

OVERHEAD = 700 * 1024 * 1024
"""bytes that Python and torch take before any model"""
GPU_OVERHEAD = 600 * 1024 * 1024
"""bytes that CUDA takes of a GPU before any model"""
LACKING = 512 * 1024 * 1024
"""bytes that are made room for where a job found too little memory and did not say how much"""
CONTRADICTION = "a model says otherwise than its record"
"""what the log says: what the model says counts from then on"""
WEIGHTS_FACTOR = 1.5
"""how much more memory weights take than their files, about, until it has been measured"""


def no_log(_event: str, **_fields: object) -> None:
    """Log nothing."""


class ModelEngine(msgspec.Struct, frozen=True):
    """A model that can be run."""

    record: EngineRecord
    settings: EngineSettings
    on_demand: OnDemand


class ModelEngines:
    """Makes engines of models.

    `folder` keeps what was learned of them; `environments` is the folder of the environments, `cache_folder`
    that of pulled models; `rest_after` and `load_timeout` are in seconds.
    """

    def __init__(
        self,
        folder: Path,
        governor: Governor,
        rest_after: float,
        environments: Path | None = None,
        *,
        load_timeout: float = 0.0,
        cache_folder: Path | None = None,
        log: Log = no_log,
    ) -> None:
        self.governor = governor
        self._learned = LearnedModels(folder)
        self._environments = environments
        self._rest_after = rest_after
        self._load_timeout = load_timeout
        self._cache_folder = str(cache_folder or "")
        self._log = log
        self._start_lock = asyncio.Lock()

    def obstacle(self, model: ModelRecord) -> str:
        """Return what keeps this machine from running a model, and what helps; empty where nothing does."""
        return obstacle(model, self._environments)

    def obstacles(self, models: Iterable[ModelRecord]) -> dict[str, str]:
        """Return what keeps this machine from running each of many models, by name: an engine's packages are
        looked for once, however many models it has.
        """
        found: dict[tuple[str, str, tuple[str, ...]], str] = {}
        reasons = {}
        for model in models:
            key = (model.engine.name, model.unfit, tuple(model.requires))
            if key not in found:
                found[key] = self.obstacle(model)
            reasons[model.name] = found[key]
        return reasons

    def python(self, model: ModelRecord) -> str:
        """Return the path of the interpreter that runs a model; empty for our own."""
        return self._interpreter(model).python or ""

    def packages(self, model: ModelRecord) -> str:
        """Return what becomes another when any package does where a model runs."""
        return packages_identity(self._interpreter(model).site)

    def gpu_build(self, model: ModelRecord) -> GpuBuild | None:
        """Return what computes for a model where it runs; None where that is not known. Reads the disk."""
        return gpu_build(model.engine.packages, self._interpreter(model).site)

    def _interpreter(self, model: ModelRecord) -> InterpreterChoice:
        adapter = model.engine
        return choose_interpreter(adapter.group, adapter.packages, self._environments)

    def load_seconds(self, name: str) -> float:
        """Return how many seconds it last took to load a model; 0 where that is not known."""
        return self._learned.load_seconds(name)

    def make(
        self,
        model: ModelRecord,
        paths: Sequence[Path],
        size: int,
        settings: ModelSettings,
        identity: str = "",
    ) -> ModelEngine:
        """Make an engine of a model.

        Its files, of `size` bytes, lie at `paths`, those of its own repository first; `identity` says which
        they are, where the paths alone do not.
        """
        interpreter = self._interpreter(model)
        python = interpreter.python or ""
        options = _options(model, paths, settings)
        record = EngineRecord(
            model.name,
            model.engine.import_path,
            model.kinds,
            model.licence,
            rank=model.total_rank,
            clones=model.cloning,
            designs=model.designs,
            warm=True,
            python=python,
            group=model.engine.group,
            cache_folder=self._cache_folder,
        )
        key = _key(model, python, options, settings, identity)
        return ModelEngine(
            record,
            EngineSettings(workers=settings.workers, options=options),
            self._on_demand(model, paths, options, size, key, interpreter.site, pinned=settings.preload),
        )

    def _on_demand(
        self,
        model: ModelRecord,
        paths: Sequence[Path],
        options: Options,
        size: int,
        key: str,
        site: Path | None,
        *,
        pinned: bool,
    ) -> OnDemand:
        device = str(options.get("device", "auto"))
        packages = packages_identity(site)
        known = self._learned.find(model.name, key)
        # what it said with other packages is no more to be believed, while what it takes changes little
        said = known.info if known and known.packages == packages else None
        presumed = None if said else presumed_info(model, paths, options, site)

        async def reserve(workers: int, evict: bool) -> Cards:
            need = await asyncio.to_thread(self._memory_need, model, device, size, key, site)
            return await self.governor.reserve(model.name, need, evict=evict, workers=workers)

        async def make_room(missing: int, card: int | None) -> None:
            """Have others give up what a job lacked, and a little for what it would have wanted next."""
            await self.governor.make_room(model.name, missing or LACKING, card)

        def note_ready(info: EngineInfo, pid: int, seconds: float) -> None:
            learned = Learned(key, info, 0, seconds, packages=packages)
            in_thread(self._learned.measure_and_write, model.name, pid, learned)
            for field, (record, engine) in (contradictions(presumed, info) if presumed else {}).items():
                self._log(CONTRADICTION, engine=model.name, field=field, record=str(record), said=str(engine))

        return OnDemand(
            info=said,
            presumed=presumed,
            rest_after=self._rest_after,
            reserve=reserve,
            on_started=lambda: self.governor.release(model.name),
            pinned=pinned,
            gpu_index=_card(device) or 0,
            start_lock=self._start_lock,
            on_ready=note_ready,
            on_measured=lambda pid, use: in_thread(self._learned.measure_again, model.name, key, pid, use),
            make_room=make_room,
            start_timeout=self._load_timeout,
        )

    def _memory_need(
        self, model: ModelRecord, device: str, size: int, key: str, site: Path | None
    ) -> MemoryNeed:
        """Return what a model takes: what it took before, or else what its files of `size` bytes make likely.

        Where it ran with the same packages it runs again; with others, or before it ever ran, the devices of
        this machine and of what computes there tell. Reads the disk.
        """
        known = self._learned.find(model.name, key)
        ran = known.info.device if known and known.packages == packages_identity(site) else ""
        build = gpu_build(model.engine.packages, site)
        on_gpu = ran.startswith(GPUS) if ran else bool(_gpu_kinds(model, device, build))
        memory = (known.memory if known else 0) or round(WEIGHTS_FACTOR * size) + OVERHEAD
        gpu = (known.gpu if known else 0) or round(WEIGHTS_FACTOR * size) + GPU_OVERHEAD
        return MemoryNeed(memory, gpu if on_gpu else 0, _card(device))


def _key(model: ModelRecord, python: str, options: Options, settings: ModelSettings, identity: str) -> str:
    """Return what tells a model's files, and how it is run, from others.

    It is written down. What the settings say may be secret, and is in it as a digest.
    """
    known = {name: value for name, value in options.items() if name not in settings.options}
    parts = [model.engine.name, python, *(f"{name}={value}" for name, value in sorted(known.items()))]
    if settings.options:
        digest = hashlib.sha256(msgspec.json.encode(settings.options, order="sorted")).hexdigest()
        parts.append(f"settings={digest}")
    return " ".join(parts + ([f"files={identity}"] if identity else []))


def _options(model: ModelRecord, paths: Sequence[Path], settings: ModelSettings) -> Options:
    options: Options = {"path": str(paths[0]), "model": model.name, **model.options, **settings.options}
    if others := [*filter(None, [str(options.get("others", ""))]), *map(str, paths[1:])]:
        options["others"] = os.pathsep.join(others)
    return options


def _card(device: str) -> int | None:
    """Return the number of the GPU that a device names; None where it names none."""
    number = device.partition(":")[2]
    return int(number) if number.isdecimal() else None


def _gpu_kinds(model: ModelRecord, device: str, build: GpuBuild | None) -> set[str]:
    """Return the kinds of GPU with memory of their own that a model may be put on: those that it asks for, or
    that this machine has and the model runs on; in either case what computes for it must be built for them.
    """
    kind = device.partition(":")[0]
    if kind == "auto":
        wanted = set(GPUS) & devices() & set(model.requires)
        return wanted & build.kinds if build else wanted
    if kind not in GPUS or (build and not build.kinds & set(GPUS)):
        return set()
    return {kind}
