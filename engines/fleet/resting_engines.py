"""Engines of the catalogue that rest: their workers start when they are wanted, and stop when nobody has
wanted them for a while.

What such an engine says of itself is kept in a file, so that it need not be started to be asked. The file
counts only for the same code and the same version of what the engine is built on.
"""

from __future__ import annotations

import asyncio
import hashlib
from importlib import metadata, util
from pathlib import Path

import msgspec

from engines.api import EngineInfo
from engines.catalogue.engines import EngineRecord
from engines.fleet.model_facts import Learned, LearnedModels, in_thread
from engines.fleet.on_demand import OnDemand
from engines.settings import EngineSettings


class RestingEngines:
    """How engines that rest are run.

    `folder` keeps what they said; `rest_after` is in seconds, 0 is never.
    """

    def __init__(self, folder: Path, rest_after: float) -> None:
        self._learned = LearnedModels(folder)
        self._rest_after = rest_after
        self._start_lock = asyncio.Lock()

    def on_demand(self, record: EngineRecord, settings: EngineSettings) -> OnDemand:
        """Return how an engine is run that rests."""
        key = _key(record, settings)
        known = self._learned.find(record.name, key)

        def learn(info: EngineInfo, pid: int, seconds: float) -> None:
            in_thread(self._learned.measure_and_write, record.name, pid, Learned(key, info, 0, seconds))

        return OnDemand(
            info=known.info if known else None,
            rest_after=self._rest_after,
            start_lock=self._start_lock,
            on_ready=learn,
        )


def _key(record: EngineRecord, settings: EngineSettings) -> str:
    """Return what must be the same for an engine to say the same again: it is written down, so it has options
    as a digest only.
    """
    told = msgspec.json.encode(settings.options, order="sorted")
    options = [f"options={hashlib.sha256(told).hexdigest()}"] if settings.options else []
    packages = sorted({file.partition("/")[0] for file in record.files})
    return " ".join([record.name, *map(_version, packages), _code(record), *options])


def _version(package: str) -> str:
    try:
        return f"{package}={metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


def _code(record: EngineRecord) -> str:
    """Return the time of the last change to an engine's own code; nothing where it cannot be told."""
    spec = util.find_spec(record.import_path.partition(":")[0])
    if spec is None or not spec.origin:
        return ""
    changes = [file.stat().st_mtime_ns for file in Path(spec.origin).parent.glob("*.py")]
    return str(max(changes, default=0))
