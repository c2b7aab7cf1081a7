"""Tests of `voicebox setup`: what it proposes for which machine, and that it does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import msgspec
import pytest
from servers import TIMEOUT, running
from wheels import index_variables, make_package

from engines.catalogue.models import find_model
from engines.environments import layout
from engines.environments.commands import Installer
from engines.environments.groups import Group, find_group
from engines.environments.install import install_environment
from engines.environments.torch_index import INDEX_FOR_CPUS
from gateway.cli.install_log import DOWNLOAD, line_that_matters
from gateway.cli.machine import Machine
from gateway.cli.setup_plan import JAPANESE, Step, disk_needed, propose

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

GIB = 1024**3
LAPTOP = Machine(frozenset({"cpu"}), memory=8 * GIB, sources=("hub", "packages"), platform="linux")
SMALL = msgspec.structs.replace(LAPTOP, memory=3 * GIB)
SERVER = Machine(
    frozenset({"cpu", "cuda"}),
    ("NVIDIA L4",),
    24 * GIB,
    64 * GIB,
    sources=("hub", "packages"),
    platform="linux",
)
MAC = Machine(
    frozenset({"cpu", "mps", "mlx"}), memory=16 * GIB, sources=("hub", "packages"), platform="darwin"
)
BEHIND_A_MIRROR = msgspec.structs.replace(LAPTOP, sources=("packages",))
ALONE = msgspec.structs.replace(LAPTOP, sources=())
NO_INDEX = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
FILES = {
    "onnx-community/Kokoro-82M-v1.0-ONNX": (
        "config.json",
        "tokenizer.json",
        "onnx/model.onnx",
        "onnx/model_fp16.onnx",
        "onnx/model_quantized.onnx",
        "voices/af_heart.bin",
    ),
    "rhasspy/piper-voices": (
        "de/de_DE/thorsten/medium/de_DE-thorsten-medium.onnx",
        "de/de_DE/thorsten/medium/de_DE-thorsten-medium.onnx.json",
    ),
    "Systran/faster-whisper-small": ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
}


@pytest.mark.parametrize(
    ("machine", "names"),
    [
        (LAPTOP, ["onnx", "kokoro-int8", "faster-whisper-small"]),
        (SMALL, ["onnx", "kokoro-int8", "faster-whisper-base"]),
        (SERVER, ["main", "kokoro", "faster-whisper-large-v3-turbo"]),
        (MAC, ["main", "kokoro", "faster-whisper-small"]),
        (BEHIND_A_MIRROR, ["onnx", "kokoro-int8", "piper-en_US-joe-medium", "faster-whisper-tiny.en"]),
        (ALONE, []),
    ],
    ids=["no GPU", "little memory", "GPU", "Apple silicon", "package index alone", "nothing within reach"],
)
def test_what_is_proposed(machine: Machine, names: list[str]) -> None:
    """A machine without a GPU gets what needs no torch, one with a GPU torch and larger models; where the package index
    alone can be reached the models are those that come in packages, and are pulled from there.
    """
    steps = propose(machine)

    assert [step.name for step in steps] == names
    assert all(step.size > 0 and step.licence for step in steps)
    assert not any(step.index_url for step in steps if machine is not SERVER)
    if machine is BEHIND_A_MIRROR:
        assert {step.sources for step in steps if step.kind == "model"} == {("packages",)}
    assert all(find_model(step.name).packaged for step in steps if step.sources == ("packages",))


def test_languages_are_added() -> None:
    """A voice is added for each language that Kokoro does not speak."""
    named = [step.name for step in propose(LAPTOP, ["de-DE", "ar", "fr", "en"])]

    assert [name for name in named if name.startswith("piper")] == [
        "piper-ar_JO-kareem-medium",
        "piper-de_DE-thorsten-medium",
    ]


def test_what_is_there_is_not_proposed() -> None:
    """What is installed already, or could not run, is left out; torch for a machine without CUDA is the small one."""
    here = {"onnx", "kokoro-int8"}
    assert [step.name for step in propose(LAPTOP, present=here)] == ["faster-whisper-small"]
    assert propose(LAPTOP, present=here, obstacles={"faster-whisper-small"}) == []
    amd = msgspec.structs.replace(SERVER, devices=frozenset({"cpu", "rocm"}))
    assert propose(amd)[0].index_url.endswith("rocm7.2")
    assert disk_needed([Step("model", "a", "", 100, ""), Step("model", "b", "", 300, "")]) == 600


def test_japanese_is_brought_with_its_packages() -> None:
    """Asked for Japanese it proposes what Kokoro reads it with, into the Python that runs Kokoro, and not where all of
    that is there, comes with the environment, or cannot be had.
    """

    def packages(machine: Machine, *languages: str, **known: Any) -> list[Step]:
        return [step for step in propose(machine, languages, **known) if step.kind == "packages"]

    (step,) = packages(LAPTOP, "ja-JP")
    assert (step.target, step.packages) == ("onnx", tuple(JAPANESE.values()))
    assert [one.name for one in propose(LAPTOP, ["ja"])][:2] == ["onnx", "japanese"]
    (step,) = packages(LAPTOP, "ja", present={"onnx", "kokoro-int8"}, lacking=("fugashi",), reader="own")
    assert (step.target, step.packages) == ("own", ("fugashi>=1.5",))
    assert packages(BEHIND_A_MIRROR, "ja")
    assert packages(LAPTOP, "de") == []
    assert packages(LAPTOP, "ja", present={"onnx"}, lacking=()) == []
    assert packages(SERVER, "ja") == []
    assert packages(msgspec.structs.replace(LAPTOP, sources=("hub",)), "ja", present={"onnx"}) == []
    assert packages(LAPTOP, "ja", obstacles={"kokoro-int8"}) == []


def test_japanese_is_installed_where_kokoro_runs(
    tmp_path: Path, published: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packages are in the environment that runs Kokoro once setup has been asked for Japanese, and nothing is then
    missing.
    """
    versions = {"misaki": "0.9.4", "fugashi": "1.5.2", "jaconv": "0.5", "mojimoji": "0.0.13", "unidic-lite": "1.0.8"}  # fmt: skip
    runs = {"onnxruntime": "1.0", "numpy": "1.0", "hibari": "1.0"}
    for name, version in {**versions, **runs}.items():
        make_package(tmp_path / "index", name, version)
    for name, value in index_variables(tmp_path / "index").items():
        monkeypatch.setenv(name, value)
    requirements = tmp_path / "small.txt"
    requirements.write_text("\n".join(runs))
    small = Group(name="onnx", display="Small", requirements=requirements, packages=tuple(runs), size=1000)
    environments = tmp_path / "data" / "environments"
    install_environment(small, environments, lambda _line: None, installer=Installer(""))

    done = run(tmp_path, "setup", "--language", "ja", "--yes")
    assert done.returncode == 0, done.stderr
    environment = layout.read_environment(environments / "onnx")
    assert environment
    assert set(environment.installed.packages) >= set(versions)
    again = run(tmp_path, "setup", "--language", "ja", "--yes")
    assert "nothing is missing" in again.stderr
    assert "japanese" not in again.stdout


