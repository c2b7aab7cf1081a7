"""Tests of workers that another interpreter runs: they import our `engines`, and no other package of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil
import pytest

from engines.api import Audio, SpeechJob
from engines.catalogue import models
from engines.catalogue.engines import EngineRecord, find_engine
from engines.catalogue.hardware import devices
from engines.environments import layout
from engines.environments.find import obstacle
from engines.environments.layout import Installed
from engines.fleet.model_engines import ModelEngines
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.memory.governor import Governor
from engines.settings import ModelSettings, WorkerSettings
from engines.wire.client import WorkerClient

SETTINGS = WorkerSettings(start_timeout=60.0)
ADAPTER = """
import sys
from importlib.util import find_spec

import msgspec

from engines.fakes.tone import Tone


class Other(Tone):
    def load(self, place, out):
        seen = f"{sys.prefix} {find_spec('gateway')}"
        return msgspec.structs.replace(super().load(place, out), version=seen)
"""


def environment(home: Path, *modules: str, libraries: bool = True) -> Path:
    """Create an environment as an install would leave it, with modules and our own libraries; return its
    path.
    """
    path = home / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True, timeout=60)
    site = layout.site_packages(path)
    for module in modules:
        (site / f"{module}.py").write_text("")
    if libraries:
        (site / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    layout.write_marker(home, Installed(group=home.name, digest="", folder="env", python=""))
    return path


async def speak_in_worker(record: EngineRecord) -> tuple[str, bytes, str]:
    """Start a worker and synthesise; return the version in its info, the PCM, and its interpreter."""
    process = await WorkerProcess.start(record, SETTINGS, lambda _event, **_fields: None)
    client = WorkerClient(process.address, stall_timeout=10.0)
    try:
        program = psutil.Process(process.pid).cmdline()[0]
        async with aclosing(client.speak(SpeechJob("one two", "tone-1"))) as events:
            pcm = b"".join([event.pcm async for event in events if isinstance(event, Audio)])
        return process.info.version, pcm, program
    finally:
        await client.close()
        await process.stop(3.0)


def test_a_worker_speaks_on_another_interpreter(tmp_path: Path) -> None:
    """The tone engine produces the same audio on another environment's interpreter as on ours."""
    python = str(layout.interpreter(environment(tmp_path)))
    _, ours, _ = asyncio.run(speak_in_worker(find_engine("tone")))
    _, theirs, program = asyncio.run(
        speak_in_worker(msgspec.structs.replace(find_engine("tone"), python=python))
    )

    assert program == python
    assert len(theirs) > 1000
    assert theirs == ours


def test_another_interpreter_sees_its_own_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter may be in the environment; neither our PYTHONPATH nor the folder beside our `engines` is on
    its path.
    """
    path = environment(tmp_path)
    (layout.site_packages(path) / "other.py").write_text(ADAPTER)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    record = msgspec.structs.replace(
        find_engine("tone"), import_path="other:Other", python=str(layout.interpreter(path))
    )
    version, pcm, _ = asyncio.run(speak_in_worker(record))

    assert version == f"{path} None"
    assert pcm


def test_a_missing_interpreter_or_package_is_reported(tmp_path: Path) -> None:
    """Without its interpreter, or without a worker's own packages, a worker does not start, and the reason is
    reported.
    """
    with pytest.raises(StartFailed, match="no process could be started"):
        asyncio.run(
            speak_in_worker(msgspec.structs.replace(find_engine("tone"), python=str(tmp_path / "none")))
        )
    poor = layout.interpreter(environment(tmp_path, libraries=False))
    with pytest.raises(StartFailed, match="before it was ready"):
        asyncio.run(speak_in_worker(msgspec.structs.replace(find_engine("tone"), python=str(poor))))


def test_a_model_runs_on_its_groups_interpreter(tmp_path: Path) -> None:
    """A model whose packages are in its group's environment has no obstacle, and its workers run on that
    interpreter.
    """
    model = models.find_model("kokoro")
    engine = model.engine
    assert devices() & set(model.requires)
    path = environment(tmp_path / engine.group, *_tops(engine.packages))
    instances = ModelEngines(tmp_path / "learned", Governor(0), 0.0, tmp_path)
    instance = instances.make(model, [tmp_path], 0, ModelSettings())

    assert instances.obstacle(model) == ""
    assert instance.record.python == str(layout.interpreter(path))


def test_a_model_without_its_packages_names_the_command(tmp_path: Path) -> None:
    """Where neither the environment nor our own interpreter has a model's packages, the obstacle names them
    and the command to install them.
    """
    engine = msgspec.structs.replace(
        models.find_model("kokoro").engine, packages=("torch_of_nobody", "kokoro_of_nobody")
    )
    model = msgspec.structs.replace(models.find_model("kokoro"), engine=engine)
    environment(tmp_path / engine.group, "torch_of_nobody")

    assert obstacle(model, tmp_path) == (
        f"torch_of_nobody, kokoro_of_nobody not installed: voicebox engines install {engine.group}"
    )


def _tops(packages: Sequence[str]) -> list[str]:
    return [package.partition(".")[0] for package in packages]
