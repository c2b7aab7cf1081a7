"""Tests of what parts `make test` from `make test-engines`: the libraries that a file imports."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from engine_tests import imported, needs_libraries
from pytest_runs import ROOT, environ, pytest_command
from servers import TIMEOUT

READ_FOR_TORCH_ONLY = """
import torch_of_nobody
import torch

def test_something():
    raise AssertionError("it was run")
"""
PLAIN = """
import pytest

TEXT = \"\"\"
import torch
\"\"\"

def test_plain():
    import json

@pytest.mark.engines
def test_marked():
    raise AssertionError("it was run")
"""


@pytest.mark.parametrize(
    ("file", "needs"),
    [
        ("engines/adapters/test_kokoro_batch.py", True),
        ("engines/adapters/test_kokoro_onnx.py", False),
        ("engines/adapters/test_whisper.py", True),
        ("engines/adapters/test_hibari.py", False),
        ("engines/adapters/test_piper.py", False),
        ("engines/toolkit/test_devices.py", True),
        ("engines/toolkit/test_windows.py", False),
        ("gateway/models/test_neural.py", True),
        ("gateway/models/test_first_use.py", False),
    ],
)
def test_which_files_need_torch(file: str, needs: bool) -> None:
    """A file needs torch if it imports it, or a module of ours that does; what runs without it is tested without."""
    assert needs_libraries(ROOT / "tests" / file) is needs


def test_all_forms_of_imports(tmp_path: Path) -> None:
    """Modules are found in each form of an import at a file's beginning, and not in texts and functions."""
    file = tmp_path / "test_forms.py"
    file.write_text(
        "import one.a, two as second  # three\nfrom four.b import (\n    c,  # five\n    d as e,\n)\n"
        'six = pytest.importorskip("six.f")\npytest.importorskip("seven", reason="of eight")\n'
        '"""\nimport nine\n"""\ndef run() -> None:\n    import ten\n'
    )
    names = ["one.a", "two", "four", "four.b", "four.b.c", "four.b.d", "six.f", "seven"]
    assert sorted(imported(file)) == sorted(names)


def test_what_the_others_need_is_not_read(tmp_path: Path) -> None:
    """Where `make test` runs, files of the other tests are not imported, and marked ones not run; a file is chosen by
    its imports, not by its texts.
    """
    (tmp_path / "test_torch.py").write_text(READ_FOR_TORCH_ONLY)
    (tmp_path / "test_plain.py").write_text(PLAIN)
    command = pytest_command(tmp_path, "--numprocesses", "0", "-m", "not engines")
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT,
        env=environ(),
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
