"""Tests of environments, created with real venvs, a real pip and tiny packages."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from wheels import index_variables, make_package

from engines.environments import groups, layout
from engines.environments.check import EnvironmentReport, Gpu, check_environment, find_faults
from engines.environments.commands import Installer, InstallFailed
from engines.environments.find import choose_interpreter
from engines.environments.groups import GROUPS, WORKER_PACKAGES, Group
from engines.environments.install import install_environment, remove_environment
from engines.environments.layout import Environment
from engines.toolkit.gpu_architectures import runs_on

ROOT = Path(__file__).parents[3]
PIP = Installer("")
TIMEOUT = 60.0
SCRIPT = """
import json, sys, time
from pathlib import Path
from engines.environments.commands import Installer
from engines.environments.groups import Group
from engines.environments.install import install_environment

folder, requirements, stop = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
lines = []

def on_line(line):
    lines.append(line)
    if stop and stop in line:
        print("stopped", flush=True)
        time.sleep(600)

group = Group(name="small", display="Small", requirements=requirements, packages=("voicelib",), size=1000)
environment = install_environment(group, folder, on_line, installer=Installer(""))
print(json.dumps([str(environment.path), lines]))
"""


class Lines:
    """The lines that an install prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the folder that packages are installed from."""
    folder = tmp_path / "index"
    for name, value in index_variables(folder).items():
        monkeypatch.setenv(name, value)
    make_package(folder, "voicelib", "1.5", text="__version__ = '1.5'\n")
    return folder


def group(
    tmp_path: Path,
    text: str = "voicelib==1.5\n",
    *,
    size: int = 1000,
    packages: Sequence[str] = ("voicelib",),
) -> Group:
    """Return a group of tiny packages."""
    requirements = tmp_path / "small.txt"
    requirements.write_text(text)
    return Group(
        name="small", display="Small", requirements=requirements, packages=tuple(packages), size=size
    )


def install_in_process(folder: Path, stop: str = "") -> subprocess.Popen[str]:
    """Install the tiny group in a process of its own, which stops for good at a line with `stop` in it."""
    command = [sys.executable, "-c", SCRIPT, str(folder / "envs"), str(folder / "small.txt"), stop]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def imports(environment: Environment, package: str) -> bool:
    """Return whether an environment's interpreter can import a package."""
    return (
        subprocess.run(
            [str(environment.python), "-c", f"import {package}"], capture_output=True, timeout=TIMEOUT
        ).returncode
        == 0
    )


def test_an_installed_interpreter_has_the_packages(tmp_path: Path, index: Path) -> None:
    """After an install the group's interpreter has the packages, ours still has not, and a second install
    changes nothing.
    """
    small, printed = group(tmp_path), Lines()
    environment = install_environment(small, tmp_path / "envs", printed, installer=PIP)

    assert environment.installed.packages == {"voicelib": "1.5"}
    assert imports(environment, "voicelib")
    assert any("voicelib" in line for line in printed.lines)
    assert choose_interpreter("small", ["voicelib"], tmp_path / "envs").python == str(environment.python)
    assert choose_interpreter("small", ["voicelib"], None).python is None
    assert install_environment(small, tmp_path / "envs", printed, installer=PIP) == environment
    assert printed.lines[-1] == "small is installed already"


def test_other_requirements_are_another_environment(tmp_path: Path, index: Path) -> None:
    """When a group's requirements have changed, an install creates a new environment, and deletes the old one
    only then.
    """
    environment = install_environment(group(tmp_path), tmp_path / "envs", Lines(), installer=PIP)
    with pytest.raises(InstallFailed):
        install_environment(group(tmp_path, "voicelib==2.0\n"), tmp_path / "envs", Lines(), installer=PIP)
    assert layout.read_environment(tmp_path / "envs" / "small") == environment

    make_package(index, "voicelib", "2.0")
    other = install_environment(group(tmp_path, "voicelib==2.0\n"), tmp_path / "envs", Lines(), installer=PIP)
    assert other.installed.packages == {"voicelib": "2.0"}
    assert not environment.path.exists()


def test_a_killed_install_is_repeated(tmp_path: Path, index: Path) -> None:
    """An install killed in its middle does not count, and the next one deletes its files and installs all."""
    small, envs = group(tmp_path), tmp_path / "envs"
    process = install_in_process(tmp_path, "voicelib")
    assert process.stdout
    assert process.stdout.readline() == "stopped\n"
    (begun,) = (envs / "small").iterdir()
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT)
    process.stdout.close()
    assert layout.read_environment(envs / "small") is None
    assert choose_interpreter("small", ["voicelib"], envs).install_command == "voicebox engines install small"

    printed = Lines()
    environment = install_environment(small, envs, printed, installer=PIP)
    assert printed.lines[0] == "an install that did not end was cleared away; this one begins afresh"
    assert environment.path != begun
    assert imports(environment, "voicelib")


