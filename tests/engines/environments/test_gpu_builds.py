"""Tests of what is told, before any model runs, of the GPUs that its torch or onnxruntime was built for."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import TIMEOUT

from engines.api import EngineInfo
from engines.catalogue.hardware import GpuBuild, slow_reason
from engines.catalogue.models import find_model
from engines.catalogue.records import Device
from engines.environments.gpu_builds import gpu_build
from engines.environments.layout import Installed, write_marker
from engines.fleet import model_engines
from engines.fleet.model_engines import ModelEngine, ModelEngines
from engines.fleet.model_facts import Learned, LearnedModels
from engines.memory.governor import GIB, Governor
from engines.settings import ModelSettings

SAYS = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = {version!r}
debug = False
cuda: Optional[str] = {cuda!r}
hip: Optional[str] = {hip!r}
xpu: Optional[str] = {xpu!r}
"""
"""what the file of torch 2.13.0 holds"""
BUILDS = {
    "2.13.0+cpu": {},
    "2.13.0+cu130": {"cuda": "13.0"},
    "2.13.0+rocm7.2": {"hip": "7.2.53211"},
    "2.13.0+xpu": {"xpu": "20250201"},
    "2.13.0": {},  # as on a Mac, and where a distribution builds one for processors
}


def write_torch(site: Path, version: str) -> None:
    """Write as much of a torch as is looked at, and packages of engines beside it."""
    folder = site / "torch"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    said = {"cuda": None, "hip": None, "xpu": None, **BUILDS[version]}
    (folder / "version.py").write_text(SAYS.format(version=version, **said))
    for info in site.glob("torch-*.dist-info"):
        info.rmdir()
    (site / f"torch-{version}.dist-info").mkdir()
    (site / "kokoro").mkdir(exist_ok=True)
    (site / "kokoro" / "__init__.py").touch()


def environment(folder: Path, version: str, group: str = "main") -> Path:
    """Write an environment with a torch, and return the folder of its packages."""
    made = folder / group / "one"
    (made / "bin").mkdir(parents=True, exist_ok=True)
    (made / "bin" / "python").touch()
    site = made / "lib" / "python3.11" / "site-packages"
    write_torch(site, version)
    write_marker(folder / group, Installed(group, "", "one", "3.11"))
    return site


@pytest.mark.parametrize(
    ("version", "kinds"),
    [
        ("2.13.0+cpu", set()),
        ("2.13.0+cu130", {"cuda"}),
        ("2.13.0+rocm7.2", {"rocm"}),
        ("2.13.0+xpu", {"xpu"}),
        ("2.13.0", set()),
    ],
)
def test_torch_says_what_it_is_built_for(tmp_path: Path, version: str, kinds: set[Device]) -> None:
    """The file of each build tells its GPUs, and it is read anew once it is another."""
    write_torch(tmp_path, "2.13.0+cu130" if version == "2.13.0+cpu" else "2.13.0+cpu")
    os.utime(tmp_path / "torch" / "version.py", ns=(1, 1))
    assert gpu_build(("torch", "kokoro"), tmp_path)
    write_torch(tmp_path, version)
    assert gpu_build(("torch", "kokoro"), tmp_path) == GpuBuild(f"torch {version}", frozenset(kinds))


def test_the_torch_that_runs_these_tests_agrees() -> None:
    """What is read of our own torch's file is what torch says when it is imported."""
    torch = pytest.importorskip("torch")
    build = gpu_build(("torch",), None)
    assert build
    assert build.library == f"torch {torch.__version__}"
    assert build.kinds == {
        kind
        for kind, said in (
            ("cuda", torch.version.cuda),
            ("rocm", torch.version.hip),
            ("xpu", torch.version.xpu),
        )
        if said
    }


def test_what_no_file_tells_is_not_known(tmp_path: Path) -> None:
    """Without torch, with a torch that says nothing, and of other libraries nothing is known."""
    assert gpu_build(("torch",), tmp_path) is None
    write_torch(tmp_path, "2.13.0+cpu")
    assert gpu_build(("faster_whisper",), tmp_path) is None
    for text in ("", "\xff"):
        (tmp_path / "torch" / "version.py").write_text(text, "latin-1")
        os.utime(tmp_path / "torch" / "version.py", ns=(len(text), 1))
        assert gpu_build(("torch",), tmp_path) is None
    (tmp_path / "torch" / "version.py").unlink()
    assert gpu_build(("torch",), tmp_path) is None


def test_onnxruntime_has_cuda_in_a_library(tmp_path: Path) -> None:
    """The plain onnxruntime uses no GPU; the one for CUDA has a library for that."""
    capi = tmp_path / "onnxruntime" / "capi"
    capi.mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").touch()
    (capi / "libonnxruntime_providers_shared.so").touch()
    assert gpu_build(("onnxruntime", "numpy"), tmp_path) == GpuBuild("onnxruntime", frozenset())
    (capi / "libonnxruntime_providers_cuda.so").touch()
    assert gpu_build(("onnxruntime", "numpy"), tmp_path) == GpuBuild("onnxruntime", frozenset({"cuda"}))


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine be one with a GPU of NVIDIA's."""
    monkeypatch.setattr(model_engines, "devices", lambda: frozenset[Device]({"cpu", "cuda"}))


