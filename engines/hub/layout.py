"""The hub's own cache on disk, which every library that knows the hub finds its files in.

    models--owner--name/
        refs/main                   the commit a branch or tag was at when it was pulled
        snapshots/<commit>/<path>   links into blobs
        blobs/<etag>                named by the SHA-256 of large files, by git's hash of the others
        blobs/<etag>.incomplete     what has come of one
        trees/<commit>.json         what the hub lists at a commit
    .locks/models--owner--name/     one lock for each repository of ours beside those of the hub's client

The layout is documented by huggingface_hub (docs/source/en/guides/manage-cache.md), the trees in its
`_tree_cache.py`. Nothing here needs the library, so the gateway tells what is on disk without loading it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from uuid import uuid4

import msgspec

from engines.catalogue.records import Source
from engines.hub.errors import ModelUnreachable

COMMIT = re.compile(r"[0-9a-f]{40}")
ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
TREE_VERSION = 1
SAFE = ("model.safetensors", "model.safetensors.index.json")
"""a model's weights, whole or in parts, as all loaders look for them first"""


class RemoteFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as the hub lists it, in the names of the trees on disk."""

    size: int
    """bytes"""
    blob_id: str
    """git's hash of it, or of the pointer that stands for it"""
    lfs_sha256: str | None = None
    """of a large file"""
    lfs_size: int | None = None
    xet_hash: str | None = None

    @property
    def etag(self) -> str:
        """Give what its blob is named by."""
        return self.lfs_sha256 or self.blob_id


