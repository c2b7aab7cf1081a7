"""The layout of the hub's own cache on disk, in which every library that knows the hub finds its files.

    models--owner--name/
        refs/main                   the commit a branch or tag was at when it was pulled
        snapshots/<commit>/<path>   links into blobs
        blobs/<etag>                named by the SHA-256 of large files, by git's hash of the others
        blobs/<etag>.voicebox.incomplete    what has been downloaded of one
        trees/<commit>.json         what the hub lists at a commit
    .locks/models--owner--name/     one lock for each repository of ours beside those of the hub's client

The layout is documented by huggingface_hub (docs/source/en/guides/manage-cache.md), the trees in its
`_tree_cache.py`. Nothing here needs the library, so the gateway lists what is on disk without loading it.
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

COMMIT_HASH = re.compile(r"[0-9a-f]{40}")
BLOB_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PARTIAL_SUFFIX = ".voicebox.incomplete"
"""of what has been downloaded of a blob: older clients of the hub write into `<etag>.incomplete`"""
TREE_VERSION = 1
SAFETENSORS_NAMES = ("model.safetensors", "model.safetensors.index.json")
"""a model's weights, whole or in parts, as all loaders look for them first"""


class RemoteFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file as the hub lists it; the fields are named as in the trees on disk."""

    size: int
    """bytes"""
    blob_id: str
    """git's hash of it, or of the pointer that stands for it"""
    lfs_sha256: str | None = None
    """SHA-256 of a large file"""
    lfs_size: int | None = None
    """bytes of a large file"""
    xet_hash: str | None = None

    @property
    def etag(self) -> str:
        """The name of its blob."""
        return self.lfs_sha256 or self.blob_id


class Tree(msgspec.Struct, frozen=True):
    """All files of a repository at one commit."""

    files: dict[str, RemoteFile]
    format_version: int = TREE_VERSION

    def select(self, source: Source) -> dict[str, RemoteFile]:
        """Return the files of a source by path, without those whose path is not safe."""
        return {path: file for path, file in self._matching(source) if is_safe_path(path, file)}

    def unsafe_paths(self, source: Source) -> list[str]:
        """Return the paths of a source that must not become paths on disk."""
        return [path for path, file in self._matching(source) if not is_safe_path(path, file)]

    def _matching(self, source: Source) -> Iterator[tuple[str, RemoteFile]]:
        """Yield the files that a source's patterns match: those in older formats only where no safetensors
        hold the same.
        """
        for path, file in sorted(self.files.items()):
            older = (
                bool(source.fallback_files)
                and matches(path, source.fallback_files)
                and not self._has_safetensors(path)
            )
            if older or matches(path, source.files):
                yield path, file

    def _has_safetensors(self, path: str) -> bool:
        """Return whether safetensors beside a file hold the same: those that loaders take, or one of the same
        name.
        """
        file = PurePosixPath(path)
        names = (*SAFETENSORS_NAMES, f"{file.stem}.safetensors")
        return any(str(file.with_name(name)) in self.files for name in names)


