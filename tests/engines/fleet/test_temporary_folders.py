"""Tests that a gateway's temporary folders go with it, and that no other gateway removes them before."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engines.fleet.temporary_folders import LOCK, UNLOCKED_SECONDS, TemporaryFolder, remove_stale_folders

OWNER = """
from engines.fleet.temporary_folders import TemporaryFolder
folder = TemporaryFolder()
print(folder.path, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the folder of temporary files be the test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_another_containers_folder_stays(tmp_path: Path) -> None:
    """The folder of a gateway that lives stays, also where no process of this machine has the id that is in
    its name, as where two containers share a folder; it goes once its owner was killed.
    """
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=-1, stdout=-1, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        assert folder.parent == tmp_path
        elsewhere = folder.rename(tmp_path / f"voicebox-{2**22 + 1}-elsewhere")
        remove_stale_folders()
        assert elsewhere.is_dir()
        owner.kill()
        owner.wait()
        remove_stale_folders()
        assert not elsewhere.exists()


def test_stale_though_its_process_lives(tmp_path: Path) -> None:
    """A folder that nobody holds goes, also where some other process has the id that is in its name."""
    folder = tmp_path / f"voicebox-{os.getpid()}-stale"
    folder.mkdir()
    (folder / LOCK).touch()
    remove_stale_folders()
    assert not folder.exists()


def test_a_folder_without_a_lock(tmp_path: Path) -> None:
    """A folder that has no lock yet stays for an hour: its owner may be about to lock it."""
    young, old = tmp_path / "voicebox-1-young", tmp_path / "voicebox-1-old"
    for folder in (young, old):
        folder.mkdir()
    long_ago = old.stat().st_mtime - 2 * UNLOCKED_SECONDS
    os.utime(old, (long_ago, long_ago))
    remove_stale_folders()
    assert (young.is_dir(), old.exists()) == (True, False)


def test_it_goes_with_its_block(tmp_path: Path) -> None:
    """A folder is removed with all that is in it at the end of its block."""
    with TemporaryFolder() as folder:
        (folder / "socket").touch()
        remove_stale_folders()
        assert (folder / "socket").exists()
    assert list(tmp_path.iterdir()) == []
