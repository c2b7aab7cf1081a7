"""Comparing files that were pulled from the hub with their hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from engines.catalogue.records import Source
from engines.hub.errors import ModelNotFound
from engines.hub.hashing import is_intact
from engines.hub.layout import BLOB_HASH, RemoteFile, RepoFolder, size_of
from engines.hub.prune import blob_of


def damaged_hub_files(folder: RepoFolder, source: Source, check: Callable[[], None]) -> Iterator[str]:
    """Yield the files of a source that are gone or damaged, deleting the latter.

    `check` is called before each block, and may raise. Raises ModelNotFound where nothing is here.
    """
    commit = folder.commit(source.revision)
    tree = folder.tree(commit) if commit else None
    if commit is None or not (tree or folder.pointers(commit, source)):
        raise ModelNotFound(f"Nothing of {source.repo} is here: pull it.", code="model_not_found")
    for name, pointer, file in _expected_files(folder, commit, source):
        if size_of(pointer) is None:
            yield name
        elif not is_intact(pointer, file.etag, file.size, check):
            blob_of(pointer).unlink(missing_ok=True)
            pointer.unlink(missing_ok=True)
            yield name


def _expected_files(
    folder: RepoFolder, commit: str, source: Source
) -> Iterator[tuple[str, Path, RemoteFile]]:
    """Yield the files that a snapshot should have, their paths and hashes: by its tree, or where that was not
    written down, by what its links name.
    """
    tree = folder.tree(commit)
    if tree:
        for name, file in tree.select(source).items():
            yield name, folder.snapshot(commit) / name, file
        return
    for name, pointer in folder.pointers(commit, source):
        etag = blob_of(pointer).name
        if pointer.is_symlink() and BLOB_HASH.fullmatch(etag):
            yield name, pointer, RemoteFile(size_of(pointer) or 0, etag)