def default_cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that the hub's own client would use."""
    home = environ.get("HF_HOME") or str(Path(environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    chosen = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    return Path(os.path.expandvars(chosen)).expanduser()


def is_true(value: str | None) -> bool:
    """Return whether an environment variable means yes, as the hub's client reads it."""
    return (value or "").upper() in ("1", "ON", "YES", "TRUE")


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path matches one of the patterns; no pattern means all."""
    patterns = tuple(patterns)
    return not patterns or any(fnmatchcase(path, pattern) for pattern in patterns)


def is_safe_path(path: str, file: RemoteFile) -> bool:
    """Return whether a listed file may become a path on disk: inside its folder, and named by a hash."""
    parts = PurePosixPath(path).parts
    inside = bool(parts) and ".." not in parts and not path.startswith("/") and "\0" not in path
    escapes = os.name == "nt" and ("\\" in path or ":" in path)
    return inside and not escapes and bool(BLOB_HASH.fullmatch(file.etag)) and file.size >= 0


class RepoFolder:
    """The folder of one repository in the cache."""

    def __init__(self, cache: Path, repo: str) -> None:
        name = "--".join(("models", *repo.split("/")))
        self.repo = repo
        self.root = cache / name
        self.lock = cache / ".locks" / name / "voicebox.lock"

    def commit(self, revision: str) -> str | None:
        """Return the commit that a revision was at when it was pulled last; None where it never was."""
        if COMMIT_HASH.fullmatch(revision):
            return revision
        with suppress(OSError, UnicodeError):
            found = self._ref(revision).read_text("ascii").strip()
            return found if COMMIT_HASH.fullmatch(found) else None
        return None

    def set_commit(self, revision: str, commit: str) -> None:
        """Write the commit of a revision, atomically."""
        if revision == commit:
            return
        path = self._ref(revision)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, commit.encode())

    def commits(self) -> list[str]:
        """Return the commits that have a snapshot."""
        return sorted(
            path.name for path in list_folder(self.root / "snapshots") if COMMIT_HASH.fullmatch(path.name)
        )

    def snapshot(self, commit: str) -> Path:
        """Return the folder of a commit's files."""
        return self.root / "snapshots" / commit

    def blob(self, etag: str) -> Path:
        """Return the path of a blob."""
        return self.root / "blobs" / etag

    def partial_blob(self, etag: str) -> Path:
        """Return the path of a blob as long as it is not complete."""
        return self.root / "blobs" / f"{etag}{PARTIAL_SUFFIX}"

    def tree(self, commit: str) -> Tree | None:
        """Return what the hub listed at a commit; None where that was not written down."""
        try:
            tree = msgspec.json.decode((self.root / "trees" / f"{commit}.json").read_bytes(), type=Tree)
            return tree if tree.format_version == TREE_VERSION else None
        except (OSError, msgspec.DecodeError):
            return None

    def set_tree(self, commit: str, tree: Tree) -> None:
        """Write down what the hub lists at a commit."""
        path = self.root / "trees" / f"{commit}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(tree), indent=1))

    def has(self, commit: str, path: str, file: RemoteFile) -> bool:
        """Return whether all bytes of a file are there, even if its snapshot lacks the link."""
        return file.size in (size_of(self.blob(file.etag)), size_of(self.snapshot(commit) / path))

    def bytes_present(self, commit: str, path: str, file: RemoteFile) -> int:
        """Return how many bytes of a file are there."""
        if self.has(commit, path, file):
            return file.size
        return min(file.size, size_of(self.partial_blob(file.etag)) or 0)

    def link(self, commit: str, path: str, file: RemoteFile) -> None:
        """Link a blob that is there into a snapshot; where links cannot be made, move it there."""
        pointer = self.snapshot(commit) / path
        blob = self.blob(file.etag)
        if size_of(blob) is None:
            return
        pointer.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(blob, pointer.parent)
        if pointer.is_symlink() and str(pointer.readlink()) == target:
            return
        pointer.unlink(missing_ok=True)
        try:
            if is_true(os.environ.get("HF_HUB_DISABLE_SYMLINKS")):
                raise NotImplementedError
            pointer.symlink_to(target)
        except (OSError, NotImplementedError):
            blob.replace(pointer)

    def pointers(self, commit: str, source: Source) -> list[tuple[str, Path]]:
        """Return the files of a source in a snapshot: their paths in the repository, and on the disk."""
        folder = self.snapshot(commit)
        names = ((path.relative_to(folder).as_posix(), path) for path in walk_files(folder))
        return [(name, path) for name, path in names if matches(name, source.patterns)]

    def complete_snapshot(self, source: Source) -> Path | None:
        """Return the snapshot of a source if all its files are there.

        Without a tree, as older clients leave a snapshot, each pattern must have found something.
        """
        commit = self.commit(source.revision)
        if commit is None:
            return None
        folder = self.snapshot(commit)
        tree = self.tree(commit)
        if tree is None:
            names = [name for name, path in self.pointers(commit, source) if path.is_file()]
            complete = bool(names) and all(
                any(fnmatchcase(name, pattern) for name in names) for pattern in source.files
            )
            return folder if complete and (source.files or not self._has_partial_blobs()) else None
        files = tree.select(source)
        complete = bool(files) and all(size_of(folder / path) == file.size for path, file in files.items())
        return folder if complete else None

    def blobs(self, source: Source) -> set[Path]:
        """Return the blobs of a source that are there, at all commits whose trees are known, whole or in
        part.
        """
        found: set[Path] = set()
        for path in list_folder(self.root / "trees"):
            tree = self.tree(path.stem)
            for file in tree.select(source).values() if tree else ():
                found |= {self.blob(file.etag), *(self.root / "blobs").glob(f"{file.etag}*.incomplete")}
        return {path for path in found if size_of(path) is not None}

    def sizes_on_disk(self, source: Source) -> dict[Path, int]:
        """Return the bytes of a source on disk, at all commits, whole or in part; by the files that links
        lead to, so each once.
        """
        pointers = {pointer for commit in self.commits() for _, pointer in self.pointers(commit, source)}
        return {path.resolve(): size_of(path) or 0 for path in pointers | self.blobs(source)}

    def _ref(self, revision: str) -> Path:
        """Return the file that names the commit of a revision. Raises ModelUnreachable."""
        parts = PurePosixPath(revision).parts
        if not parts or ".." in parts or revision.startswith("/"):
            raise ModelUnreachable(f"{revision!r} cannot be a revision.")
        return self.root.joinpath("refs", *parts)

    def _has_partial_blobs(self) -> bool:
        return any(path.suffix == ".incomplete" for path in list_folder(self.root / "blobs"))


def size_of(path: Path) -> int | None:
    """Return the bytes of a file, through links; None where there is none."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder; links are not followed, and those to nowhere are included."""
    for path in list_folder(folder):
        if path.is_dir() and not path.is_symlink():
            yield from walk_files(path)
        else:
            yield path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    new = path.with_name(f"{path.name}.{uuid4().hex[:8]}.tmp")
    new.write_bytes(data)
    new.replace(path)
