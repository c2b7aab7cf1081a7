"""Hashes that name blobs: the SHA-256 of a large file, git's hash of any other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

BLOCK_SIZE = 1 << 20
"""bytes read at once"""
SHA256_DIGITS = 64


class Digest(Protocol):
    """A hash that is being computed, as hashlib makes them."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far."""
        ...


def new_digest(etag: str, size: int) -> Digest:
    """Return an empty digest of the kind that names the blob `etag` of `size` bytes."""
    if len(etag) == SHA256_DIGITS:
        return hashlib.sha256()
    git_digest = hashlib.sha1(usedforsecurity=False)  # git's choice
    git_digest.update(b"blob %d\0" % size)
    return git_digest


def is_intact(path: Path, etag: str, size: int, check: Callable[[], None] = lambda: None) -> bool:
    """Return whether a file has the size and the hash of a blob; `check` is called before each block, and may
    raise.
    """
    if path.stat().st_size != size:
        return False
    digest = new_digest(etag, size)
    with path.open("rb") as file:
        while data := file.read(BLOCK_SIZE):
            check()
            digest.update(data)
    return digest.hexdigest() == etag
