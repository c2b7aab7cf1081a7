"""Results as a table, JSON or Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.registry import Result

COLOURS = {"pass": "green", "fail": "bold red", "not offered": "yellow"}


def summary(results: Sequence[Result]) -> str:
    """Return how many checks passed, failed and were not offered."""
    counts = Counter(result.verdict for result in results)
    return f"{counts['pass']} passed, {counts['fail']} failed, {counts['not offered']} not offered"


def table(results: Sequence[Result], console: Console) -> None:
    """Print the results as a table."""
    shown = Table("check", "verdict", "seen", "clause")
    for result in results:
        verdict = Text(result.verdict, style=COLOURS[result.verdict])
        shown.add_row(result.id, verdict, Text(result.seen), Text(result.clause, style="dim"))
    console.print(shown)
    console.print(summary(results))


def as_json(base_url: str, results: Sequence[Result]) -> str:
    """Write JSON: the server, the counts and every result."""
    counts = Counter(result.verdict for result in results)
    return msgspec.json.encode({"base_url": base_url, "counts": counts, "results": list(results)}).decode()


def as_markdown(base_url: str, results: Sequence[Result]) -> str:
    """Write a Markdown table."""
    rows = [
        f"| {result.id} | {result.verdict} | {_cell(result.seen)} | {_cell(result.clause)} |"
        for result in results
    ]
    head = [
        f"# Conformance of {base_url}",
        "",
        summary(results),
        "",
        "| check | verdict | seen | clause |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
