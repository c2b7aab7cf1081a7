"""Tests of tables: at any width of a terminal, and in a pipe."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import TIMEOUT
from terminal import VOICEBOX, on_terminal

from engines.catalogue.models import MODELS
from gateway.cli.tables import column_widths

SETTINGS = """
data_dir: {data}
models:
  folder: {folder}
  own:
    an-own-model-with-quite-a-long-name: {{repo: somebody/own}}
"""
WITHOUT_TORCH = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else find(name, package)
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write settings of somebody who has pulled nothing and has no torch, and return their path."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TORCH)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(__file__).parents[3]}")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "own.yaml"
    path.write_text(SETTINGS.format(data=tmp_path / "data", folder=tmp_path / "files"))
    return str(path)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_names_are_whole_at_any_width(config: str, columns: int) -> None:
    """Every model's name stands whole in one line, however narrow the terminal is; no line is wider than it
    unless one name alone is.
    """
    status, text = on_terminal("models", "available", "--config", config, columns=columns)

    assert status == 0
    lines = text.splitlines()
    firsts = {line.split()[0] for line in lines if line.strip()}
    assert {record.name for record in MODELS} <= firsts
    assert max(len(line) for line in lines if len(line.split()) > 1) <= columns
    assert "…" not in text


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_remark_stands_once(config: str, columns: int) -> None:
    """What many models have in common is written once below the table, and their rows bear its mark."""
    found = json.loads(
        subprocess.run(
            [*VOICEBOX, "models", "available", "--json", "--config", config],
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        ).stdout
    )
    remarks = {model["obstacle"] for model in found if model["obstacle"]}
    _, text = on_terminal("models", "available", "--config", config, columns=columns)
    flat = " ".join(text.split())

    assert any("torch" in remark for remark in remarks)
    assert all(flat.count(" ".join(remark.split())) == 1 for remark in remarks)
    assert all(f"[{number}]" in text for number in range(1, len(remarks) + 1))


def test_a_pipe_gets_all_columns_and_each_remark_once(config: str) -> None:
    """In a pipe a row is a line with all columns; remarks are notes, each once, on standard error."""
    done = subprocess.run(
        [*VOICEBOX, "models", "available", "--config", config],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]

    assert {len(row) for row in rows} == {7}
    assert {row[0] for row in rows} >= {record.name for record in MODELS}
    notes = done.stderr.splitlines()
    assert len(notes) == len(set(notes))
    assert {row[-1] for row in rows} - {""} == {note.split()[1] for note in notes}


def test_what_is_here_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are on the disk stand before those that can be pulled."""
    monkeypatch.setenv("VOICEBOX_DATA_DIR", str(tmp_path))
    done = subprocess.run(
        [*VOICEBOX, "models", "available"], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    here = [bool(line.split("\t")[3]) for line in done.stdout.splitlines()]

    assert any(here)
    assert here == sorted(here, reverse=True)


def test_no_color_is_heeded(config: str) -> None:
    """With NO_COLOR the table is the same."""
    plain = on_terminal("models", "available", "--config", config, columns=100, NO_COLOR="1")
    assert plain == on_terminal("models", "available", "--config", config, columns=100)


cells = st.lists(st.text("ab ü界", max_size=30), min_size=3, max_size=3)


@given(st.lists(cells, min_size=1, max_size=6), st.integers(1, 120))
def test_columns_fit_or_are_given_up(rows: Sequence[Sequence[str]], room: int) -> None:
    """Columns that are given widths fit into the room, and the first holds its longest cell whole."""
    from rich.cells import cell_len

    widths = column_widths(["first", "second", "third"], rows, [True, False, False], room)
    if widths:
        assert sum(widths) + 2 * (len(widths) - 1) <= room
        assert widths[0] == max(5, *(cell_len(row[0]) for row in rows))
