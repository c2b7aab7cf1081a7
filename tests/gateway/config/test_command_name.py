"""Tests of what messages tell a user to type: the program by the name by which a shell finds it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import _SubParsersAction
from pathlib import Path

import pytest

from gateway.cli.parser import make_parser
from gateway.config.command_name import COMMANDS, as_called_here, command_name

SCRIPTS = Path(sys.executable).parent
ASK = "from gateway.config.command_name import command_name; print(command_name())"
ELSEWHERE = "/usr/bin:/bin"


def name_in(folder: Path, path: str) -> str:
    """Return the name of the program to a shell in a folder."""
    found = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_every_command_is_known() -> None:
    """No command of the command line is left as it is."""
    groups = [action for action in make_parser()._actions if isinstance(action, _SubParsersAction)]
    assert sorted(groups[0].choices) == sorted(COMMANDS)


@pytest.mark.skipif(not (SCRIPTS / "voicebox").exists(), reason="the command is not installed")
def test_plain_only_where_that_is_this_program(tmp_path: Path) -> None:
    """Plain `voicebox` is told only where a shell finds this very program by it, be it by a link; else its path, from
    within the folder that it lies below; and that path is what works.
    """
    other, linked = tmp_path / "other", tmp_path / "linked"
    for folder in (other, linked):
        folder.mkdir()
    shutil.copy("/bin/true", other / "voicebox")
    (linked / "voicebox").symlink_to(SCRIPTS / "voicebox")
    above = SCRIPTS.parents[1]

    assert name_in(tmp_path, f"{SCRIPTS}:{ELSEWHERE}") == "voicebox"
    assert name_in(tmp_path, f"{linked}:{ELSEWHERE}") == "voicebox"
    assert name_in(tmp_path, f"{other}:{ELSEWHERE}") == str(SCRIPTS / "voicebox")
    relative = name_in(above, ELSEWHERE)
    assert relative == str((SCRIPTS / "voicebox").relative_to(above))
    done = subprocess.run(["sh", "-c", f"{relative} --version"], cwd=above, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "voicebox")


@pytest.mark.skipif(not (SCRIPTS / "voicebox").exists(), reason="the command is not installed")
def test_messages_of_the_command_line(tmp_path: Path) -> None:
    """Where the program is not on the PATH, errors, notes, tables and help name it by its path."""
    environ = {**os.environ, "PATH": ELSEWHERE, "VOICEBOX_DATA_DIR": str(tmp_path), "COLUMNS": "400"}

    def said(*words: str) -> str:
        command = [str(SCRIPTS / "voicebox"), *words]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
        return done.stdout + done.stderr

    program = SCRIPTS / "voicebox"
    assert f"`{program} models available` lists them" in said("models", "show", "no-such-model")
    assert f"`{program} keys create NAME` makes one" in said("keys", "list")
    assert f"{program} setup --language de" in said("setup", "--help")


def test_only_commands_are_named_anew() -> None:
    """What is no command of ours stays: the beginning of an error, a package, a path, a URL."""
    for text in (
        "voicebox: it failed",
        "pip install some-voicebox",
        "/opt/voicebox serve",
        "x-voicebox-mapped",
        "https://example.org/voicebox say",
        "a voicebox that speaks",
    ):
        assert as_called_here(text) == text
    name = command_name()
    assert as_called_here("`voicebox models pull X` or voicebox setup") == (
        f"`{name} models pull X` or {name} setup"
    )