def made_engines(tmp_path: Path) -> ModelEngines:
    governor = Governor(
        free=lambda: 100 * GIB, gpus=lambda: [8 * GIB], gpu_totals=lambda: [8 * GIB], held=lambda _: 0
    )
    return ModelEngines(tmp_path / "learned", governor, 0.0, tmp_path / "environments")


def make(engines: ModelEngines, tmp_path: Path, device: str = "auto") -> ModelEngine:
    return engines.make(find_model("kokoro"), [tmp_path], 0, ModelSettings(options={"device": device}))


def placed(engine: ModelEngine) -> list[int | None]:
    """Return the GPUs that are reserved for one worker."""

    async def reserve() -> list[int | None]:
        found = await engine.on_demand.reserve(1, True)
        assert found is not None
        return list(found)

    return asyncio.run(asyncio.wait_for(reserve(), 30))


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("version", "device", "card"),
    [
        ("2.13.0+cpu", "auto", None),
        ("2.13.0", "auto", None),
        ("2.13.0+rocm7.2", "auto", None),
        ("2.13.0+cu130", "auto", 0),
        ("2.13.0+cpu", "cuda", None),
        ("2.13.0+cu130", "cuda", 0),
    ],
)
def test_a_torch_for_processors_gets_no_gpu(
    tmp_path: Path, version: str, device: str, card: int | None
) -> None:
    """A worker whose torch was built for no GPU of this machine is promised none of its memory."""
    environment(tmp_path / "environments", version)
    assert placed(make(made_engines(tmp_path), tmp_path, device)) == [card]


@pytest.mark.usefixtures("cards")
def test_another_torch_is_another_place(tmp_path: Path) -> None:
    """What a model ran on counts as long as the same packages are installed: with another torch it is placed anew."""
    site = environment(tmp_path / "environments", "2.13.0+cu130")
    engines = made_engines(tmp_path)
    learned = LearnedModels(tmp_path / "learned")

    def run_on(device: str) -> None:
        engine = make(engines, tmp_path)
        info = EngineInfo("kokoro", "1", "MIT", ("kokoro",), device=device)

        async def remember() -> None:
            engine.on_demand.on_ready(info, os.getpid(), 1.0)
            await asyncio.get_running_loop().shutdown_default_executor()

        asyncio.run(asyncio.wait_for(remember(), 30))
        found = learned._read("kokoro")
        assert isinstance(found, Learned)
        assert found.info.device == device

    run_on("cpu")  # as where the settings' torch finds no driver
    assert placed(make(engines, tmp_path)) == [None]
    run_on("cuda")
    assert placed(make(engines, tmp_path)) == [0]
    write_torch(site, "2.13.0+cpu")
    assert placed(make(engines, tmp_path)) == [None]
    run_on("cpu")
    write_torch(site, "2.13.0+cu130")
    assert placed(make(engines, tmp_path)) == [0]


def test_why_a_model_is_on_the_processor() -> None:
    """It is told of a model whose torch is for processors, also before it has run; of one whose torch is built
    for the GPU once it ran on the processor all the same; and never where the settings ask for the processor.
    """
    kokoro, here = find_model("kokoro"), frozenset[Device]({"cpu", "cuda"})
    lacks, has = (
        GpuBuild("torch 2.13.0+cpu", frozenset()),
        GpuBuild("torch 2.13.0+cu130", frozenset({"cuda"})),
    )
    for device in ("", "cpu"):
        told = slow_reason(kokoro, device, "auto", here, lacks)
        assert "torch 2.13.0+cpu is not built for it" in told
        assert "`voicebox engines install main --index-url https://download.pytorch.org/whl/cu130`" in told
    assert slow_reason(kokoro, "", "auto", here, has) == slow_reason(kokoro, "cuda", "auto", here, has) == ""
    assert "torch 2.13.0+cu130 finds none; look at the GPU's driver" in slow_reason(
        kokoro, "cpu", "auto", here, has
    )
    assert slow_reason(kokoro, "cpu", "cpu", here, lacks) == ""
    graph = slow_reason(find_model("kokoro-onnx"), "", "auto", here, GpuBuild("onnxruntime", frozenset()))
    assert "onnxruntime is not built for it; onnxruntime-gpu in its place is" in graph


def test_the_doctor_names_each_torch_for_processors(tmp_path: Path) -> None:
    """On a machine with a GPU, an environment whose torch is built for none is told, with what brings another; one
    whose torch is built for it is not.
    """
    environments = tmp_path / "data" / "environments"
    environment(environments, "2.13.0+cu130")
    environment(environments, "2.13.0", "legacy457")
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\n")
    driver.chmod(0o755)
    environ = {
        **os.environ,
        "VOICEBOX_DATA_DIR": str(tmp_path / "data"),
        "PATH": f"{driver.parent}{os.pathsep}{os.environ['PATH']}",
    }
    config = tmp_path / "doctor.yaml"
    config.write_text("server: {port: 0}\n")
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "doctor", "--json", "--config", str(config)],
        capture_output=True,
        timeout=TIMEOUT,
        env=environ,
    )
    checks = {check["name"]: check for check in json.loads(done.stdout) if check["area"] == "environment"}
    assert checks["main"]["state"] == "ok"
    assert "torch" not in checks
    told = checks["torch of legacy457"]
    assert "torch 2.13.0 is not built for this machine's GPU (cuda)" in told["found"]
    assert told["mend"].startswith("voicebox engines install legacy457 --index-url https://")
