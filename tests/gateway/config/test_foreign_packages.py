"""Tests that a start is refused when another distribution's package has one of our packages' names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.foreign_packages import PACKAGES, ROOT, check_packages


def run(folder: Path, path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with another folder first on its path."""
    environ = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def add_distribution(site: Path, name: str, files: dict[str, str]) -> None:
    """Put a distribution's files and its record into a folder."""
    about = site / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for file, text in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)
    record = "".join(f"{file},,{len(text)}\n" for file, text in files.items())
    (about / "RECORD").write_text(f"{record}{about.name}/METADATA,,\n{about.name}/RECORD,,\n")


def test_nothing_is_wrong_here() -> None:
    """Our own packages pass the check."""
    check_packages()


@pytest.mark.parametrize("command", [("serve",), ("say", "hello"), ("keys", "list"), ("--help",)])
def test_a_package_in_front_of_ours(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Each command refuses with status 2, and names the other distribution and both folders."""
    add_distribution(
        tmp_path / "site", "mosaic-streaming", {"streaming/__init__.py": "raise SystemExit('imported')"}
    )
    done = run(tmp_path, tmp_path / "site", "-m", "gateway", *command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("voicebox: Python finds the distribution mosaic-streaming 1.0")
    assert str(tmp_path / "site" / "streaming") in done.stderr
    assert str(ROOT / "streaming") in done.stderr


@pytest.mark.parametrize("file", ["engines/__init__.py", "voices.py"])
def test_a_folder_of_no_distribution(tmp_path: Path, file: str) -> None:
    """A package that belongs to no distribution is named by its folder or file."""
    site = tmp_path / "site"
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).write_text("raise SystemExit('imported')")
    done = run(tmp_path, site, "-m", "gateway", "serve")
    assert done.returncode == 2
    assert str(site / file).removesuffix("/__init__.py") in done.stderr


def test_a_folder_without_init_is_no_package(tmp_path: Path) -> None:
    """A folder of that name without `__init__.py` comes after our package in imports, and is no fault."""
    (tmp_path / "streaming").mkdir()
    done = run(tmp_path, ROOT, "-c", "from gateway.config.foreign_packages import check_packages as c; c()")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_distribution_in_the_same_folder(tmp_path: Path) -> None:
    """A distribution that was installed over ours, or inside one of our packages, is named as well."""
    site = tmp_path / "site"
    files = {f"{name}/__init__.py": "" for name in PACKAGES} | {"gateway/config/__init__.py": ""}
    for file in ("gateway/__main__.py", "gateway/config/foreign_packages.py"):
        files[file] = (ROOT / file).read_text("utf-8")
    add_distribution(site, "voicebox-gateway", files)
    check = ("-c", "from gateway.config.foreign_packages import check_packages as c; c()")
    assert run(tmp_path, site, *check).stderr == ""

    (site / "streaming" / "leftover.py").write_text("")  # nobody's: an update may leave such a file
    assert run(tmp_path, site, *check).stderr == ""

    add_distribution(site, "other-streaming", {"streaming/base.py": ""})
    done = run(tmp_path, site, "-m", "gateway", "serve")
    assert done.returncode == 2
    assert "the distribution other-streaming 1.0 has files in our package `streaming`" in done.stderr

    shutil.rmtree(site / "other_streaming-1.0.dist-info")
    add_distribution(site, "other-engines", {"engines/__init__.py": "VERSION = 1"})
    done = run(tmp_path, site, "-m", "gateway", "serve")
    assert done.returncode == 2
    assert f"other-engines 1.0 has files in our package `engines`, at {site / 'engines'}" in done.stderr
