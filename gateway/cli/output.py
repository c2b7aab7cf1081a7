"""What commands write: tables on a terminal, tab-separated lines in a pipe, JSON for machines, progress on
stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:  # it takes a while to load, and most commands need none of it
    from rich.console import Console
    from rich.progress import Progress, Task
    from rich.text import Text


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

    with bar(console.Console(stderr=True)) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total=None: shown.update(task, completed=done, total=total)


def bar(on: Console, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Make a progress bar of bytes; where it is known how many there will be, it tells their speed and the
    time to go too.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.text import Text

    class Speed(TransferSpeedColumn):
        def render(self, task: Task) -> Text:
            return Text() if task.total is None else super().render(task)

    class ToGo(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            return super().render(task) if task.total is None else super().render(task).append(" to go")

    columns = (BarColumn(), DownloadColumn(), TimeElapsedColumn(), Speed(), ToGo())
    return Progress(TextColumn("{task.description}"), *columns, console=on, transient=True, get_time=clock)
