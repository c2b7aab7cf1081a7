"""Environments, made with real venvs and a real pip, of tiny packages."""

from __future__ import annotations

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
from wheels import make_package, only_from

from engines.environments import groups, layout
from engines.environments.check import Gpu, Report, check, faults
from engines.environments.commands import Installer, InstallFailed
from engines.environments.find import choose
from engines.environments.groups import GROUPS, WORKER, Group
from engines.environments.install import install, remove
from engines.environments.layout import Environment
from engines.toolkit.gpu_architectures import runs_on

ROOT = Path(__file__).parents[3]
PIP = Installer("")
PATIENCE = 60.0
SCRIPT = """
import json, sys, time
from pathlib import Path
from engines.environments.commands import Installer
from engines.environments.groups import Group
from engines.environments.install import install

folder, requirements, stop = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
lines = []

def told(line):
    lines.append(line)
    if stop and stop in line:
        print("stopped", flush=True)
        time.sleep(600)

group = Group(name="small", display="Small", requirements=requirements, packages=("voicelib",), size=1000)
made = install(group, folder, told, installer=Installer(""))
print(json.dumps([str(made.path), lines]))
"""


class Told:
    """Keeps the lines of an install."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that packages come from."""
    folder = tmp_path / "index"
    for name, value in only_from(folder).items():
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
    """Describe a group of tiny packages."""
    requirements = tmp_path / "small.txt"
    requirements.write_text(text)
    return Group(
        name="small", display="Small", requirements=requirements, packages=tuple(packages), size=size
    )


def ours(folder: Path, stop: str = "") -> subprocess.Popen[str]:
    """Install the tiny group in a process of its own, which stops for good at a line with `stop` in it."""
    command = [sys.executable, "-c", SCRIPT, str(folder / "envs"), str(folder / "small.txt"), stop]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def imports(made: Environment, package: str) -> bool:
    """Tell whether an environment's interpreter can import a package."""
    return (
        subprocess.run(
            [str(made.python), "-c", f"import {package}"], capture_output=True, timeout=PATIENCE
        ).returncode
        == 0
    )


def test_install_makes_an_interpreter_that_has_the_packages(tmp_path: Path, index: Path) -> None:
    """After an install the group's interpreter has the packages, ours still has not, and the second install
    finds it made.
    """
    small, told = group(tmp_path), Told()
    made = install(small, tmp_path / "envs", told, installer=PIP)

    assert made.installed.packages == {"voicelib": "1.5"}
    assert imports(made, "voicelib")
    assert any("voicelib" in line for line in told.lines)
    assert choose("small", ["voicelib"], tmp_path / "envs").python == str(made.python)
    assert choose("small", ["voicelib"], None).python is None
    assert install(small, tmp_path / "envs", told, installer=PIP) == made
    assert told.lines[-1] == "small is installed already"


def test_other_requirements_are_another_environment(tmp_path: Path, index: Path) -> None:
    """When a group's requirements have changed, an install makes it anew, and the old one goes only then."""
    made = install(group(tmp_path), tmp_path / "envs", Told(), installer=PIP)
    with pytest.raises(InstallFailed):
        install(group(tmp_path, "voicelib==2.0\n"), tmp_path / "envs", Told(), installer=PIP)
    assert layout.read(tmp_path / "envs" / "small") == made

    make_package(index, "voicelib", "2.0")
    other = install(group(tmp_path, "voicelib==2.0\n"), tmp_path / "envs", Told(), installer=PIP)
    assert other.installed.packages == {"voicelib": "2.0"}
    assert not made.path.exists()


def test_an_install_that_was_killed_is_begun_afresh(tmp_path: Path, index: Path) -> None:
    """An install killed in its middle counts as none, and the next one clears it away and is whole."""
    small, envs = group(tmp_path), tmp_path / "envs"
    process = ours(tmp_path, "voicelib")
    assert process.stdout
    assert process.stdout.readline() == "stopped\n"
    (begun,) = (envs / "small").iterdir()
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    process.stdout.close()
    assert layout.read(envs / "small") is None
    assert choose("small", ["voicelib"], envs).mend == "voicebox engines install small"

    told = Told()
    made = install(small, envs, told, installer=PIP)
    assert told.lines[0] == "an install that did not end was cleared away; this one begins afresh"
    assert made.path != begun
    assert imports(made, "voicelib")


def test_two_at_once_do_one_install(tmp_path: Path, index: Path) -> None:
    """Of two installs at once one does the work, and the other waits and finds it done."""
    group(tmp_path)
    results = []
    for process in [ours(tmp_path), ours(tmp_path)]:
        said, _ = process.communicate(timeout=PATIENCE)
        results.append(json.loads(said))

    assert results[0][0] == results[1][0]
    assert sorted("small is installed already" in lines for _, lines in results) == [False, True]


