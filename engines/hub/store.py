"""The model files on this machine: pulling, finding, checking, listing and deleting them.

All calls block, and are for threads. Only `pull` uses the network, and loads the hub's client.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from engines.catalogue.models import MODELS
from engines.catalogue.records import SOURCE_NAMES, ModelRecord, SourceName
from engines.hub import own_models
from engines.hub.claims import Claims
from engines.hub.disk import translated_errors
from engines.hub.download import Cancellation, DownloadPolicy
from engines.hub.errors import (
    NOT_THERE,
    ModelBusy,
    ModelDamaged,
    ModelError,
    ModelInFolder,
    ModelInstalled,
    ModelInUse,
    ModelNotFound,
    Offline,
    advised,
    joined,
)
from engines.hub.hub_pull import HubPull
from engines.hub.layout import RepoFolder, default_cache_folder, is_true, size_of
from engines.hub.locks import locked
from engines.hub.package_files import PackageFolder, installed_folder, projects, verify_installed
from engines.hub.package_pull import PackagePull
from engines.hub.pip_configuration import package_places
from engines.hub.progress import ProgressTracker, PullProgress
from engines.hub.prune import delete_sources
from engines.hub.shared_pulls import SharedPulls
from engines.hub.snapshots import FoundModel, Origin, has_same_files, shares_files, snapshot_files
from engines.hub.verification import damaged_hub_files

ENDPOINT = "https://huggingface.co"
SOURCE_TITLES: dict[SourceName, str] = {"hub": "From the hub", "packages": "From packages"}
"""for messages"""


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


class ModelFiles:
    """A folder of model files, in the layout of the hub's own cache, the hub that they come from, and the
    package index where some come in wheels; `sources` is the order in which these are tried.

    What is not given is taken from HF_HUB_CACHE or HF_HOME, HF_ENDPOINT, HF_TOKEN (or the token of `hf auth
    login`), HF_HUB_OFFLINE, and from what pip is configured for.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        endpoint: str | None = None,
        token: str | None = None,
        offline: bool | None = None,
        policy: DownloadPolicy | None = None,
        sources: Sequence[SourceName] = SOURCE_NAMES,
        package_index: str = "",
    ) -> None:
        self.folder = (folder or default_cache_folder()).expanduser().resolve()
        self.endpoint = endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT
        offline_by_environment = is_true(
            os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE")
        )
        self.offline = offline_by_environment if offline is None else offline
        self.sources = tuple(dict.fromkeys(sources))
        self.package_index = package_index
        self._token = token
        self._policy = policy or DownloadPolicy()
        self._pulls = SharedPulls()
        self.claims = Claims(self.folder)
        """which files processes speak or transcribe with"""

    # Pulling...

    def pull(
        self,
        record: ModelRecord,
        on_progress: Callable[[PullProgress], None],
        cancel: threading.Event,
        sources: Sequence[SourceName] = (),
    ) -> Path:
        """Download all files of a model, and return their folder. Raises ModelError.

        `sources` are those to try, in their order; none means those of the settings. `on_progress` is called
        in this thread, about ten times a second. Who pulls the same files joins in: each may cancel for
        itself. Files that are there already are checked by their size; `verify` reads them.
        """
        _raise_if_in_folder(record)
        tried = self._usable_sources(record, sources)
        found = self.find(record)
        if found and not sources:  # only the hub may have something newer: what is in wheels is named by hash
            tried = tuple(source for source in tried if source == found.source == "hub")
        elif tried[0] == "packages" and self._find_packaged(record):
            tried = ()
        if found and (self.offline or not tried):
            return self._report_complete(record, on_progress)
        if self.offline:
            tried = self._usable_offline(record, tried)
        work = partial(self._pull, record, tried)
        key = (record.sources, record.packaged, tried)
        return self._pulls.join(key, record.name, work, on_progress, cancel)

    def _usable_sources(self, record: ModelRecord, wanted: Sequence[SourceName]) -> tuple[SourceName, ...]:
        """Return the sources that have a model, in their order. Raises ModelNotFound."""
        asked = wanted or self.sources
        if tried := tuple(source for source in asked if source in record.source_names):
            return tried
        message = (
            f"{record.name} does not come from {' or '.join(asked)}:"
            f" voicebox models pull {record.name} --from {' or '.join(record.source_names)}"
        )
        raise ModelNotFound(message, code="model_not_found")

    def _usable_offline(self, record: ModelRecord, tried: Sequence[SourceName]) -> tuple[SourceName, ...]:
        """Return the sources that are on this machine. Raises Offline."""
        if "packages" in tried and package_places(self.package_index).local().places:
            return ("packages",)
        message = (
            f"{record.name} is not complete here, and the network may not be used:"
            f" go online, or copy it to {self.folder}."
        )
        raise Offline(message, code="offline")

    def _report_complete(self, record: ModelRecord, on_progress: Callable[[PullProgress], None]) -> Path:
        """Report that a model is complete, and return its folder."""
        stored = self._stored(record)
        on_progress(PullProgress(record.name, "done", stored.size, stored.size))
        return stored.path or self.folder

    def _pull(
        self,
        record: ModelRecord,
        tried: Sequence[SourceName],
        tracker: ProgressTracker,
        cancellation: Cancellation,
    ) -> Path:
        """Download all files of a model in this thread from the first source that has them, and return their
        folder. Raises ModelError.
        """
        pulls: dict[SourceName, Callable[[], Path]] = {
            "hub": partial(self._pull_from_hub, record, tracker, cancellation, alone=len(tried) == 1),
            "packages": partial(self._pull_packages, record, tracker, cancellation),
        }
        errors: list[ModelError] = []
        for source in tried:
            tracker.begin()
            try:
                with translated_errors(self.folder):
                    return pulls[source]()
            except NOT_THERE as exc:
                errors.append(exc)
        names = [SOURCE_TITLES[source] for source in tried]
        error = joined(errors, f"{record.name} could not be pulled.", names)
        raise advised(
            error, begun=bool(self._stored(record).size), packaged="packages" in record.source_names
        )

    def _pull_from_hub(
        self, record: ModelRecord, tracker: ProgressTracker, cancellation: Cancellation, *, alone: bool
    ) -> Path:
        from engines.hub.client import HubClient

        hub = HubClient(self.endpoint, self._token, self._policy.stall_timeout)
        return HubPull(self.folder, hub, self._policy, cancellation, alone=alone).run(record, tracker)

    def _pull_packages(
        self, record: ModelRecord, tracker: ProgressTracker, cancellation: Cancellation
    ) -> Path:
        places = package_places(self.package_index)
        folder = self._package_folder(record)
        if folder is None:
            raise ModelNotFound(f"{record.name} does not come in packages.", code="model_not_found")
        return PackagePull(
            folder, places.local() if self.offline else places, self._policy, tracker, cancellation
        ).run()

    def _package_folder(self, record: ModelRecord) -> PackageFolder | None:
        """Return the folder in the cache of a model that comes in wheels; None where it does not."""
        return PackageFolder(self.folder, record.name, record.packaged) if record.packaged else None

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

    def fitted(self, records: Sequence[ModelRecord]) -> tuple[ModelRecord, ...]:
        """Return the records of models, those of one's own as their files on this machine show them to be."""
        return tuple(own_models.fitted(self.folder, record) for record in records)

    def find(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model lies that is complete, else None; the hub is not asked."""
        if record.folder:
            folder = Path(record.folder).expanduser()
            return FoundModel((folder,), "folder") if folder.is_dir() and not record.unfit else None
        finders = {"hub": self._find_from_hub, "packages": self._find_packaged}
        ordered = dict.fromkeys((*self.sources, *SOURCE_NAMES))
        return next((found for source in ordered if (found := finders[source](record))), None)

    def _find_from_hub(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model's files from the hub lie, if all are there."""
        folders = [
            RepoFolder(self.folder, source.repo).complete_snapshot(source) for source in record.sources
        ]
        complete = tuple(folder for folder in folders if folder)
        return FoundModel(complete, "hub") if complete and len(complete) == len(folders) else None

    def _find_packaged(self, record: ModelRecord) -> FoundModel | None:
        """Return where a model's files that came in wheels lie, if all are there."""
        folder = self._package_folder(record)
        if folder is None:
            return None
        if pulled := folder.complete():
            return FoundModel((pulled,), "packages")
        installed = installed_folder(folder.source)
        return FoundModel((installed,), "installed") if installed else None

    def listing(self, records: Sequence[ModelRecord] = MODELS) -> list[StoredModel]:
        """Return what is on the disk of each model."""
        return [self._stored(record) for record in records]

    def _stored(self, record: ModelRecord) -> StoredModel:
        sizes: dict[Path, int] = {}
        for source in record.sources:
            sizes |= RepoFolder(self.folder, source.repo).sizes_on_disk(source)
        found, packages = self.find(record), self._package_folder(record)
        if found and found.source == "folder":
            sizes |= {path: size_of(path) or 0 for path in snapshot_files(record, found)}
        if packages:
            sizes |= packages.sizes_on_disk()
        if packages and found and found.source == "installed":
            sizes |= {found.folders[0] / file.path: file.size for file in packages.source.files}
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
        _raise_if_in_folder(record)
        check = Cancellation(cancel).check
        found, packages = self.find(record), self._package_folder(record)
        with translated_errors(self.folder):
            if found and found.source == "installed":
                verify_installed(record, found.folders[0], check)
                return
            if packages and (found.source == "packages" if found else packages.files.is_dir()):
                bad = packages.damaged(check)
            elif any(RepoFolder(self.folder, source.repo).root.is_dir() for source in record.sources):
                bad = [
                    name
                    for source in record.sources
                    for name in damaged_hub_files(RepoFolder(self.folder, source.repo), source, check)
                ]
            else:
                raise ModelNotFound(f"{record.name} is not here: pull it.", code="model_not_found")
        if bad:
            message = (
                f"{record.name} is damaged, what was bad is deleted: pull it again to get {', '.join(bad)}."
            )
            raise ModelDamaged(message, tuple(bad))

    def delete(
        self, record: ModelRecord, others: Sequence[ModelRecord] = MODELS, *, force: bool = False
    ) -> int:
        """Delete the files of a model, and return the bytes that this frees.

        What other complete models among `others` share with it stays, and so does what is no model's. Raises
        ModelBusy while somebody pulls the same files, ModelInUse while another process speaks or transcribes
        with them, unless `force`, and ModelInstalled where all there is of it is in a package that is
        installed.
        """
        self.check_deletable(record)
        packages = self._package_folder(record)
        with translated_errors(self.folder), self.claims.none_made():
            if not force:
                self._raise_if_claimed(record, others)
            freed = self._delete_from_hub(record, others)
            if packages and packages.root.is_dir():
                with locked(packages.lock, lambda: _raise_busy(record)):
                    freed += packages.delete()
        return freed

    def _raise_if_claimed(self, record: ModelRecord, others: Sequence[ModelRecord]) -> None:
        """Raise ModelInUse while another process speaks or transcribes with files that would be deleted."""
        kept = [one for one in others if shares_files(one, record) and not has_same_files(one, record)]
        doomed = self._claimable(record).difference(*map(self._claimable, kept))
        for claim in self.claims.others():
            if not doomed.isdisjoint(claim.files):
                raise ModelInUse(record.name, claim.pid)

    def _claimable(self, record: ModelRecord) -> set[str]:
        """Return the files of a model as claims name them; none unless it is complete."""
        found = self.find(record)
        return set(self.claims.names(snapshot_files(record, found))) if found else set()

    def check_deletable(self, record: ModelRecord) -> None:
        """Raise ModelInstalled where all there is of a model is in a package that is installed, ModelInFolder
        where it is in a folder that the settings name.
        """
        _raise_if_in_folder(record)
        found, packages = self.find(record), self._package_folder(record)
        roots = [RepoFolder(self.folder, source.repo).root for source in record.sources]
        if packages:
            roots.append(packages.root)
        if found and found.source == "installed" and not any(root.is_dir() for root in roots):
            message = (
                f"{record.name} lies in an installed package, which is not this program's to delete:"
                f" {sys.executable} -m pip uninstall {projects(record)}."
            )
            raise ModelInstalled(message, code="model_installed")

    def _delete_from_hub(self, record: ModelRecord, others: Sequence[ModelRecord]) -> int:
        """Delete the files of a model that came from the hub, but for what complete models share with it."""
        freed = 0
        for repo in dict.fromkeys(source.repo for source in record.sources):
            sharing = [
                other
                for other in others
                if any(s.repo == repo for s in other.sources) and not has_same_files(other, record)
            ]
            kept = [
                source
                for other in sharing
                if self._find_from_hub(other)
                for source in other.sources
                if source.repo == repo
            ]
            folder = RepoFolder(self.folder, repo)
            if folder.root.is_dir():
                gone = [source for source in record.sources if source.repo == repo]
                with locked(folder.lock, lambda: _raise_busy(record)):
                    freed += delete_sources(folder, gone, kept)
        return freed


def _raise_if_in_folder(record: ModelRecord) -> None:
    if record.folder:
        raise ModelInFolder(record.name)


def _raise_busy(record: ModelRecord) -> None:
    raise ModelBusy(f"{record.name} is being pulled: cancel that first.", code="model_busy")
