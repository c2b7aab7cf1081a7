"""What installers print: kept in a file, a bar on the terminal, and of a failure the line that matters."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engines.environments.commands import InstallFailed, Note
from gateway.cli.output import Failure, print_note

FOLDER = "logs"
"""in the data folder"""
DOWNLOAD = re.compile(r"Download(?:ing|ed) \S+ \((\d+(?:\.\d+)?) ?([kKMG])i?B\)")
"""how pip and uv tell of a file that they download"""
UNITS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
ERROR = re.compile(
    r"\s*(?:ERROR:|error:|fatal:|×|╰─▶|Caused by|cause:).+|.*(?:No space left on device|Killed).*"
)
VAGUE = re.compile(
    r"subprocess-exited-with-error|exited with|did not run successfully|end of output|[Ss]ee above"
)
"""errors that only point at others"""
LONGEST_LINE = 300
WRAPPED = " " * 6
"""with which uv begins the further lines of a cause"""


class InstallLog:
    """A file with all that an installer prints, in the data folder."""

    def __init__(self, data: Path, name: str) -> None:
        self.path = data / FOLDER / f"{name}.log"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = self.path.open("w", encoding="utf-8")
        self.downloaded = 0.0
        """bytes of the files that it told of so far"""

    def write(self, line: str) -> None:
        """Write a line, with the time."""
        print(time.strftime("%H:%M:%S"), line, file=self._file, flush=True)
        if found := DOWNLOAD.search(line):
            self.downloaded += float(found[1]) * UNITS[found[2]]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def logged(data: Path, name: str, show: Callable[[float], None]) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes an installer's lines into a log; `show` gets the bytes downloaded so far.

    Raises Failure with the line that matters and the log's path in place of InstallFailed.
    """
    log = InstallLog(data, name)
    print_note(f"what the installer says goes to {log.path}")

    def take(line: str) -> None:
        log.write(line)
        show(log.downloaded)
        if isinstance(line, Note):
            print_note(line)

    try:
        yield take
    except InstallFailed as exc:
        log.write(str(exc))
        raise Failure(f"{line_that_matters(str(exc))}\n  all that was said: {log.path}") from exc
    finally:
        log.close()


def line_that_matters(message: str) -> str:
    """Return what failed, and the last of an installer's lines that says why."""
    what, *lines = unwrapped(message.splitlines())
    told = [line for line in lines if ERROR.match(line) and not VAGUE.search(line)]
    reason = (told or lines or [""])[-1].strip()
    return f"{what.rstrip(':')}: {reason[:LONGEST_LINE]}" if reason else what


def unwrapped(lines: Iterable[str]) -> list[str]:
    """Return lines, those that an installer has wrapped, and indented beyond what they go on from, as one."""
    found: list[str] = []
    for line in lines:
        if found and line.startswith(WRAPPED) and line.strip():
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found
