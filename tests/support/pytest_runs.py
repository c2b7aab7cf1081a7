"""Runs of pytest itself, on files that a test has written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pytest_command(file: Path, *arguments: str) -> list[str]:
    """Return the command that runs a file of tests as `make test` does."""
    settings = [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
    ]
    return [sys.executable, "-m", "pytest", *settings, *arguments, str(file)]


def environ() -> dict[str, str]:
    """Return the environment of such a run: what tests share can be imported, and nothing of this run is known."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**inherited, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
