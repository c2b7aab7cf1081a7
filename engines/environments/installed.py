"""What is installed where an engine runs: whether a package is, and what changes when any package does."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from engines.environments.find import missing_packages

METADATA = (".dist-info", ".egg-info")
"""endings of the folders by which installers note what they have installed, with its version"""


def package_finder(site: Path | None) -> Callable[[str], bool]:
    """Return what tells whether a package can be imported from a folder of packages; None is our own
    interpreter. Nothing is imported.
    """
    return lambda package: not missing_packages((package,), site)


def packages_identity(site: Path | None) -> str:
    """Return what becomes another whenever a package is added, replaced or removed in a folder of packages;
    None is our own interpreter. Reads the disk where something has changed.
    """
    folders = [str(site)] if site else [folder for folder in sys.path if folder]
    return _identity(tuple((folder, _changed(folder)) for folder in folders))


@lru_cache(maxsize=16)
def _identity(folders: tuple[tuple[str, int], ...]) -> str:
    """Return a digest of what is installed in folders, each with when it last changed."""
    found = {name for folder, changed in folders if changed for name in _installed(folder)}
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]


def _installed(folder: str) -> list[str]:
    """Return the names and versions of what is installed in a folder of packages."""
    try:
        return [file.name for file in Path(folder).iterdir() if file.name.endswith(METADATA)]
    except OSError:  # an archive, or gone meanwhile
        return []


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0
