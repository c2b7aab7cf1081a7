"""Tests of `scripts/setup` with an interpreter that only pretends to install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from servers import TIMEOUT

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("words", "size"), [((), "820 MB"), (("minimal",), "490 MB")])
def test_what_is_installed_is_told_before(tmp_path: Path, words: tuple[str, ...], size: str) -> None:
    """The setup says what it installs, how large that is and that it takes minutes, before it begins."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", tmp_path / "scripts/setup")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$2" = pip ] && echo installs >&2\nexit 0\n')
    python.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "scripts/setup", *words], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    told, _, after = done.stderr.partition("installs")
    assert size in told
    assert "minutes" in told
    assert after.rstrip().endswith("setup: ready")
