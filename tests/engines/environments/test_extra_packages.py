"""Tests of packages that are added for an engine: they get into the Python that runs it, and stay there; and every
advice to install something says into which.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheels import index_variables, make_package

from engines.environments import layout
from engines.environments.commands import Installer, InstallFailed
from engines.environments.extra_packages import add_to_environment, checked_packages
from engines.environments.groups import Group
from engines.environments.install import install_environment

ROOT = Path(__file__).parents[3]
PIP = Installer("")
TIMEOUT = 120.0
ADVICE = "from engines.toolkit.advice import add_command; print(add_command('speller'))"


def says(_line: str) -> None:
    """Take what an installer prints."""


@pytest.fixture
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with an environment, and an index of tiny packages."""
    index = tmp_path / "index"
    for name, value in index_variables(index).items():
        monkeypatch.setenv(name, value)
    for name in ("voicelib", "speller", "rare"):
        make_package(index, name)
    install_environment(group(tmp_path, "voicelib\n"), tmp_path / "environments", says, installer=PIP)
    return tmp_path / "environments"


def group(folder: Path, text: str) -> Group:
    """Return a group of tiny packages, by the name of one that there is."""
    requirements = folder / "small.txt"
    requirements.write_text(text)
    return Group(name="main", display="Small", requirements=requirements, packages=("voicelib",), size=1000)


def imports(python: Path, module: str) -> bool:
    """Return whether an interpreter has a module."""
    return (
        subprocess.run(
            [str(python), "-c", f"import {module}"], capture_output=True, timeout=TIMEOUT
        ).returncode
        == 0
    )


def test_a_package_gets_where_the_engine_runs(envs: Path, tmp_path: Path) -> None:
    """A package that is added is in the engine's environment and not in ours, also after that was installed anew."""
    environment = add_to_environment(envs / "main", ["speller", "rare==1.0"], says, PIP)
    assert imports(environment.python, "speller")
    assert not imports(Path(sys.executable), "speller")
    assert environment.installed.packages == {"voicelib": "1.0", "speller": "1.0", "rare": "1.0"}

    (tmp_path / "index" / "rare-1.0-py3-none-any.whl").unlink()
    make_package(tmp_path / "index", "voicelib", "2.0")
    again = install_environment(group(tmp_path, "voicelib==2.0\n"), envs, says, installer=PIP)
    assert again.path != environment.path
    assert imports(again.python, "speller")
    assert again.installed.added == ("speller",)
    assert layout.read_environment(envs / "main") == again


def test_the_advice_names_the_environment(envs: Path) -> None:
    """An engine that lacks a package says the command that brings it to where that engine runs."""
    environment = layout.read_environment(envs / "main")
    assert environment
    for python, advice in (
        (str(environment.python), "voicebox engines add speller --to main"),
        (sys.executable, "voicebox engines add speller --to own"),
    ):
        done = subprocess.run(
            [python, "-c", ADVICE], capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT
        )
        assert done.stdout.strip() == advice, done.stderr


def test_the_command_as_the_advice_has_it(envs: Path) -> None:
    """`voicebox engines add` does what the advice says, for an environment and for the engines that it runs."""
    for name, target in (("speller", "main"), ("rare", "whisper")):
        command = [sys.executable, "-m", "gateway", "engines", "add", name, "--to", target]
        config = envs.parent / "config.yaml"
        config.write_text(f"data_dir: {envs.parent}\n")
        done = subprocess.run(
            [*command, "--config", str(config)], capture_output=True, text=True, timeout=TIMEOUT
        )
        assert done.returncode == 0, done.stderr
        environment = layout.read_environment(envs / "main")
        assert environment
        assert imports(environment.python, name)
    assert environment
    assert environment.installed
    assert environment.installed.added == ("speller", "rare")


@pytest.mark.parametrize("package", ["--index-url=http://x", "../evil", "x @ https://example.org/x.whl", ""])
def test_only_names_are_added(package: str) -> None:
    """What is no package's name is refused before anything is installed."""
    with pytest.raises(InstallFailed):
        checked_packages([package])


def texts(file: Path) -> Iterator[str]:
    """Yield the texts in a module but its documentation."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_advice_names_a_python() -> None:
    """No message tells of a bare `pip`, which belongs to whichever Python comes first."""
    folders = ("gateway", "engines", "voices", "streaming", "compat")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    bare = [
        (file.name, text)
        for file in files
        for text in texts(file)
        if ("pip install" in text or "pip uninstall" in text) and "-m pip" not in text
    ]
    assert bare == []