def test_two_at_once_do_one_install(tmp_path: Path, index: Path) -> None:
    """Of two simultaneous installs one does the work, and the other waits for it."""
    group(tmp_path)
    results = []
    for process in [install_in_process(tmp_path), install_in_process(tmp_path)]:
        printed, _ = process.communicate(timeout=TIMEOUT)
        results.append(json.loads(printed))

    assert results[0][0] == results[1][0]
    assert sorted("small is installed already" in lines for _, lines in results) == [False, True]


def test_a_failure_quotes_pip(tmp_path: Path, index: Path) -> None:
    """The error quotes pip's output, and nothing is left of the install."""
    with pytest.raises(InstallFailed, match="No matching distribution found for nothere"):
        install_environment(group(tmp_path, "nothere==9\n"), tmp_path / "envs", Lines(), installer=PIP)

    assert layout.read_environment(tmp_path / "envs" / "small") is None
    assert list((tmp_path / "envs" / "small").iterdir()) == []


def test_a_full_disk_is_detected_first(tmp_path: Path, index: Path) -> None:
    """Where the disk has too little space, the error has the figures, and nothing is written."""
    with pytest.raises(InstallFailed, match=r"needs about 1500000000\.0 GB of disk .* has \d+\.\d GB free"):
        install_environment(group(tmp_path, size=10**18), tmp_path / "envs", Lines(), installer=PIP)
    assert not (tmp_path / "envs" / "small").exists()