def test_a_failure_is_told_in_pips_own_words(tmp_path: Path, index: Path) -> None:
    """What pip says of a failure is in the error, and nothing that counts as installed is left, nor anything
    else.
    """
    with pytest.raises(InstallFailed, match="No matching distribution found for nothere"):
        install(group(tmp_path, "nothere==9\n"), tmp_path / "envs", Told(), installer=PIP)

    assert layout.read(tmp_path / "envs" / "small") is None
    assert list((tmp_path / "envs" / "small").iterdir()) == []


def test_a_full_disk_is_seen_before(tmp_path: Path, index: Path) -> None:
    """Where the disk has no room, the figures are told before anything is made."""
    with pytest.raises(InstallFailed, match=r"needs about 1500000000\.0 GB of disk .* has \d+\.\d GB free"):
        install(group(tmp_path, size=10**18), tmp_path / "envs", Told(), installer=PIP)
    assert not (tmp_path / "envs" / "small").exists()


def test_a_python_that_does_not_do_is_not_taken(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no Python fits a group, the error says which would; one of that name on the PATH is taken."""
    odd = msgspec.structs.replace(group(tmp_path), python=((3, 97), (3, 98)))
    with pytest.raises(InstallFailed, match=r"needs Python >=3\.97,<3\.98, .*: install Python 3\.97"):
        install(odd, tmp_path / "envs", Told(), installer=PIP)

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.97").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert PIP.python(odd) == str(tmp_path / "bin" / "python3.97")


def test_uv_does_the_same(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where uv is on the PATH it makes the environment, and its failures are told in its own words."""
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    assert Installer.found().uv
    made = install(group(tmp_path), tmp_path / "envs", Told())
    assert made.installed.packages == {"voicelib": "1.5"}
    assert imports(made, "voicelib")
    with pytest.raises(InstallFailed, match="nothere"):
        install(group(tmp_path, "nothere==9\n"), tmp_path / "envs", Told())


def test_remove_deletes_all(tmp_path: Path, index: Path) -> None:
    """A removed environment is gone from the disk and from what can be chosen; removing it again frees
    nothing.
    """
    small = group(tmp_path)
    install(small, tmp_path / "envs", Told(), installer=PIP)

    assert remove(small, tmp_path / "envs") > 1000
    assert not (tmp_path / "envs" / "small").exists()
    assert choose("small", ["voicelib"], tmp_path / "envs").python is None
    assert remove(small, tmp_path / "envs") == 0


def test_check_tells_versions_and_what_is_missing(tmp_path: Path, index: Path) -> None:
    """A check imports each package: it gives the versions of those that work, and of the others the reason
    and what mends it.
    """
    make_package(index, "broken", text="import voicelib\nraise OSError('no such library')\n")
    small = group(tmp_path, "voicelib\nbroken\n", packages=("voicelib", "broken", "absent"))
    made = install(small, tmp_path / "envs", Told(), installer=PIP)
    report = check(small, made.python)
    found = {one.name: (one.version, one.fault) for one in report.packages}

    assert report.version == made.installed.python
    assert found["voicelib"] == ("1.5", "")
    assert found["broken"] == ("", "OSError: no such library")
    assert "No module named 'absent'" in found["absent"][1]
    assert {fault.what for fault in faults(small, report)} == {"broken", "absent", *WORKER}
    assert all(fault.mend.endswith("voicebox engines install small") for fault in faults(small, report))


def test_check_tells_what_torch_computes_with(tmp_path: Path) -> None:
    """Our own interpreter's torch tells its threads and devices, although it is asked by way of a script."""
    pytest.importorskip("torch")
    report = check(group(tmp_path, packages=("torch",)), Path(sys.executable))

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


def test_a_gpu_without_code_is_told_with_what_mends_it(tmp_path: Path) -> None:
    """A GPU that torch was not built for is a fault, whose mend names the build for older or newer ones."""
    small = group(tmp_path)
    report = Report(
        gpus=(Gpu("Old", "6.1"), Gpu("New", "12.0"), Gpu("Good", "8.0")), built_for=("sm_80", "sm_90")
    )
    old, new = faults(small, report)

    assert "Old is of compute capability 6.1; torch has code for sm_80, sm_90" in old.found
    assert old.mend == "voicebox engines install small --index-url https://download.pytorch.org/whl/cu126"
    assert new.mend.endswith("/cu130")


def test_every_group_is_in_order() -> None:
    """Each group's requirements can be read, name all of our worker's own, and pin what the group is about."""
    for one in GROUPS:
        text = groups._text(one.requirements)
        for package in WORKER:
            assert package in text
        assert one.licences
        assert one.size
        assert one.digest() != one.digest("https://example.com")
        assert all("==" in bare for bare in (*one.first, *one.bare))
        assert one.fits((3, 11))


def test_what_runs_beside_an_install_ends_with_it(tmp_path: Path, index: Path) -> None:
    """An install that is interrupted takes pip with it, and leaves nothing."""

    def told(line: str) -> None:
        if "voicelib" in line:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        install(group(tmp_path), tmp_path / "envs", told, installer=PIP)
    assert time.monotonic() - began < PATIENCE
    assert list((tmp_path / "envs" / "small").iterdir()) == []
