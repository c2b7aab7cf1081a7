"""What tests show of engines, written down with `--engine-runs FILE` for the table in docs/engines.md.

`@pytest.mark.shows("streams", "kokoro")` says that a test shows a column of a row (`bench.engine_table.runs`):
the cell is "yes" where it passed, what it told to `cell` where it told something, and "failed" where it failed;
of several tests for one cell the worst counts. With `by="kind"` the row is that argument of a parametrised test,
looked up in `rows` where that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bench.engine_table.runs import FAILED, YES, add

OPTION = "--engine-runs"
SHOWS = "shows"
CELL = "cell"
Cell = Callable[[str, str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be told a file."""
    parser.addoption(OPTION, default="", metavar="FILE", help="write down there what is shown of engines")


def pytest_configure(config: pytest.Config) -> None:
    """Introduce the mark; write where that is asked for, in the process that gets all reports."""
    config.addinivalue_line("markers", f"{SHOWS}(column, *rows, by, rows): it shows something of engines")
    path = config.getoption(OPTION)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have the reports of a test say what it shows."""
    for mark in item.iter_markers(SHOWS):
        column, *rows = mark.args
        item.user_properties += [(SHOWS, (row, column)) for row in (*rows, *_chosen(item, **mark.kwargs))]


def _chosen(item: pytest.Item, by: str = "", rows: Mapping[str, str] | None = None) -> Iterator[str]:
    callspec = getattr(item, "callspec", None)
    if by and callspec:
        chosen = str(callspec.params[by])
        yield from [chosen] if rows is None else [rows[chosen]] if chosen in rows else []


@pytest.fixture
def cell(record_property: Callable[[str, object], None]) -> Cell:
    """Return what writes a value into a row's column."""
    return lambda row, column, value: record_property(CELL, (row, column, value))


class Recorder:
    """Gathers what tests have shown, and writes it down at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test."""
        if not (report.failed or (report.passed and report.when == "call")):
            return
        told = {(row, column): value for row, column, value in _values(report, CELL)}
        places = [(row, column) for row, column in _values(report, SHOWS)]
        values = dict.fromkeys(places, FAILED) if report.failed else dict.fromkeys(places, YES) | told
        for place, value in values.items():
            if self._found.get(place) != FAILED:
                self._found[place] = value

    def pytest_sessionfinish(self) -> None:
        """Write down what was found."""
        add([(row, column, value) for (row, column), value in self._found.items()], self._path)


def _values(report: pytest.TestReport, name: str) -> Iterator[list[str]]:
    """Yield the values of a report's properties of a name; of another process they come as lists."""
    for known, value in report.user_properties:
        if known == name and isinstance(value, list | tuple):
            yield [str(part) for part in value]
