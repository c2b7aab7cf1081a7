"""Tests of repairs, each on a package that is broken as the real one is."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from wheels import PLATFORM, index_variables, make_package, make_wheel

from engines.environments.commands import Installer, InstallFailed
from engines.environments.groups import Group
from engines.environments.install import install_environment
from engines.environments.layout import Environment

TIMEOUT = 60.0
TORCHAUDIO = """
import ctypes, pathlib
import torch

library = pathlib.Path(__file__).parent / "lib" / "_torchaudio.abi3.so"
if library.exists():
    ctypes.CDLL(str(library))
"""
SOUNDFILE = """
import pathlib

data = pathlib.Path(__file__).parent / "_soundfile_data"
if not list(data.glob("libsndfile*")):
    raise OSError("cannot load library 'libsndfile.so'")
"""
PERTH = """
try:
    import pkg_resources
    PerthImplicitWatermarker = object
except ImportError:
    PerthImplicitWatermarker = None
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the folder that packages are installed from."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in index_variables(folder).items():
        monkeypatch.setenv(name, value)
    return folder


def install_packages(tmp_path: Path, text: str, *, without_dependencies: tuple[str, ...] = ()) -> Environment:
    """Install some packages into an environment, and return it."""
    requirements = tmp_path / "small.txt"
    requirements.write_text(text)
    small = Group(
        name="small",
        display="Small",
        requirements=requirements,
        packages=(),
        size=1000,
        without_dependencies=without_dependencies,
    )
    return install_environment(small, tmp_path / "envs", lambda _line: None, installer=Installer(""))


def output_of(environment: Environment, code: str) -> str:
    """Run some code by an environment's interpreter, and return what it prints."""
    done = subprocess.run(
        [str(environment.python), "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    return done.stdout.strip()


def test_torchaudio_without_its_cuda(tmp_path: Path, index: Path) -> None:
    """Libraries of torchaudio that do not load with this torch are deleted, and it can be imported then."""
    make_package(index, "torch")
    make_wheel(
        index,
        "torchaudio",
        {"torchaudio/__init__.py": TORCHAUDIO, "torchaudio/lib/_torchaudio.abi3.so": "no ELF"},
    )
    environment = install_packages(tmp_path, "torch\ntorchaudio\n")

    assert len(environment.installed.repaired) == 1
    assert environment.installed.repaired[0].startswith("torchaudio: 1 libraries taken away")
    assert output_of(environment, "import torchaudio; print('in')") == "in"


def test_torchaudio_is_kept_where_it_works_or_torch_does_not(tmp_path: Path, index: Path) -> None:
    """Libraries that load stay, and so do those that fail only because torch itself does."""
    make_package(index, "torch")
    make_wheel(
        index, "torchaudio", {"torchaudio/__init__.py": "", "torchaudio/lib/_torchaudio.abi3.so": "no ELF"}
    )
    environment = install_packages(tmp_path, "torch\ntorchaudio\n")
    assert environment.installed.repaired == ()
    assert list(environment.site.glob("torchaudio/lib/*.so"))

    make_package(index, "torch", "2.0", text="raise OSError('libcuda')\n")
    make_wheel(
        index,
        "torchaudio",
        {"torchaudio/__init__.py": TORCHAUDIO, "torchaudio/lib/_torchaudio.abi3.so": "no ELF"},
        "2.0",
    )
    environment = install_packages(tmp_path, "torch==2.0\ntorchaudio==2.0\n")
    assert environment.installed.repaired == ()
    assert list(environment.site.glob("torchaudio/lib/*.so"))


def test_soundfile_with_its_library(tmp_path: Path, index: Path) -> None:
    """A soundfile without its library is replaced by the platform's own wheel of the same version."""
    make_wheel(index, "soundfile", {"soundfile.py": SOUNDFILE}, "0.14.0")
    wrong = index / "soundfile-0.14.0-py3-none-any.whl"
    right = {
        "soundfile.py": SOUNDFILE,
        "_soundfile_data/__init__.py": "",
        "_soundfile_data/libsndfile_x86_64.so": "",
    }
    make_wheel(index, "soundfile", right, "0.14.0", PLATFORM)
    environment = install_packages(tmp_path, f"soundfile @ {wrong.as_uri()}\n")

    assert environment.installed.repaired == (
        "soundfile: the wheel with its library installed in place of the one without",
    )
    assert environment.installed.packages == {"soundfile": "0.14.0"}
    assert output_of(environment, "import soundfile; print('in')") == "in"


def test_soundfile_that_cannot_be_repaired(tmp_path: Path, index: Path) -> None:
    """Where there is no wheel with a library either, the install fails with soundfile's error."""
    make_wheel(index, "soundfile", {"soundfile.py": SOUNDFILE}, "0.14.0")
    with pytest.raises(InstallFailed, match=r"cannot load library 'libsndfile\.so'"):
        install_packages(tmp_path, "soundfile\n")


def test_perth_gets_the_old_setuptools(tmp_path: Path, index: Path) -> None:
    """perth, which hides that it could not import pkg_resources, gets a setuptools that has it."""
    make_package(index, "resemble-perth", "1.0.1", module="perth", text=PERTH)
    make_package(index, "setuptools", "84.2.1")
    make_wheel(index, "setuptools", {"setuptools/__init__.py": "", "pkg_resources/__init__.py": ""}, "80.9.0")
    environment = install_packages(tmp_path, "resemble-perth\nsetuptools\n")

    assert environment.installed.repaired == ("setuptools: one with pkg_resources installed, for perth",)
    assert environment.installed.packages["setuptools"] == "80.9.0"
    assert output_of(environment, "import perth; print(perth.PerthImplicitWatermarker)") != "None"


def test_packages_without_dependencies(tmp_path: Path, index: Path) -> None:
    """A package with wrong dependencies is installed without them; one that is installed already is kept."""
    path = make_package(index, "Voice_CPM", "2.0.3", module="voicecpm")
    _add_dependency(path, "gradio")
    make_package(index, "there", "1.0")
    environment = install_packages(
        tmp_path, "there\n", without_dependencies=("voice-cpm==2.0.3", "there==1.0")
    )

    assert environment.installed.repaired == ("installed without what they ask for: voice-cpm==2.0.3",)
    assert environment.installed.packages == {"voice-cpm": "2.0.3", "there": "1.0"}


def _add_dependency(wheel: Path, requirement: str) -> None:
    """Add a dependency to a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(
                name, data + f"Requires-Dist: {requirement}\n".encode() if name.endswith("METADATA") else data
            )
