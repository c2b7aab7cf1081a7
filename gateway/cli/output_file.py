"""Where bytes go: a file that is there whole or not at all, or standard output."""

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
def outlet(target: str) -> Iterator[BinaryIO]:
    """Open what `-o` names: `-` is standard output, a file appears once it is whole. Raises Failure."""
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
        with _whole(path.resolve()) as file:
            yield file
    except OSError as exc:
        raise Failure(f"cannot write {target}: {exc.strerror or exc}") from exc


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("x+b") as file:
            yield file
            wav.settle(file)  # players show the length that the header tells; a stream could not know it
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
