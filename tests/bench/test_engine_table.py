"""Tests of the table of engines in docs/engines.md: it says what tests have shown, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pytest_runs import ROOT, environ, pytest_command
from servers import TIMEOUT

from bench.engine_table import runs, table

SHOWING = """
import pytest

@pytest.mark.shows("equals", "kokoro", "tada")
@pytest.mark.parametrize("wrong", [False, True, False])
def test_equal(wrong, request):
    assert not (wrong and request.config.getoption("verbose") > 1)

@pytest.mark.shows("clones", by="kind", rows={"one": "luxtts", "two": "voxcpm"})
@pytest.mark.parametrize("kind", ["one", "two", "three"])
def test_clones(kind):
    if kind == "two":
        pytest.skip("not installed")

@pytest.mark.shows("device", "espeak")
def test_told(cell):
    cell("espeak", "device", "toaster")
"""


def test_the_table_is_fresh() -> None:
    """The page has the table that is made of what was written down: `make engines-table` makes both."""
    page = table.PAGE.read_text("utf-8")
    assert table.with_table(page, runs.read()) == page


def test_each_engine_has_a_row() -> None:
    """Each engine of the catalogue has a row, whether anything of it was run or not, and no other has one."""
    shown = set(map(runs.engine_of, runs.rows(runs.read())))
    assert shown == set(runs.known_engines())
    assert set(map(runs.engine_of, runs.read())) <= shown
    assert set(map(runs.engine_of, runs.rows({}))) == shown


def test_what_was_not_run_says_so() -> None:
    """A cell without an outcome says that nothing was run."""
    lines = table.markdown({"tada": {"loads": "yes"}}).splitlines()
    cells = next(line for line in lines if "`tada`" in line).strip("| ").split(" | ")
    assert cells.count(runs.NOT_RUN) == len(runs.COLUMNS) - 1
    assert cells.count("yes") == 1


def test_a_page_without_a_place() -> None:
    """A page that has no place for the table is an error."""
    with pytest.raises(ValueError, match="no place"):
        table.with_table("# Engines", {})


@pytest.mark.parametrize("processes", ["0", "2"])
def test_outcomes_are_written_down(tmp_path: Path, processes: str) -> None:
    """A run writes down what its tests have shown, of all its processes; a failure goes before what passed, what was
    skipped is not written, and what older runs have shown stays.
    """
    (tmp_path / "test_showing.py").write_text(SHOWING)
    file = tmp_path / "runs.json"
    runs.add([("piper", "loads", "yes")], file)

    def found(*more: str) -> runs.Runs:
        command = pytest_command(tmp_path, "--numprocesses", processes, "--engine-runs", str(file), *more)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=2 * TIMEOUT, env=environ(), cwd=ROOT
        )
        assert file.is_file(), done.stdout + done.stderr
        return runs.read(file)

    assert found() == {
        "espeak": {"device": "toaster"},
        "piper": {"loads": "yes"},
        "kokoro": {"equals": "yes"},
        "tada": {"equals": "yes"},
        "luxtts": {"clones": "yes"},
    }
    assert found("-vv")["tada"] == {"equals": "failed"}
    assert found()["tada"] == {"equals": "yes"}


def test_unknown_engines_are_refused(tmp_path: Path) -> None:
    """An engine or a column that nobody knows is an error, not a row."""
    for row, column in (("nobody", "loads"), ("tada", "flies")):
        with pytest.raises(KeyError):
            runs.add([(row, column, "yes")], tmp_path / "runs.json")
