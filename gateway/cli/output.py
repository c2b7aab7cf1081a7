"""What commands write: tables on a terminal, tab-separated lines in a pipe, JSON for machines, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec


class Failure(Exception):
    """A command cannot do its work; the message is for the user, `status` for the shell."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Meter(Protocol):
    """Shows how far the work has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Tell the bytes done, and how many there will be when that is known."""
        ...


def show_json(value: object) -> None:
    """Write a value for machines."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows: a table on a terminal, otherwise one line each, tabs between, no heading."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich import box, console, table, text

    shown = table.Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        shown.add_row(*(text.Text(cell) for cell in row))
    console.Console().print(shown)


def note(message: str) -> None:
    """Tell something beside the result."""
    print(f"voicebox: {message}", file=sys.stderr)


@contextmanager
def progress(what: str) -> Iterator[Meter]:
    """Show a progress bar while bytes move; nothing where nobody is looking."""
    if not sys.stderr.isatty():
        yield lambda done, total=None: None
        return
    from rich import console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=console.Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total=None: bar.update(task, completed=done, total=total)