class Tree(msgspec.Struct, frozen=True):
    """All files of a repository at one commit."""

    files: dict[str, RemoteFile]
    format_version: int = TREE_VERSION

    def wanted(self, source: Source) -> dict[str, RemoteFile]:
        """Give those that a source means, but for what cannot be kept."""
        return {path: file for path, file in self._meant(source) if keepable(path, file)}

    def unkept(self, source: Source) -> list[str]:
        """Name those that a source means and that cannot be kept."""
        return [path for path, file in self._meant(source) if not keepable(path, file)]

    def _meant(self, source: Source) -> Iterator[tuple[str, RemoteFile]]:
        """Give what a source means here: files in older formats only where none in safetensors stands for
        them.
        """
        for path, file in sorted(self.files.items()):
            older = bool(source.unsafe) and matches(path, source.unsafe) and not self._stood_for(path)
            if older or matches(path, source.files):
                yield path, file

    def _stood_for(self, path: str) -> bool:
        """Tell whether a file in safetensors beside one holds the same: the one that loaders take, or one of
        the same name.
        """
        beside = PurePosixPath(path)
        return any(
            str(beside.with_name(name)) in self.files for name in (*SAFE, f"{beside.stem}.safetensors")
        )


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder that the hub's own client would take."""
    home = environ.get("HF_HOME") or str(Path(environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    chosen = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    return Path(os.path.expandvars(chosen)).expanduser()


def truthy(value: str | None) -> bool:
    """Tell whether an environment variable says yes, as the hub's client reads it."""
    return (value or "").upper() in ("1", "ON", "YES", "TRUE")


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path is among what the patterns mean; no pattern means all."""
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(path, pattern) for pattern in patterns)


def keepable(path: str, file: RemoteFile) -> bool:
    """Tell whether what a hub lists may become a path on disk: one that stays in its folder, and a hash."""
    parts = PurePosixPath(path).parts
    inside = bool(parts) and ".." not in parts and not path.startswith("/") and "\0" not in path
    elsewhere = os.name == "nt" and ("\\" in path or ":" in path)
    return inside and not elsewhere and bool(ETAG.fullmatch(file.etag)) and file.size >= 0


class RepoFolder:
    """One repository in the cache."""

    def __init__(self, cache: Path, repo: str) -> None:
        name = "--".join(("models", *repo.split("/")))
        self.repo = repo
        self.root = cache / name
        self.lock = cache / ".locks" / name / "voicebox.lock"

    def commit(self, revision: str) -> str | None:
        """Give the commit that a revision was at when it was pulled last."""
        if COMMIT.fullmatch(revision):
            return revision
        with suppress(OSError, UnicodeError):
            found = self._ref(revision).read_text("ascii").strip()
            return found if COMMIT.fullmatch(found) else None
        return None

    def set_commit(self, revision: str, commit: str) -> None:
        """Note the commit of a revision; it appears whole."""
        if revision == commit:
            return
        path = self._ref(revision)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, commit.encode())

    def commits(self) -> list[str]:
        """Give the commits of which something is there."""
        return sorted(path.name for path in children(self.root / "snapshots") if COMMIT.fullmatch(path.name))

    def snapshot(self, commit: str) -> Path:
        """Give the folder of a commit."""
        return self.root / "snapshots" / commit

    def blob(self, etag: str) -> Path:
        """Give where a file's bytes are."""
        return self.root / "blobs" / etag

    def partial(self, etag: str) -> Path:
        """Give where a file's bytes are as long as they are not all there."""
        return self.root / "blobs" / f"{etag}.incomplete"

    def tree(self, commit: str) -> Tree | None:
        """Give what the hub listed at a commit, where somebody has noted it."""
        try:
            tree = msgspec.json.decode((self.root / "trees" / f"{commit}.json").read_bytes(), type=Tree)
            return tree if tree.format_version == TREE_VERSION else None
        except (OSError, msgspec.DecodeError):
            return None

    def set_tree(self, commit: str, tree: Tree) -> None:
        """Note what the hub lists at a commit."""
        path = self.root / "trees" / f"{commit}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, msgspec.json.format(msgspec.json.encode(tree), indent=1))

    def has(self, commit: str, path: str, file: RemoteFile) -> bool:
        """Tell whether all bytes of a file are there, be it that its snapshot lacks the link."""
        return file.size in (measured(self.blob(file.etag)), measured(self.snapshot(commit) / path))

    def arrived(self, commit: str, path: str, file: RemoteFile) -> int:
        """Give how many bytes of a file are there."""
        return (
            file.size
            if self.has(commit, path, file)
            else min(file.size, measured(self.partial(file.etag)) or 0)
        )

    def link(self, commit: str, path: str, file: RemoteFile) -> None:
        """Put a file whose blob is there into a snapshot: a link, or the file itself where links cannot be."""
        pointer, blob = self.snapshot(commit) / path, self.blob(file.etag)
        if measured(blob) is None:
            return
        pointer.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(blob, pointer.parent)
        if pointer.is_symlink() and str(pointer.readlink()) == target:
            return
        pointer.unlink(missing_ok=True)
        try:
            if truthy(os.environ.get("HF_HUB_DISABLE_SYMLINKS")):
                raise NotImplementedError
            pointer.symlink_to(target)
        except (OSError, NotImplementedError):
            blob.replace(pointer)

    def pointers(self, commit: str, source: Source) -> list[tuple[str, Path]]:
        """Give what a snapshot has of a source, by its path in the repository."""
        folder = self.snapshot(commit)
        names = ((path.relative_to(folder).as_posix(), path) for path in walk(folder))
        return [(name, path) for name, path in names if matches(name, source.patterns)]

    def complete(self, source: Source) -> Path | None:
        """Give the snapshot of a source if all of it is there.

        Without a tree, as older clients leave a snapshot, each pattern must have found something.
        """
        commit = self.commit(source.revision)
        if commit is None:
            return None
        folder, tree = self.snapshot(commit), self.tree(commit)
        if tree is None:
            names = [name for name, path in self.pointers(commit, source) if path.is_file()]
            whole = bool(names) and all(
                any(fnmatchcase(name, pattern) for name in names) for pattern in source.files
            )
            return folder if whole and (source.files or not self._unfinished()) else None
        wanted = tree.wanted(source)
        return (
            folder
            if wanted and all(measured(folder / path) == file.size for path, file in wanted.items())
            else None
        )

    def blobs(self, source: Source) -> set[Path]:
        """Give the blobs of a source, at all commits whose trees are known, whole or in part."""
        found: set[Path] = set()
        for path in children(self.root / "trees"):
            tree = self.tree(path.stem)
            for file in tree.wanted(source).values() if tree else ():
                found |= {self.blob(file.etag), *(self.root / "blobs").glob(f"{file.etag}*.incomplete")}
        return {path for path in found if measured(path) is not None}

    def held(self, source: Source) -> dict[Path, int]:
        """Give the bytes that a source has on disk, at all commits, whole or in part; by where they really
        are, so each once.
        """
        pointers = {pointer for commit in self.commits() for _, pointer in self.pointers(commit, source)}
        return {path.resolve(): measured(path) or 0 for path in pointers | self.blobs(source)}

    def _ref(self, revision: str) -> Path:
        parts = PurePosixPath(revision).parts
        if not parts or ".." in parts or revision.startswith("/"):
            raise ModelUnreachable(f"{revision!r} cannot be a revision.")
        return self.root.joinpath("refs", *parts)

    def _unfinished(self) -> bool:
        return any(path.suffix == ".incomplete" for path in children(self.root / "blobs"))


def measured(path: Path) -> int | None:
    """Give the bytes of a file, through links; None where there is none."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def children(folder: Path) -> list[Path]:
    """Give what is in a folder; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def walk(folder: Path) -> Iterator[Path]:
    """Give the files under a folder, links unfollowed and those to nowhere included."""
    for path in children(folder):
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)
        else:
            yield path


def replace(path: Path, data: bytes) -> None:
    """Write a file that appears whole."""
    fresh = path.with_name(f"{path.name}.{uuid4().hex[:8]}.tmp")
    fresh.write_bytes(data)
    fresh.replace(path)
