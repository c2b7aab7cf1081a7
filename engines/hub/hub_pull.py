"""A pull of a model from the hub, into the hub's own cache layout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engines.catalogue.records import ModelRecord, Source
from engines.hub.disk import check_room
from engines.hub.download import Cancellation, Downloader, DownloadPolicy, Transfer
from engines.hub.errors import ModelNotFound, ModelUnreachable
from engines.hub.layout import COMMIT_HASH, RemoteFile, RepoFolder
from engines.hub.locks import locked
from engines.hub.own_models import fit_before_pull
from engines.hub.progress import ProgressTracker

if TYPE_CHECKING:
    from engines.hub.client import HubClient


class PlannedFile(NamedTuple):
    """A file of a repository at a commit, and the folder it goes to."""

    folder: RepoFolder
    source: Source
    commit: str
    path: str
    file: RemoteFile

    def is_present(self) -> bool:
        """Return whether all its bytes are on the disk."""
        return self.folder.has(self.commit, self.path, self.file)

    def bytes_present(self) -> int:
        """Return how many of its bytes are on the disk."""
        return self.folder.bytes_present(self.commit, self.path, self.file)

    def transfer(self, hub: HubClient) -> Transfer:
        """Return its download."""
        return Transfer(
            name=self.path,
            file=self.file,
            partial=self.folder.partial_blob(self.file.etag),
            blob=self.folder.blob(self.file.etag),
            open=partial(hub.open_file, self.source, self.commit, self.path),
        )


class SourcePlan(NamedTuple):
    """The files to pull for a source, at a commit."""

    folder: RepoFolder
    source: Source
    commit: str
    files: list[PlannedFile]


class HubPull:
    """A pull from the hub into a cache folder; `alone` where no other source has the model."""

    def __init__(
        self, folder: Path, hub: HubClient, policy: DownloadPolicy, cancellation: Cancellation, *, alone: bool
    ) -> None:
        self._folder = folder
        self._hub = hub
        self._cancellation = cancellation
        self._downloader = Downloader(policy, cancellation)
        self._lister = self._downloader if alone else Downloader(policy.impatient(), cancellation)

    def run(self, record: ModelRecord, tracker: ProgressTracker) -> Path:
        """Download all files of a model in this thread, and return its snapshot.

        Raises ModelError, OSError, and UnfitModel before anything of a model is downloaded that no engine
        fits.
        """
        record = fit_before_pull(record, self._hub, self._lister)
        plans = [self._plan(source) for source in record.sources]
        files = [planned for plan in plans for planned in plan.files]
        tracker.set_sizes({planned: planned.file.size for planned in files})
        _track_present(files, tracker)
        missing = {planned.file.etag: planned.file.size - planned.bytes_present() for planned in files}
        check_room(self._folder, sum(missing.values()))
        for plan in plans:
            self._pull_source(plan, tracker)
        tracker.state = "done"
        return plans[0].folder.snapshot(plans[0].commit)

    def _plan(self, source: Source) -> SourcePlan:
        """Return the files of a source: as the hub lists them, unless it names a commit whose list is here.

        Raises ModelError.
        """
        folder = RepoFolder(self._folder, source.repo)
        commit = source.revision
        tree = folder.tree(commit) if COMMIT_HASH.fullmatch(commit) else None
        if tree is None:
            commit, tree = self._lister.retry(lambda: self._hub.list_files(source))
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

    def _pull_source(self, plan: SourcePlan, tracker: ProgressTracker) -> None:
        """Download the files of one source under its lock: another process that holds it downloads them for
        us.

        Raises ModelError and OSError.
        """

        def on_wait() -> None:
            self._cancellation.check()
            tracker.state = "waiting"
            _track_present(plan.files, tracker)

        with locked(plan.folder.lock, on_wait):
            tracker.state = "pulling"
            _track_present(plan.files, tracker)
            for planned in plan.files:
                self._cancellation.check()
                tracker.file = planned.path
                if not planned.is_present():
                    self._downloader.download(
                        planned.transfer(self._hub), partial(tracker.set_present, planned)
                    )
                tracker.set_present(planned, planned.file.size)
                plan.folder.link(plan.commit, planned.path, planned.file)
            plan.folder.set_commit(plan.source.revision, plan.commit)
        tracker.file = ""


def _track_present(files: Sequence[PlannedFile], tracker: ProgressTracker) -> None:
    """Record how many bytes of each file are on the disk."""
    for planned in files:
        tracker.set_present(planned, planned.bytes_present())