def run(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `voicebox setup` with folders of its own."""
    config = tmp_path / "config.yaml"
    settings: dict[str, Any] = {
        "data_dir": str(tmp_path / "data"),
        "models": {"folder": str(tmp_path / "hub")},
    }
    config.write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LANG": "C", "LC_ALL": "C", **environ},
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def published(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub with the models that are proposed for a machine without a GPU."""
    for repo, names in FILES.items():
        hub.publish(repo, {name: f"{repo}/{name}".encode() for name in names})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return hub


def here(tmp_path: Path) -> set[str]:
    """Return the models that are complete."""
    listed = json.loads(run(tmp_path, "models", "available", "--json").stdout)
    return {one["name"] for one in listed if one["here"] and one["source"] == "hub"}


def proposed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the models that were proposed."""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[1] for row in rows if row[0] == "model"}


def test_it_installs_what_it_proposes(tmp_path: Path, published: FakeHub) -> None:
    """With --yes it brings all that it shows, with sizes and licences, and has nothing to do when it is run again;
    without, and without anybody to ask, it brings nothing.
    """
    asked = run(tmp_path, "setup", "--language", "de")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert "Apache-2.0" in asked.stdout and " MB" in asked.stdout
    assert here(tmp_path) == set()
    wanted = proposed(asked)
    assert "piper-de_DE-thorsten-medium" in wanted

    done = run(tmp_path, "setup", "--language", "de", "--yes")
    assert done.returncode == 0, done.stderr
    assert here(tmp_path) == wanted
    again = run(tmp_path, "setup", "--language", "de", "--yes")
    assert again.returncode == 0
    assert proposed(again) == set()
    assert "nothing is missing" in again.stderr


def test_what_fails_leaves_the_rest(tmp_path: Path, published: FakeHub) -> None:
    """Where one model cannot be had the others are brought, its reason is told, and the status is 1."""
    published.add_fault("*thorsten*", status=403)
    done = run(tmp_path, "setup", "--language", "de", "--yes")

    assert done.returncode == 1
    assert "piper-de_DE-thorsten-medium: " in done.stderr
    assert here(tmp_path) == proposed(done) - {"piper-de_DE-thorsten-medium"}


def test_languages_that_it_cannot_serve(tmp_path: Path, published: FakeHub) -> None:
    """A language that is none is refused; one that no model here speaks is named, and nothing then says that none is
    missing.
    """
    refused = run(tmp_path, "setup", "--dry-run", "--language", "klingon")
    assert refused.returncode == 2
    assert "'klingon'" in refused.stderr

    rare = run(tmp_path, "setup", "--dry-run", "--language", "tlh", "--language", "German")
    assert rare.returncode == 0
    assert "no natural voice can be had for tlh" in rare.stderr
    assert "piper-de_DE-thorsten-medium" in proposed(rare)
    hopeless = run(
        tmp_path, "setup", "--dry-run", "--language", "tlh", HF_ENDPOINT="http://127.0.0.1:1", **NO_INDEX
    )
    assert "no natural voice can be had for tlh" in hopeless.stderr
    assert "nothing is missing" not in hopeless.stderr
    assert "nothing else can be had" in hopeless.stderr
    out_of_reach = run(tmp_path, "setup", "--dry-run", "--language", "de", HF_ENDPOINT="http://127.0.0.1:1")
    assert "no natural voice can be had for de without the hub" in out_of_reach.stderr


def test_a_running_server_has_what_it_brought(tmp_path: Path, published: FakeHub) -> None:
    """It returns when the server that runs can be asked for all that it has brought, not some seconds before."""
    folders = {"models": {"folder": str(tmp_path / "hub")}, "data_dir": str(tmp_path / "data")}
    with running(tmp_path / "server", folders) as server:
        done = run(tmp_path, "setup", "--language", "de", "--yes", VOICEBOX_SERVER__PORT=str(server.port))
        listed = httpx.get(f"{server.base_url}/models", timeout=TIMEOUT).json()["data"]

    assert done.returncode == 0, done.stderr
    assert proposed(done) and proposed(done) <= {model["id"] for model in listed}


def test_behind_a_mirror(tmp_path: Path) -> None:
    """Where the hub cannot be reached, models are proposed that come as packages."""
    environ = {"HF_ENDPOINT": "http://127.0.0.1:1", "PIP_FIND_LINKS": str(tmp_path), "PIP_NO_INDEX": "1"}
    done = run(tmp_path, "setup", "--dry-run", **environ)

    assert done.returncode == 0, done.stderr
    assert "the hub of models cannot be reached" in done.stderr
    assert proposed(done) <= {"kokoro-int8", "piper-en_US-joe-medium", "faster-whisper-tiny.en"}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["Looking in links: /x", "ERROR: No matching distribution found for a==1", "[notice] a new pip"],
            "ERROR: No matching distribution found for a==1",
        ),
        (["ERROR: Could not install: [Errno 28] No space left on device", ""], "No space left on device"),
        (
            ["error: metadata-generation-failed", "× Encountered error", "╰─▶ See above for output."],
            "Encountered",
        ),
        (["something odd"], "something odd"),
    ],
)
def test_the_line_that_matters(lines: list[str], reason: str) -> None:
    """Of all that an installer prints a failure tells the line that says why."""
    told = line_that_matters("\n".join(["installing x failed with status 1:", *lines]))

    assert told.startswith("installing x failed with status 1: ")
    assert reason in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["Downloading torch-2.13.0+cpu-cp311.whl (199.1 MB)", "Downloading numpy (15.9MiB)"]
)
def test_downloads_are_counted(line: str) -> None:
    """What pip and uv tell of the files that they download moves the bar."""
    assert DOWNLOAD.search(line)


def test_torch_is_the_one_for_processors(tmp_path: Path) -> None:
    """On a machine without a GPU `voicebox engines install main` shows the size without CUDA, and the index."""
    from engines.catalogue.hardware import devices

    if sys.platform != "linux" or devices() != {"cpu"}:
        pytest.skip("this machine has a GPU, or is none with Linux")
    done = run(tmp_path, "engines", "install", "main")

    assert done.returncode == 2
    assert f"about {find_group('main').size / 1e9:.1f} GB" in done.stderr
    assert INDEX_FOR_CPUS in done.stderr
