"""Whether bytes are what their name says: the SHA-256 of a large file, git's hash of another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

PIECE = 1 << 20
SHA256_DIGITS = 64


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def hexdigest(self) -> str:
        """Give the hash of all so far."""
        ...


def digest(etag: str, size: int) -> Digest:
    """Begin the hash that a blob of so many bytes is named by."""
    if len(etag) == SHA256_DIGITS:
        return hashlib.sha256()
    begun = hashlib.sha1(usedforsecurity=False)  # git's choice
    begun.update(b"blob %d\0" % size)
    return begun


def sound(path: Path, etag: str, size: int, check: Callable[[], None] = lambda: None) -> bool:
    """Tell whether a file is what its etag says; `check` is called now and then, to raise."""
    if path.stat().st_size != size:
        return False
    found = digest(etag, size)
    with path.open("rb") as file:
        while data := file.read(PIECE):
            check()
            found.update(data)
    return found.hexdigest() == etag
