"""Tests of `voicebox engines`, with empty packages that have the names of the real ones."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from servers import TIMEOUT
from wheels import index_variables, make_package

from engines.environments.groups import REQUIREMENTS, WORKER_PACKAGES, find_group

VOICEBOX = [sys.executable, "-m", "gateway", "engines"]
MODULES = {"mlx-audio": "mlx_audio", "hibari-tts": "hibari"}
CORE = "def default_device():\n    return 'Device(cpu, 0)'\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide a folder of packages for all that the environment `mlx` needs, and settings that keep it in a
    folder of its own.
    """
    folder = tmp_path / "index"
    for file in ("worker.txt", "mlx.txt"):
        for line in (REQUIREMENTS / file).read_text().splitlines():
            if found := re.match(r"([\w-]+)(?:\[\w+\])?(?:==|>=)([\d.]+)", line):
                make_package(folder, found[1], found[2], module=MODULES.get(found[1], ""))
    make_package(folder, "silero-vad", "6.2.3", module="silero_vad")
    make_package(folder, "mlx", "0.32.4", module="mlx", text="")
    _add_core(folder / "mlx-0.32.4-py3-none-any.whl")
    for name, value in index_variables(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VOICEBOX_DATA_DIR", str(tmp_path / "data"))
    return folder


def _add_core(wheel: Path) -> None:
    """Add the module `core` to a wheel of mlx."""
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("mlx/core.py", CORE)


def voicebox(*arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    """Run `voicebox engines`."""
    done = subprocess.run(
        [*VOICEBOX, *arguments], capture_output=True, text=True, timeout=TIMEOUT, stdin=stdin
    )
    assert "Traceback" not in done.stderr
    return done


def listed(name: str) -> dict[str, Any]:
    """Return an environment's entry in `voicebox engines list`."""
    done = voicebox("list", "--json")
    assert done.returncode == 0, done.stderr
    return next(one for one in json.loads(done.stdout) if one["name"] == name)


def test_install_check_and_remove(tmp_path: Path, index: Path) -> None:
    """An environment is installed, listed, checked, found broken when it is, and removed."""
    done = voicebox("install", "mlx", "--yes", "--unlocked")
    assert done.returncode == 0, done.stderr
    found = listed("mlx")
    assert found["state"] == "installed"
    assert found["python"].startswith(str(tmp_path / "data" / "environments" / "mlx"))

    checked = voicebox("check", "mlx")
    assert checked.returncode == 0, checked.stdout
    rows = [line.split("\t") for line in checked.stdout.splitlines()]
    assert {row[1] for row in rows} == {"python", "devices", *WORKER_PACKAGES, *find_group("mlx").packages}
    assert ["mlx", "mlx_audio", "ok", "0.6.2", ""] in rows
    assert ["mlx", "devices", "ok", "mlx: Device(cpu, 0)", ""] in rows

    (module,) = (tmp_path / "data" / "environments").glob("mlx/*/lib/*/site-packages/mlx_audio/__init__.py")
    module.write_text("raise OSError('libmetal')\n")
    checked = voicebox("check", "--json")
    assert checked.returncode == 1
    faults = next(one for one in json.loads(checked.stdout) if one["name"] == "mlx")["faults"]
    remedy = "voicebox engines remove mlx && voicebox engines install mlx"
    assert faults == [{"what": "mlx_audio", "found": "OSError: libmetal", "mend": remedy}]

    assert "freed" in voicebox("remove", "mlx").stderr
    assert listed("mlx")["state"] != "installed"
    assert "was not installed" in voicebox("remove", "mlx").stderr


def test_terms_are_shown_and_confirmed(tmp_path: Path, index: Path) -> None:
    """Size and licences are shown first; nothing is installed where nobody can be asked, nor when the answer
    is no.
    """
    done = voicebox("install", "mlx")
    assert done.returncode == 2
    assert "about 700 MB" in done.stderr
    assert "licence of mlx, mlx-audio: MIT" in done.stderr
    assert "--yes" in done.stderr

    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        done = voicebox("install", "mlx", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1
    assert "nothing was installed" in done.stderr
    assert not (tmp_path / "data" / "environments").exists()


def test_an_engines_name_is_its_environments(tmp_path: Path, index: Path) -> None:
    """An engine's name stands for its environment, and GPL parts of it are named; an unknown name is refused
    with similar ones.
    """
    done = voicebox("install", "kokoro")
    assert done.returncode == 2
    assert "main: " in done.stderr
    assert "licence of phonemizer-fork, espeak-ng (for Kokoro): GPL-3.0-or-later" in done.stderr

    done = voicebox("install", "kokorro", "--yes")
    assert done.returncode == 2
    assert "there is no environment or engine 'kokorro'" in done.stderr
    assert "kokoro" in done.stderr.partition("'kokorro'")[2]
    assert voicebox("check", "legacy457").returncode == 1


def test_an_install_uses_the_index_of_the_previous_one(tmp_path: Path, index: Path) -> None:
    """The index that torch came from is stored without its password, and a further install uses it unless
    another is given.
    """
    url = "https://me:secret@torch.example.com/cpu"
    assert voicebox("install", "mlx", "--yes", "--unlocked", "--index-url", url).returncode == 0
    again = voicebox("install", "mlx")

    assert again.returncode == 0
    assert "mlx is installed already" in again.stderr
    (marker,) = (tmp_path / "data" / "environments" / "mlx").glob("*.json")
    assert json.loads(marker.read_text())["index_url"] == "https://torch.example.com/cpu"
    assert voicebox("install", "mlx", "--index-url", "").returncode == 2


def test_what_the_installer_says_is_in_a_file(tmp_path: Path, index: Path) -> None:
    """The terminal gets a few lines, a file all that the installer said; a failure is the line that matters and the path
    of that file.
    """
    log = tmp_path / "data" / "logs" / "install-mlx.log"
    done = voicebox("install", "mlx", "--yes", "--unlocked")
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) < 12
    assert str(log) in done.stderr
    assert "mlx-audio" in log.read_text()
    assert len(log.read_text().splitlines()) > 10

    voicebox("remove", "mlx")
    (index / "mlx_audio-0.6.2-py3-none-any.whl").unlink()
    done = voicebox("install", "mlx", "--yes", "--unlocked")
    reason, where = done.stderr.splitlines()[-2:]
    assert reason.startswith(
        "voicebox: installing Engines on Apple silicon, by mlx-audio and without torch failed"
    )
    assert "mlx-audio" in reason
    assert str(log) in where


def test_a_failed_install_ends_with_its_reason(tmp_path: Path, index: Path) -> None:
    """When a package cannot be installed the status is 1, the installer's reason comes last, and the
    environment is not listed as installed.
    """
    (index / "mlx_audio-0.6.2-py3-none-any.whl").unlink()
    done = voicebox("install", "mlx", "--yes", "--unlocked")

    assert done.returncode == 1
    assert (
        "mlx-audio"
        in done.stderr.partition(
            "voicebox: installing Engines on Apple silicon, by mlx-audio and without torch failed"
        )[2]
    )
    assert listed("mlx")["python"] is None
