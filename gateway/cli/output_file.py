"""The output of a command: a file that appears whole or not at all, or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.cli.output import Failure
from streaming.audio import wav


@contextmanager
def open_output(target: str) -> Iterator[BinaryIO]:
    """Open what `-o` names: `-` is standard output, a file appears once it is complete. Raises Failure."""
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target).expanduser()
    try:
        if path.exists() and not path.is_file():  # a device or a pipe: nothing to rename over
            with path.open("wb") as file:
                yield file
            return
        with _atomic_file(path.resolve()) as file:
            yield file
    except OSError as exc:
        raise Failure(f"cannot write {target}: {exc.strerror or exc}") from exc


@contextmanager
def _atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` unless the block fails."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("x+b") as file:
            yield file
            wav.fill_in_sizes(file)  # players show the length in the header, which a stream could not know
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
