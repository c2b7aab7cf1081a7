"""The table of engines in docs/engines.md, made of what tests have shown."""

from __future__ import annotations

import re
from pathlib import Path

from bench.engine_table.runs import COLUMNS, NOT_RUN, Runs, rows

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
BEGIN = "<!-- made: engines -->"
END = "<!-- end: engines -->"
PLACE = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def markdown(runs: Runs) -> str:
    """Return the table."""
    lines = [_line(["engine", *COLUMNS.values()]), _line(["---"] * (1 + len(COLUMNS)))]
    for row in rows(runs):
        cells = runs.get(row, {})
        lines.append(_line([f"`{row}`", *(cells.get(column, NOT_RUN) for column in COLUMNS)]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_table(page: str, runs: Runs) -> str:
    """Return a page with the table in its place. Raises ValueError where it has none."""
    if not PLACE.search(page):
        raise ValueError("the page has no place for the table of engines")
    return PLACE.sub(lambda _: f"{BEGIN}\n{markdown(runs)}\n{END}", page)
