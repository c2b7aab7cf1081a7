"""Deleting files from the cache, except those that other models still need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engines.catalogue.records import Source
from engines.hub.layout import RepoFolder, list_folder, size_of, walk_files


def delete_sources(folder: RepoFolder, gone: Sequence[Source], kept: Sequence[Source]) -> int:
    """Delete the files of some sources from their repository, except those of others; return the bytes that
    this frees.
    """
    before = disk_size(folder.root)
    loose = _unlink(folder, gone, {pointer for source in kept for pointer in _pointers_of(folder, source)})
    linked = {
        blob_of(pointer) for commit in folder.commits() for pointer in walk_files(folder.snapshot(commit))
    }
    if linked:
        shared = _delete_blobs(folder, loose - linked)
        _delete_stale_commits(folder)
    else:
        shared = _delete_blobs(folder, set(list_folder(folder.root / "blobs")))
        shutil.rmtree(folder.root, ignore_errors=True)
    return before - disk_size(folder.root) + shared


def blob_of(pointer: Path) -> Path:
    """Return the blob that a file of a snapshot leads to: one hop, as that may lead on to bytes that
    repositories share.
    """
    return Path(os.path.normpath(pointer.parent / pointer.readlink())) if pointer.is_symlink() else pointer


def disk_size(folder: Path) -> int:
    """Return the bytes of all files under a folder, without those that links lead to."""
    return sum(size_of(path) or 0 for path in walk_files(folder) if not path.is_symlink())


def _pointers_of(folder: RepoFolder, source: Source) -> list[Path]:
    """Return the files of a source in the snapshot of its revision."""
    commit = folder.commit(source.revision)
    return [pointer for _, pointer in folder.pointers(commit, source)] if commit else []


def _unlink(folder: RepoFolder, gone: Sequence[Source], kept: set[Path]) -> set[Path]:
    """Delete files from all snapshots, and return the blobs that were theirs, whole or in part."""
    loose: set[Path] = set()
    for source in gone:
        loose.update(folder.blobs(source))
        for commit in folder.commits():
            for _, pointer in folder.pointers(commit, source):
                if pointer not in kept:
                    loose.add(blob_of(pointer))
                    pointer.unlink()
    return loose


def _delete_blobs(folder: RepoFolder, blobs: set[Path]) -> int:
    """Delete blobs, and return the bytes that this frees outside the repository's folder.

    A blob that the hub's own client pulled with Xet is a link to bytes that repositories share. Only the
    client knows when these may go, so it is asked to; it deletes them once their last link is gone.
    """
    links = frozenset(path for path in blobs if path.is_symlink())
    shared = {path.resolve(): size_of(path) or 0 for path in links}
    if links:
        from huggingface_hub import DeleteCacheStrategy

        none: frozenset[Path] = frozenset()
        DeleteCacheStrategy(
            0, blobs=links, refs=none, repos=none, snapshots=none, cache_dir=folder.root.parent
        ).execute()
    for blob in blobs:
        blob.unlink(missing_ok=True)
    return sum(size for path, size in shared.items() if not path.exists())


def _delete_stale_commits(folder: RepoFolder) -> None:
    """Delete empty snapshots, and the refs and trees of commits that have none."""
    for path in sorted((folder.root / "snapshots").rglob("*"), reverse=True):
        with suppress(OSError):  # it is not empty, or no folder
            path.rmdir()
    left = folder.commits()
    for ref in walk_files(folder.root / "refs"):
        if ref.read_text("ascii", errors="replace").strip() not in left:
            ref.unlink()
    for tree in list_folder(folder.root / "trees"):
        if tree.stem not in left:
            tree.unlink()
