"""Models as engines: each that is pulled and can run here is one, under its own name, started when it is
wanted.

What a model says of itself when it runs (voices, languages, abilities) is written down, with the memory that
it took, so that the next time it need not be started to be asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.catalogue.hardware import devices
from engines.catalogue.records import ModelRecord
from engines.environments.find import choose_interpreter, obstacle
from engines.fleet.on_demand import OnDemand
from engines.memory.governor import GPUS, Governor, Need
from engines.memory.measure import held_on_gpus, resident
from engines.settings import EngineSettings, ModelSettings, Options

OVERHEAD = 700 * 1024 * 1024
"""bytes that Python and torch take before any model"""
GPU_OVERHEAD = 600 * 1024 * 1024
"""bytes that CUDA takes of a GPU before any model"""
SPREAD = 1.5
"""how much more memory weights take than their files, about, until it has been measured"""


class Learned(msgspec.Struct, frozen=True):
    """What a model said of itself, and what it took."""

    key: str
    """the files that it was, and the adapter that ran them"""
    info: EngineInfo
    memory: int
    """bytes"""
    seconds: float = 0.0
    """that it took to load"""
    gpu: int = 0
    """bytes of a GPU's memory; 0 where that was not told"""


class ModelEngine(msgspec.Struct, frozen=True):
    """A model that can be run."""

    record: EngineRecord
    settings: EngineSettings
    on_demand: OnDemand


class ModelEngines:
    """Makes engines of models. `folder` keeps what was learned; `rest_after` is in seconds; `environments` is
    where those are.
    """

    def __init__(
        self,
        folder: Path,
        governor: Governor,
        rest_after: float,
        environments: Path | None = None,
        *,
        load_timeout: float = 0.0,
    ) -> None:
        self._folder = folder
        self._environments = environments
        self.governor = governor
        self._rest_after = rest_after
        self._load_timeout = load_timeout
        self._turns = asyncio.Lock()

    def obstacle(self, model: ModelRecord) -> str:
        """Say what keeps this machine from running a model, and what mends it; empty where nothing does."""
        return obstacle(model, self._environments)

    def python(self, model: ModelRecord) -> str:
        """Name the interpreter that runs a model; empty is our own."""
        family = model.engine
        return choose_interpreter(family.group, family.packages, self._environments).python or ""

    def make(
        self, model: ModelRecord, paths: Sequence[Path], size: int, settings: ModelSettings
    ) -> ModelEngine:
        """Make an engine of a model whose files, of so many bytes, lie at some paths, its own repository's
        first.
        """
        family, python = model.engine, self.python(model)
        options: Options = {"path": str(paths[0]), "model": model.name, **model.options, **settings.options}
        if others := [*filter(None, [str(options.get("others", ""))]), *map(str, paths[1:])]:
            options["others"] = os.pathsep.join(others)
        key = " ".join(
            [family.import_path, python, *(f"{name}={value}" for name, value in sorted(options.items()))]
        )
        known = self._learned(model.name, key)
        record = EngineRecord(
            model.name,
            family.import_path,
            model.kinds,
            model.licence,
            rank=model.total_rank,
            clones="cloned" in model.voice_types,
            designs=family.designs,
            warm=True,
            python=python,
        )
        return ModelEngine(
            record,
            EngineSettings(workers=settings.workers, options=options),
            OnDemand(
                info=known.info if known else None,
                rest_after=self._rest_after,
                admit=self._admitting(model, str(options.get("device", "auto")), size, key),
                settled=lambda: self.governor.settle(model.name),
                kept=settings.preload,
                card=_card(str(options.get("device", ""))),
                turns=self._turns,
                learned=lambda info, pid, seconds: self._learn(
                    model.name, pid, Learned(key, info, 0, seconds)
                ),
                start_timeout=self._load_timeout,
            ),
        )

    def _admitting(
        self, model: ModelRecord, device: str, size: int, key: str
    ) -> Callable[[int, bool], Awaitable[None]]:
        async def admit(workers: int, evict: bool) -> None:
            known = await asyncio.to_thread(self._learned, model.name, key)
            one = _need(model, device, size, known)
            await self.governor.admit(
                model.name, Need(one.memory * workers, one.gpu * workers, one.card), evict=evict
            )

        return admit

    def _learned(self, name: str, key: str) -> Learned | None:
        try:
            found = msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=Learned)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.key == key else None

    def loading_takes(self, name: str) -> float:
        """Tell how many seconds it took to load a model when that was last done; 0 where it is not known."""
        try:
            return msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=Learned).seconds
        except (OSError, msgspec.DecodeError):
            return 0.0

    def _learn(self, name: str, pid: int, learned: Learned) -> None:
        """Write down what a model said, in a thread: nobody waits for that."""
        asyncio.get_running_loop().run_in_executor(None, self._write, name, pid, learned)

    def _write(self, name: str, pid: int, learned: Learned) -> None:
        learned = msgspec.structs.replace(learned, memory=resident(pid), gpu=held_on_gpus(pid))
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{name}.{pid}.part"
            part.write_bytes(msgspec.json.encode(learned))
            part.replace(self._folder / f"{name}.json")


def _need(model: ModelRecord, device: str, size: int, known: Learned | None) -> Need:
    """Say what a model takes whose files are so many bytes: what it took before, or else what is likely."""
    kind = device.partition(":")[0]
    gpu = (
        known.info.device.startswith(GPUS)
        if known
        else kind in GPUS or (kind == "auto" and bool(_shared(model)))
    )
    memory = (known.memory if known else 0) or round(SPREAD * size) + OVERHEAD
    on_gpu = (known.gpu if known else 0) or round(SPREAD * size) + GPU_OVERHEAD
    return Need(memory, on_gpu if gpu else 0, _card(device))


def _card(device: str) -> int:
    """Give the number of the GPU that a device means."""
    number = device.partition(":")[2]
    return int(number) if number.isdigit() else 0


def _shared(model: ModelRecord) -> set[str]:
    """Give the kinds of GPU with memory of their own that a model runs on, and this machine has."""
    return {"cuda", "rocm"} & devices() & set(model.requires)
