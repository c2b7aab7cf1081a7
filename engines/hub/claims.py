"""Claims on model files: while a process speaks or transcribes with them, others do not delete them.

.locks/voicebox-claims/<id>.json    the files that are claimed, and by whom
.locks/voicebox-claims/<id>.lock    locked by the process that claims them; the system unlocks it when
                                    that dies, however it dies
.locks/voicebox-claims/guard        held while claims are made, and while files are deleted
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from engines.hub.layout import list_folder
from engines.hub.locks import locked

if TYPE_CHECKING:
    from filelock import BaseFileLock

THIS_PROCESS = uuid4().hex
"""process ids are no names: two containers may share a cache, and each has a process 7"""


class Claim(msgspec.Struct, frozen=True):
    """What a process claims."""

    model: str
    files: tuple[str, ...]
    """in the cache: containers may have it at different places"""
    process: str
    """a name that no other process has"""
    pid: int
    """for people"""


class Claims:
    """The claims on the files of a cache folder. All calls block for as long as another process makes or
    looks for claims.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._folder = cache / ".locks" / "voicebox-claims"
        self._guard = self._folder / "guard"

    @contextmanager
    def hold(self, model: str, files: Iterable[Path]) -> Iterator[None]:
        """Claim files for the block; those outside the cache are nobody's to delete.

        Where a cache can only be read, or its file system has no locks, nothing is claimed.
        """
        with ExitStack() as stack:
            with suppress(OSError, NotImplementedError):
                self._make(Claim(model, self.names(files), THIS_PROCESS, os.getpid()), stack)
            yield

    @contextmanager
    def none_made(self) -> Iterator[None]:
        """Keep all others from claiming anything for the block."""
        with ExitStack() as stack:
            # a cache in which nothing can be written has no claims to wait for
            with suppress(OSError):
                stack.enter_context(locked(self._guard, lambda: None))
            yield

    def others(self) -> list[Claim]:
        """Return the claims of other processes that live; those of dead ones are deleted."""
        return [
            claim
            for file in list_folder(self._folder)
            if file.suffix == ".json" and (claim := self._read(file)) and claim.process != THIS_PROCESS
        ]

    def names(self, files: Iterable[Path]) -> tuple[str, ...]:
        """Return the files that lie in the cache, as claims name them."""
        inside = [file for file in files if file.is_relative_to(self._cache)]
        return tuple(file.relative_to(self._cache).as_posix() for file in inside)

    def _make(self, claim: Claim, stack: ExitStack) -> None:
        name = uuid4().hex
        with self.none_made():
            lock = _lock(self._folder / f"{name}.lock")
            lock.acquire(timeout=0)
            stack.callback(_remove, self._folder / name, lock)
            (self._folder / f"{name}.json").write_bytes(msgspec.json.encode(claim))

    def _read(self, file: Path) -> Claim | None:
        """Return a claim whose process lives, else None."""
        from filelock import Timeout

        lock = _lock(file.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except (Timeout, NotImplementedError):
            try:
                return msgspec.json.decode(file.read_bytes(), type=Claim)
            except (OSError, msgspec.DecodeError):
                return None
        except OSError:
            return None
        _remove(file.with_suffix(""), lock)
        return None


def _lock(path: Path) -> BaseFileLock:
    """Return a lock on a file, for any thread; a process has to meet its own claims as others do."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, mode=0o664, thread_local=False, is_singleton=False)


def _remove(claim: Path, lock: BaseFileLock) -> None:
    """Delete the files of a claim, and let go of its lock."""
    claim.with_suffix(".json").unlink(missing_ok=True)
    lock.release()
    claim.with_suffix(".lock").unlink(missing_ok=True)
