"""The output of commands: JSON for machines; notes and progress on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.config.command_name import as_called_here

if TYPE_CHECKING:  # it takes a while to load, and most commands need none of it
    from rich.console import Console
    from rich.progress import Progress, Task
    from rich.text import Text

SPINS_PER_SECOND = 4


class Failure(Exception):
    """A command has failed; the message is for the user, `status` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class ShowProgress(Protocol):
    """A function that shows how much of some work is done."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show the bytes done, and how many there will be when that is known."""
        ...


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_note(message: str) -> None:
    """Print a message beside the result, on standard error."""
    print(f"voicebox: {as_called_here(message)}", file=sys.stderr)


def confirm(question: str) -> bool:
    """Ask a question on the terminal, and return whether the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


@contextmanager
def progress(what: str) -> Iterator[ShowProgress]:
    """Show a progress bar during the block; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total=None: None
        return
    from rich import console

    with progress_bar(console.Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total=None: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show during the block that something goes on; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what, refresh_per_second=SPINS_PER_SECOND):
        yield


def progress_bar(console: Console, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Return a progress bar of bytes; where it is known how many there will be, it shows their speed and the
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

    class TimeToGo(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            return super().render(task) if task.total is None else super().render(task).append(" to go")

    columns = (BarColumn(), DownloadColumn(), TimeElapsedColumn(), Speed(), TimeToGo())
    return Progress(
        TextColumn("{task.description}"), *columns, console=console, transient=True, get_time=clock
    )
