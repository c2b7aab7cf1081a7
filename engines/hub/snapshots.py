"""The files that a model is run from: which they are, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from engines.catalogue.records import ModelRecord
from engines.hub.layout import matches, walk_files

Origin = Literal["hub", "packages", "installed", "folder"]
"""the hub, wheels of a package index, a package that is installed, or a folder that the settings name"""


class FoundModel(NamedTuple):
    """A model that is complete: a folder for each of its sources, and where the files are from."""

    folders: tuple[Path, ...]
    source: Origin


def snapshot_files(record: ModelRecord, found: FoundModel) -> Iterator[Path]:
    """Yield the files of a model, in folders that it may share with others."""
    if record.packaged and found.source in ("packages", "installed"):
        yield from (found.folders[0] / file.path for file in record.packaged.files)
        return
    wanted = (record.files,) if found.source == "folder" else [source.patterns for source in record.sources]
    for folder, patterns in zip(found.folders, wanted, strict=True):
        for path in walk_files(folder):
            if matches(path.relative_to(folder).as_posix(), patterns):
                yield path


def has_same_files(one: ModelRecord, other: ModelRecord) -> bool:
    """Return whether two models are the same files, run by different engines: who deletes one means both."""
    return one.name == other.name or (bool(one.sources) and set(one.sources) == set(other.sources))


def shares_files(one: ModelRecord, other: ModelRecord) -> bool:
    """Return whether two models may share files: they have a repository in common."""
    return not {source.repo for source in one.sources}.isdisjoint(source.repo for source in other.sources)


def snapshot_identity(record: ModelRecord, found: FoundModel) -> str:
    """Return what is another once a model's files are others: written again, replaced or gone.

    It is taken from what the system says of them, and nothing is read.
    """
    parts = [_identity(path) for path in snapshot_files(record, found)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _identity(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} is gone"
    return f"{path} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