def test_an_unsupported_python_is_not_used(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no Python fits a group, the error names those that would; one of such a version on the PATH is
    used.
    """
    odd = msgspec.structs.replace(group(tmp_path), python=">=3.97,<3.98")
    with pytest.raises(InstallFailed, match=r"needs Python >=3\.97,<3\.98, .*: install Python 3\.97"):
        install_environment(odd, tmp_path / "envs", Lines(), installer=PIP)

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.97").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert PIP.find_python(odd) == str(tmp_path / "bin" / "python3.97")


def test_uv_does_the_same(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uv is on the PATH it creates the environment, and errors quote its output."""
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    assert Installer.detect().uv
    environment = install_environment(group(tmp_path), tmp_path / "envs", Lines())
    assert environment.installed.packages == {"voicelib": "1.5"}
    assert imports(environment, "voicelib")
    with pytest.raises(InstallFailed, match="nothere"):
        install_environment(group(tmp_path, "nothere==9\n"), tmp_path / "envs", Lines())


def test_remove_deletes_all(tmp_path: Path, index: Path) -> None:
    """A removed environment is deleted from the disk and no longer chosen; removing it again frees nothing."""
    small = group(tmp_path)
    install_environment(small, tmp_path / "envs", Lines(), installer=PIP)

    assert remove_environment(small, tmp_path / "envs") > 1000
    assert not (tmp_path / "envs" / "small").exists()
    assert choose_interpreter("small", ["voicelib"], tmp_path / "envs").python is None
    assert remove_environment(small, tmp_path / "envs") == 0


def test_check_reports_versions_and_what_is_missing(tmp_path: Path, index: Path) -> None:
    """A check imports each package: it reports the versions of those that work, and for the others the reason
    and a remedy.
    """
    make_package(index, "broken", text="import voicelib\nraise OSError('no such library')\n")
    small = group(tmp_path, "voicelib\nbroken\n", packages=("voicelib", "broken", "absent"))
    environment = install_environment(small, tmp_path / "envs", Lines(), installer=PIP)
    report = check_environment(small, environment.python)
    found = {one.name: (one.version, one.fault) for one in report.packages}

    assert report.version == environment.installed.python
    assert found["voicelib"] == ("1.5", "")
    assert found["broken"] == ("", "OSError: no such library")
    assert "No module named 'absent'" in found["absent"][1]
    assert {fault.what for fault in find_faults(small, report)} == {"broken", "absent", *WORKER_PACKAGES}
    assert all(fault.mend.endswith("voicebox engines install small") for fault in find_faults(small, report))


@pytest.mark.engines
def test_check_reports_torchs_threads_and_devices(tmp_path: Path) -> None:
    """The report of our own interpreter has the threads and devices of its torch."""
    pytest.importorskip("torch")
    report = check_environment(group(tmp_path, packages=("torch",)), Path(sys.executable))

    assert report.threads >= 1
    assert report.devices[0] == "cpu"


@pytest.mark.parametrize(
    ("built_for", "capability", "runs"),
    [
        (("sm_80", "sm_86", "sm_90"), "9.0", True),
        (("sm_80", "sm_86", "sm_90"), "8.9", True),
        (("sm_80", "sm_86", "sm_90"), "12.0", False),
        (("sm_80", "sm_86", "compute_90"), "12.0", True),
        (("sm_75", "sm_120"), "12.1", True),
        (("sm_90a", "sm_80"), "9.0", True),
        (("sm_100a",), "10.3", False),
        (("sm_75", "sm_80"), "6.1", False),
        (("sm_75", "sm_80"), "8.7", True),
        (("gfx90a", "gfx1100"), "gfx1100", True),
        (("gfx90a", "gfx1100"), "gfx1103", False),
        (("gfx90a", "gfx11-generic"), "gfx1103", True),
    ],
)
def test_which_gpus_torch_has_code_for(built_for: tuple[str, ...], capability: str, runs: bool) -> None:
    """Machine code serves its own generation, code that is compiled there all later ones."""
    assert runs_on(built_for, capability) is runs


def test_a_gpu_without_code_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    """A GPU that torch was not built for is a fault, whose remedy names the build for older or newer ones."""
    small = group(tmp_path)
    report = EnvironmentReport(
        gpus=(Gpu("Old", "6.1"), Gpu("New", "12.0"), Gpu("Good", "8.0")), built_for=("sm_80", "sm_90")
    )
    old, new = find_faults(small, report)

    assert "Old is of compute capability 6.1; torch has code for sm_80, sm_90" in old.found
    assert old.mend == "voicebox engines install small --index-url https://download.pytorch.org/whl/cu126"
    assert new.mend.endswith("/cu130")


def test_every_group_is_in_order() -> None:
    """Each group's requirements can be parsed, include all of our worker's own, and pin the group's main
    packages.
    """
    for one in GROUPS:
        text = groups._text(one.requirements)
        for package in WORKER_PACKAGES:
            assert package in text
        assert one.licences
        assert one.size
        assert one.digest() != one.digest("https://example.com")
        assert all("==" in requirement for requirement in (*one.first, *one.without_dependencies))
        assert "3.11" in one.python_versions()


@pytest.mark.parametrize("one", GROUPS, ids=[one.name for one in GROUPS])
def test_every_group_is_locked(one: groups.Group) -> None:
    """Each group has a lock, made of the requirements that it has now (`scripts/lock_environments`): every
    package by one version a platform and by hashes, and all that it asks for by name among them.
    """
    assert one.lock, "there is no lock: scripts/lock_environments"
    lock = one.lock.read_text()
    assert hashlib.sha256(one.wanted().encode()).hexdigest() in lock, "it is old: scripts/lock_environments"
    entries = lock.replace("\\\n", " ").splitlines()
    locked = [Requirement(line.partition(" --hash")[0]) for line in entries if line and line[0] != "#"]
    assert all(" --hash=sha256:" in line for line in entries if line and line[0] != "#")
    assert all(str(requirement.specifier).startswith("==") for requirement in locked)
    first = {canonicalize_name(Requirement(line).name) for line in one.first}
    names = {canonicalize_name(requirement.name) for requirement in locked}
    asked = [line.partition("#")[0] for line in one.wanted().splitlines()]
    assert {canonicalize_name(Requirement(line).name) for line in asked if line.strip()} - first <= names
    assert not names & first


def test_a_lock_is_what_is_installed(tmp_path: Path, index: Path) -> None:
    """What a lock names is installed, and nothing that it does not; a file with another hash is refused."""
    locked = group(tmp_path, "voicelib\n")
    wheel = next(index.glob("voicelib-1*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    folder = tmp_path / "locked"
    folder.mkdir()
    lock = folder / locked.requirements.name
    lock.write_text(f"voicelib=={wheel.name.split('-')[1]} --hash=sha256:{digest}\n")
    environment = install_environment(locked, tmp_path / "envs", lambda _line: None, installer=PIP)
    assert set(environment.installed.packages) == {"voicelib"}

    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    with pytest.raises(InstallFailed, match=r"(?i)hash"):
        install_environment(locked, tmp_path / "envs", lambda _line: None, installer=PIP)
    assert layout.read_environment(tmp_path / "envs" / "small") == environment


def test_an_interrupted_install_stops_pip(tmp_path: Path, index: Path) -> None:
    """An install that is interrupted stops pip, and leaves nothing."""

    def on_line(line: str) -> None:
        if "voicelib" in line:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        install_environment(group(tmp_path), tmp_path / "envs", on_line, installer=PIP)
    assert time.monotonic() - began < TIMEOUT
    assert list((tmp_path / "envs" / "small").iterdir()) == []
