"""Tests of packages that are installed on request only: their licences are shown first, they get into the environment
of their group, and no other package of their name is ever taken for them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from wheels import index_variables, make_package

from engines.catalogue.models import MODELS, find_model
from engines.environments import layout
from engines.environments.commands import Installer, InstallFailed
from engines.environments.extra_packages import add_to_environment
from engines.environments.find import obstacle
from engines.environments.groups import Group, Licence, find_group
from engines.environments.install import install_environment
from engines.environments.on_request import LUXTTS, ON_REQUEST, OnRequest, add_commands, find_on_request

PIP = Installer("")
TIMEOUT = 120.0


def says(_line: str) -> None:
    """Take what an installer prints."""


def engines_add(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `voicebox engines add` with a data folder of its own, and nobody at the terminal."""
    config = folder / "config.yaml"
    config.write_text(f"data_dir: {folder}\n")
    command = [sys.executable, "-m", "gateway", "engines", "add", *arguments, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)


def test_what_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requirements come from the index and the sources from where they lie, without what these ask for; the
    marker of the environment has the name.
    """
    index = tmp_path / "index"
    for name, value in index_variables(index).items():
        monkeypatch.setenv(name, value)
    for name in ("voicelib", "speller", "mine"):
        make_package(index, name)
    (tmp_path / "small.txt").write_text("voicelib\n")
    (tmp_path / "mine.txt").write_text("speller==1.0\n")
    group = Group("main", "Small", tmp_path / "small.txt", ("voicelib",), 1000)
    install_environment(group, tmp_path / "environments", says, installer=PIP)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    make_package(elsewhere, "rare", "2.0")
    source = f"rare @ {(elsewhere / 'rare-2.0-py3-none-any.whl').as_uri()}"
    wanted = OnRequest(
        "mine", "Mine", "main", tmp_path / "mine.txt", (source,), 1000, (Licence("rare", "none"),)
    )

    environment = add_to_environment(tmp_path / "environments" / "main", ["mine"], says, PIP, (wanted,))
    assert environment.installed.packages == {"voicelib": "1.0", "speller": "1.0", "rare": "2.0"}
    assert environment.installed.added == ("mine",)
    assert layout.read_environment(tmp_path / "environments" / "main") == environment


@pytest.mark.parametrize("one", ON_REQUEST, ids=lambda one: one.name)
def test_the_index_is_never_asked_for_the_name(one: OnRequest) -> None:
    """Whatever package an index has of that name, it is not what is meant; sources are at one commit, over TLS."""
    commands = add_commands(Path("python"), [one.name, "uroman"], PIP)
    arguments = [argument for command in commands for argument in command]
    assert one.name not in arguments
    assert "uroman" in commands[0]
    assert str(one.requirements) in arguments
    assert one.requirements.is_file()
    assert commands[-1][-1 - len(one.sources)] == "--no-deps"
    for source in one.sources:
        address = source.partition(" @ ")[2]
        assert address.startswith("https://")
        assert len(address.rpartition("/")[2].removesuffix(".zip")) == 40


def test_the_catalogue_and_the_names_agree() -> None:
    """What a model is said to be added as is there, in the model's own environment."""
    wanted = {record.engine.added_as: record.engine.group for record in MODELS if record.engine.added_as}
    assert wanted == {one.name: one.group for one in ON_REQUEST}
    assert find_on_request("uroman") is None
    for one in ON_REQUEST:
        assert find_group(one.group)


def test_the_licences_are_shown_first(tmp_path: Path) -> None:
    """`voicebox engines add luxtts` tells every licence, and that one is missing, and installs nothing unless
    somebody agrees.
    """
    done = engines_add(tmp_path, "luxtts")
    assert done.returncode == 2
    for part in LUXTTS.licences:
        assert f"licence of {part.package}: {part.licence}" in done.stderr
    assert "no licence file" in done.stderr
    assert "--yes agrees" in done.stderr


def test_its_environment_is_wanted_first(tmp_path: Path) -> None:
    """Where the environment is not there, the command that brings it is told."""
    done = engines_add(tmp_path, "luxtts", "--yes")
    assert done.returncode == 1
    assert "legacy457 is not installed: voicebox engines install legacy457" in done.stderr
    with pytest.raises(InstallFailed, match="voicebox engines install legacy457"):
        add_to_environment(tmp_path / "environments" / "legacy457", ["luxtts"], says, PIP)


def test_a_model_tells_how_its_packages_are_had(tmp_path: Path) -> None:
    """What keeps such a model from running names the packages, and the command that brings them."""
    engine = msgspec.structs.replace(find_model("luxtts").engine, packages=("zipvoice_of_nobody",))
    model = msgspec.structs.replace(find_model("luxtts"), engine=engine)
    assert obstacle(model, tmp_path) == "zipvoice_of_nobody not installed: voicebox engines add luxtts"
