"""What tests have shown of engines: it is written down where they run, and read where the table is made.

A row is an engine of the catalogue by its name; where one engine runs models of several architectures, as
transformers does, a row is one of these: `transformers: bark-small`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from engines.catalogue.engines import CATALOGUE
from engines.catalogue.models import MODELS

RUNS = Path(__file__).parents[2] / "docs" / "engine-runs.json"
COLUMNS = {
    "version": "version",
    "loads": "loads",
    "works": "speaks",
    "clones": "clones",
    "designs": "designs",
    "streams": "streams",
    "steps": "in steps",
    "cancels": "cancels",
    "equals": "equals the library",
    "memory": "memory",
    "device": "run on",
    "gpu": "on a GPU",
}
"""what is shown, by the names that tests have for it, with the heads of the table"""
YES = "yes"
FAILED = "failed"
NOT_ITS_OWN = "–"
"""what an engine does not claim to do"""
NOT_RUN = "not run"

Cells = dict[str, str]
"""of a row, by the names of columns"""
Runs = dict[str, Cells]
"""by rows"""


def engine_of(row: str) -> str:
    """Return the name of a row's engine."""
    return row.partition(":")[0]


def known_engines() -> tuple[str, ...]:
    """Return the names of the catalogue's engines, those that need no models first."""
    embedded = [record.name for record in CATALOGUE if not record.is_fake]
    return tuple(dict.fromkeys([*embedded, *(model.engine.name for model in MODELS)]))


def rows(runs: Runs) -> Iterator[str]:
    """Yield the rows of a table in the order of the catalogue: each engine has one at least."""
    for engine in known_engines():
        yield from sorted(row for row in runs if engine_of(row) == engine) or [engine]


def read(path: Path = RUNS) -> Runs:
    """Return what was shown; nothing where nothing was written yet. Raises msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Runs) if path.is_file() else {}


def add(found: Iterable[tuple[str, str, str]], path: Path) -> None:
    """Add what tests have shown, (row, column, value), in place of what older runs have.

    Raises KeyError where there is no such engine or column.
    """
    runs = read(path)
    for row, column, value in found:
        if column not in COLUMNS or engine_of(row) not in known_engines():
            raise KeyError(f"{row}, {column}")
        runs.setdefault(row, {})[column] = value
    ordered = {row: _ordered(runs[row]) for row in rows(runs) if row in runs}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")


def _ordered(cells: Mapping[str, str]) -> Cells:
    return {column: cells[column] for column in COLUMNS if column in cells}
