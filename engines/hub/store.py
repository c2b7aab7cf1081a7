"""Model files on this machine: pulling, finding, checking, listing and deleting them.

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
from typing import NamedTuple

import msgspec

from engines.catalogue.models import MODELS
from engines.catalogue.records import ModelRecord, Source
from engines.hub.download import Downloader, Patience, Stop, Wanted
from engines.hub.errors import (
    DiskFull,
    ModelBusy,
    ModelDamaged,
    ModelError,
    ModelNotFound,
    ModelUnreachable,
    Offline,
)
from engines.hub.hashing import sound
from engines.hub.layout import COMMIT, ETAG, RemoteFile, RepoFolder, default_folder, measured, truthy
from engines.hub.locks import locked
from engines.hub.progress import Progress, Tally
from engines.hub.prune import blob_of, trim
from engines.hub.shared_pulls import SharedPulls

ENDPOINT = "https://huggingface.co"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stored(msgspec.Struct, frozen=True):
    """What is here of a model."""

    name: str
    repo: str
    revision: str
    commit: str | None
    """that its revision was at when it was pulled last"""
    path: Path | None
    """of its snapshot, once it is complete"""
    size: int
    """bytes on disk, of all it needs, parts and older commits included"""

    @property
    def complete(self) -> bool:
        """Tell whether it can be used."""
        return self.path is not None


class Plan(NamedTuple):
    """What a source comes to at a commit."""

    folder: RepoFolder
    source: Source
    commit: str
    wanted: list[Wanted]


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
        patience: Patience | None = None,
    ) -> None:
        self.folder = (folder or default_folder()).expanduser().resolve()
        self.endpoint = endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT
        told = truthy(os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE"))
        self.offline = told if offline is None else offline
        self._token = token
        self._patience = patience or Patience()
        self._flights = SharedPulls()

    # Pulling...

    def pull(
        self, record: ModelRecord, progress: Callable[[Progress], None], cancel: threading.Event
    ) -> Path:
        """Bring all files of a model here, and give its snapshot. Raises ModelError.

        `progress` is called in this thread, about ten times a second. Who pulls the same joins in: each may
        cancel for itself. What is there already is checked by its size; `verify` looks closer.
        """
        if self.offline:
            return self._here(record, progress)
        return self._flights.take(record.sources, record.name, partial(self._pull, record), progress, cancel)

    def _here(self, record: ModelRecord, progress: Callable[[Progress], None]) -> Path:
        path = self.locate(record)
        if path is None:
            message = f"{record.name} is not complete here, and the network may not be used: go online, or copy it to {self.folder}."
            raise Offline(message, code="offline")
        size = self._stored(record).size
        progress(Progress(record.name, "done", size, size))
        return path

    def _pull(self, record: ModelRecord, tally: Tally, stop: Stop) -> Path:
        from engines.hub.client import Hub

        loader = Downloader(Hub(self.endpoint, self._token, self._patience.stall), self._patience, stop)
        with self._on_disk():
            plans = [self._plan(source, loader) for source in record.sources]
            wanted = [file for plan in plans for file in plan.wanted]
            tally.expect({file: file.file.size for file in wanted})
            _look(wanted, tally)
            self._check_room(wanted)
            for plan in plans:
                _bring(plan, loader, tally, stop)
        tally.state = "done"
        return plans[0].folder.snapshot(plans[0].commit)

    def _plan(self, source: Source, loader: Downloader) -> Plan:
        """Find out what a source comes to: from the hub, unless it names a commit that is known here."""
        folder = RepoFolder(self.folder, source.repo)
        commit, tree = (
            source.revision,
            folder.tree(source.revision) if COMMIT.fullmatch(source.revision) else None,
        )
        if tree is None:
            commit, tree = loader.list(source)
            if unkept := tree.unkept(source):
                raise ModelUnreachable(
                    f"The hub lists a file that cannot be kept: {unkept[0]!r}.", code="hub_unreachable"
                )
            if folder.tree(commit) is None:
                folder.set_tree(commit, tree)
        wanted = [Wanted(folder, source, commit, path, file) for path, file in tree.wanted(source).items()]
        if not wanted:
            message = f"The repository {source.repo} has none of the files {', '.join(source.files) or 'that a model has'}."
            raise ModelNotFound(message, code="model_not_found")
        return Plan(folder, source, commit, wanted)

    def _check_room(self, wanted: Sequence[Wanted]) -> None:
        """Raise DiskFull unless what is still to come fits on the disk."""
        left = {file.file.etag: file.file.size - file.arrived() for file in wanted}
        needed, free = sum(left.values()), shutil.disk_usage(_existing(self.folder)).free
        if needed > free:
            message = (
                f"{self.folder} has room for {free / 1e6:,.0f} MB, and {needed / 1e6:,.0f} MB are to come:"
                f" make {(needed - free) / 1e6:,.0f} MB free, or choose another folder."
            )
            raise DiskFull(message, needed=needed, free=free)

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        """Turn what the file system raises into our errors."""
        try:
            yield
        except OSError as exc:
            if exc.errno in FULL:
                raise DiskFull(
                    f"The disk of {self.folder} is full: make room, and pull it again to go on."
                ) from exc
            raise ModelError(f"{self.folder} cannot be used: {exc.strerror or exc}.") from exc

    # What is here...

    def locate(self, record: ModelRecord) -> Path | None:
        """Give the folder of a model that is complete here, without asking the hub."""
        found = self.locate_all(record)
        return found[0] if found else None

    def locate_all(self, record: ModelRecord) -> tuple[Path, ...]:
        """Give a folder for each of a model's sources, in their order; none unless all are complete here."""
        found = [RepoFolder(self.folder, source.repo).complete(source) for source in record.sources]
        there = tuple(path for path in found if path)
        return there if len(there) == len(found) else ()

    def listing(self, records: Sequence[ModelRecord] = MODELS) -> list[Stored]:
        """Tell what is here of each model."""
        return [self._stored(record) for record in records]

    def _stored(self, record: ModelRecord) -> Stored:
        held: dict[Path, int] = {}
        for source in record.sources:
            held |= RepoFolder(self.folder, source.repo).held(source)
        commit = RepoFolder(self.folder, record.repo).commit(record.revision)
        return Stored(
            record.name, record.repo, record.revision, commit, self.locate(record), sum(held.values())
        )

    def verify(self, record: ModelRecord, cancel: threading.Event | None = None) -> None:
        """Read all files of a model, and compare them with their hashes.

        Raises ModelDamaged with the names of those that are gone or damaged, the latter deleted, so that a
        pull brings them again; ModelNotFound where nothing is here; PullCancelled.
        """
        stop = Stop(cancel)
        with self._on_disk():
            bad = [name for source in record.sources for name in self._damaged(record, source, stop)]
        if bad:
            message = (
                f"{record.name} is damaged, what was bad is deleted: pull it again to get {', '.join(bad)}."
            )
            raise ModelDamaged(message, tuple(bad))

    def _damaged(self, record: ModelRecord, source: Source, stop: Stop) -> Iterator[str]:
        folder = RepoFolder(self.folder, source.repo)
        commit = folder.commit(source.revision)
        tree = folder.tree(commit) if commit else None
        if commit is None or not (tree or folder.pointers(commit, source)):
            raise ModelNotFound(f"{record.name} is not here: pull it.", code="model_not_found")
        for name, pointer, file in _expected(folder, commit, source):
            if measured(pointer) is None:
                yield name
            elif not sound(pointer, file.etag, file.size, stop.check):
                blob_of(pointer).unlink(missing_ok=True)
                pointer.unlink(missing_ok=True)
                yield name

    def delete(self, record: ModelRecord, others: Sequence[ModelRecord] = MODELS) -> int:
        """Delete the files of a model, and give the bytes that this frees.

        What `others` that are complete here share with it stays, and so does what is no model's. Raises
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
                with self._on_disk(), locked(folder.lock, lambda: _busy(record)):
                    freed += trim(folder, [source for source in record.sources if source.repo == repo], kept)
        return freed


def _look(wanted: Sequence[Wanted], tally: Tally) -> None:
    for file in wanted:
        tally.reach(file, file.arrived())


def _bring(plan: Plan, loader: Downloader, tally: Tally, stop: Stop) -> None:
    """Bring the files of one source, alone: another process that began before brings them for us."""

    def waiting() -> None:
        stop.check()
        tally.state = "waiting"
        _look(plan.wanted, tally)

    with locked(plan.folder.lock, waiting):
        tally.state = "pulling"
        _look(plan.wanted, tally)
        for wanted in plan.wanted:
            stop.check()
            tally.file = wanted.path
            if not wanted.present():
                loader.fetch(wanted, partial(tally.reach, wanted))
            tally.reach(wanted, wanted.file.size)
            plan.folder.link(plan.commit, wanted.path, wanted.file)
        plan.folder.set_commit(plan.source.revision, plan.commit)
    tally.file = ""


def _expected(folder: RepoFolder, commit: str, source: Source) -> Iterator[tuple[str, Path, RemoteFile]]:
    """Give what a snapshot should have: by its tree, or where nobody noted that, by what its links say they
    lead to.
    """
    tree = folder.tree(commit)
    if tree:
        for name, file in tree.wanted(source).items():
            yield name, folder.snapshot(commit) / name, file
        return
    for name, pointer in folder.pointers(commit, source):
        etag = blob_of(pointer).name
        if pointer.is_symlink() and ETAG.fullmatch(etag):
            yield name, pointer, RemoteFile(measured(pointer) or 0, etag)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _busy(record: ModelRecord) -> None:
    raise ModelBusy(f"{record.name} is being pulled: cancel that first.", code="model_busy")
