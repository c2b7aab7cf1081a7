"""The checks of `voicebox doctor` that look at engines and models: files, and whether they start."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path

from engines.catalogue.engines import CATALOGUE, EngineRecord
from engines.errors import SpeechError
from gateway.cli import remote, temporary_server
from gateway.cli.check import Check, gigabytes
from gateway.cli.output import Failure
from gateway.cli.temporary_server import EngineHealth
from gateway.config.settings import Settings
from gateway.models.on_disk import ModelOnDisk, models_on_disk

REINSTALL = f"{sys.executable} -m pip install --force-reinstall {{}}"
ROBOTS = ("espeak", "pocketsphinx", "tone", "mimic", "pace")
"""engines that do, and that nobody takes for a person or a good listener"""
QUALITIES = (
    ("natural voice", "speech", "eSpeak NG speaks like a robot", "kokoro"),
    ("good ear", "transcription", "PocketSphinx hears roughly", "faster-whisper-small"),
)
"""what to have, of which kind, what there is without it, and the model that mends it"""
LOOK_CLOSER = "voicebox serve --log-level debug"


def engine_checks(
    settings: Settings, config: Path | None, running: dict[str, EngineHealth] | None
) -> Iterator[Check]:
    """Yield the results of the checks of engines and models; `running` are a running server's engines, and
    without one a server is started to find out.
    """
    enabled = [record for record in CATALOGUE if record.is_enabled(settings.engines)]
    for record in enabled:
        yield from _files(record)
    try:
        models = models_on_disk(settings)
    except (SpeechError, OSError) as exc:
        yield Check("models", "folder", "missing", str(exc), "mend models.folder, or the folder's rights")
        models = []
    yield from _models(models)
    yield from _quality(enabled, models)
    yield from _workers(enabled, config, running)


def _files(record: EngineRecord) -> Iterator[Check]:
    """Yield whether an engine's files are there: one check for all, or one for each that is missing."""
    missing = list(record.missing_files())
    for file in missing:
        package = file.partition("/")[0]
        is_there = util.find_spec(package) is not None
        found = "the file is missing" if is_there else f"the package {package} is not installed"
        mend = REINSTALL.format(package.replace("_", "-"))
        yield Check("engine file", f"{record.name}: {file}", "missing", found, mend)
    if record.files and not missing:
        yield Check("engine file", record.name, "ok", f"{len(record.files)} of {len(record.files)} are there")


def _models(models: Sequence[ModelOnDisk]) -> Iterator[Check]:
    """Yield one check for all models that run here, and one for each that does not."""
    good = [model for model in models if model.runs]
    if good:
        names = ", ".join(model.record.name for model in good)
        yield Check("models", "here", "ok", f"{names} ({gigabytes(sum(model.size for model in good))})")
    else:
        yield Check("models", "here", "note", "none that runs", "voicebox models available")
    for model in models:
        name = model.record.name
        if model.obstacle:
            why, _, command = model.obstacle.rpartition(": ")
            yield Check(
                "models", name, "missing", f"cannot run: {why or model.obstacle}", command if why else ""
            )
        elif not model.complete:
            total = f" of {gigabytes(model.record.size_bytes)}" if model.record.size_bytes else ""
            found = f"not whole: {gigabytes(model.size)}{total} of it are here"
            yield Check("models", name, "note", found, f"voicebox models pull {name}")
        elif not model.enabled:
            yield Check("models", name, "note", "here, and switched off", f"set models.each.{name}.enabled")


def _quality(enabled: Sequence[EngineRecord], models: Sequence[ModelOnDisk]) -> Iterator[Check]:
    """Yield whether there is a natural voice, and an ear that is worth the name."""
    for what, kind, otherwise, model in QUALITIES:
        if good := _good(kind, enabled, models):
            yield Check("quality", what, "ok", ", ".join(good))
        else:
            yield Check("quality", what, "note", f"none; {otherwise}", f"voicebox models pull {model}")


def _good(kind: str, enabled: Sequence[EngineRecord], models: Sequence[ModelOnDisk]) -> list[str]:
    """Return the names of what speaks naturally, or hears well."""
    engines = [record.name for record in enabled if kind in record.kinds and record.name not in ROBOTS]
    return engines + [model.record.name for model in models if model.runs and kind in model.record.kinds]


def _workers(
    enabled: Sequence[EngineRecord], config: Path | None, running: dict[str, EngineHealth] | None
) -> Iterator[Check]:
    """Yield which engines work: in the server that runs, or in one that is started for it."""
    try:
        engines = remote.run(_engines(config)) if running is None else running
    except Failure as exc:
        yield Check("worker", "server", "missing", str(exc), LOOK_CLOSER)
        return
    names = [record.name for record in enabled]
    if running is not None:  # with settings that may be others than ours
        names = list(running)
    for name in names:
        yield _worker(name, engines.get(name), is_running=running is not None)


def _worker(name: str, engine: EngineHealth | None, *, is_running: bool) -> Check:
    if engine and engine.ready:
        return Check("worker", name, "ok", "is ready" if is_running else "starts and is ready")
    if engine and engine.on_demand and engine.usable:
        return Check("worker", name, "ok", "rests until it is wanted")
    reasons = [worker.reason for worker in engine.workers if worker.reason] if engine else []
    if engine and any(worker.state == "starting" for worker in engine.workers):
        return Check("worker", name, "note", "is starting", "look again in a moment")
    found = f"does not start: {reasons[0]}" if reasons else "does not start"
    return Check("worker", name, "missing", found, LOOK_CLOSER)


async def _engines(config: Path | None) -> dict[str, EngineHealth]:
    async with temporary_server.run_temporary_server(config) as server:
        return server.engines
