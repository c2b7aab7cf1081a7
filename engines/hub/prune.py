"""Taking files out of the cache, and nothing that others still want."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engines.catalogue.records import Source
from engines.hub.layout import RepoFolder, children, measured, walk


def trim(folder: RepoFolder, gone: Sequence[Source], kept: Sequence[Source]) -> int:
    """Take the files of some sources out of their repository but for those of others, and give the bytes that
    this frees.
    """
    before = weight(folder.root)
    loose = _unlink(folder, gone, {pointer for source in kept for pointer in _of(folder, source)})
    linked = {blob_of(pointer) for commit in folder.commits() for pointer in walk(folder.snapshot(commit))}
    if linked:
        shared = _remove(folder, loose - linked)
        _tidy(folder)
    else:
        shared = _remove(folder, set(children(folder.root / "blobs")))
        shutil.rmtree(folder.root, ignore_errors=True)
    return before - weight(folder.root) + shared


def blob_of(pointer: Path) -> Path:
    """Give the blob that a file of a snapshot leads to: one hop, as that may lead on to bytes that
    repositories share.
    """
    return Path(os.path.normpath(pointer.parent / pointer.readlink())) if pointer.is_symlink() else pointer


def weight(folder: Path) -> int:
    """Give the bytes of all files under a folder, not of those that links lead to."""
    return sum(measured(path) or 0 for path in walk(folder) if not path.is_symlink())


def _of(folder: RepoFolder, source: Source) -> list[Path]:
    commit = folder.commit(source.revision)
    return [pointer for _, pointer in folder.pointers(commit, source)] if commit else []


def _unlink(folder: RepoFolder, gone: Sequence[Source], kept: set[Path]) -> set[Path]:
    """Take files out of all snapshots, and give the blobs that were theirs, whole or in part."""
    loose: set[Path] = set()
    for source in gone:
        loose.update(folder.blobs(source))
        for commit in folder.commits():
            for _, pointer in folder.pointers(commit, source):
                if pointer not in kept:
                    loose.add(blob_of(pointer))
                    pointer.unlink()
    return loose


def _remove(folder: RepoFolder, blobs: set[Path]) -> int:
    """Delete blobs, and give the bytes that this frees in other places.

    A blob that the hub's own client pulled with Xet is a link to bytes that repositories share. Only the
    client knows when these may go, so it is asked to; it deletes them once their last link is gone.
    """
    links = frozenset(path for path in blobs if path.is_symlink())
    shared = {path.resolve(): measured(path) or 0 for path in links}
    if links:
        from huggingface_hub import DeleteCacheStrategy

        none: frozenset[Path] = frozenset()
        DeleteCacheStrategy(
            0, blobs=links, refs=none, repos=none, snapshots=none, cache_dir=folder.root.parent
        ).execute()
    for blob in blobs:
        blob.unlink(missing_ok=True)
    return sum(bytes_ for payload, bytes_ in shared.items() if not payload.exists())


def _tidy(folder: RepoFolder) -> None:
    """Delete what speaks of commits of which nothing is left."""
    for path in sorted((folder.root / "snapshots").rglob("*"), reverse=True):
        with suppress(OSError):  # it is not empty, or no folder
            path.rmdir()
    left = folder.commits()
    for ref in walk(folder.root / "refs"):
        if ref.read_text("ascii", errors="replace").strip() not in left:
            ref.unlink()
    for tree in children(folder.root / "trees"):
        if tree.stem not in left:
            tree.unlink()
