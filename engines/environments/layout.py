"""The layout of environments on the disk, and whether one is complete.

`FOLDER/GROUP/installed.json` is written last and names the folder beside it that holds the virtual
environment. Each install has such a folder of its own: what a killed one left running writes into that and
into no other, and the old environment is used until the new one is complete. (A virtual environment cannot be
renamed: its scripts name their interpreter.)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

ENVIRONMENTS_FOLDER = "environments"
"""in the data folder"""
MARKER_FILE = "installed.json"
FOREIGN_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
)
"""environment variables by which one interpreter's packages get into another's"""


class Installed(msgspec.Struct, frozen=True):
    """The marker of an environment: what was installed."""

    group: str
    digest: str
    """of what was to be installed: Group.digest"""
    folder: str
    """name of the virtual environment's folder, beside the marker"""
    python: str
    """version"""
    packages: dict[str, str] = {}
    """versions by the names of distributions"""
    index_url: str = ""
    """where torch came from, without a password; empty: from where all came"""
    repaired: tuple[str, ...] = ()
    """what was repaired after the installation, in words"""
    added: tuple[str, ...] = ()
    """packages that somebody added to those of the group"""


class Environment(msgspec.Struct, frozen=True):
    """A virtual environment that is complete."""

    path: Path
    installed: Installed

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return interpreter(self.path)

    @property
    def site(self) -> Path:
        """The folder of its packages."""
        return site_packages(self.path)


def environ_for_other_python(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for a process of another interpreter: ours, without those that name
    our packages.
    """
    return {name: value for name, value in environ.items() if name not in FOREIGN_VARIABLES}


def interpreter(path: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return path / "Scripts" / "python.exe" if os.name == "nt" else path / "bin" / "python"


def site_packages(path: Path) -> Path:
    """Return the folder of a virtual environment's packages."""
    if os.name == "nt":
        return path / "Lib" / "site-packages"
    return next(path.glob("lib/python3*/site-packages"), path / "lib" / "site-packages")


def installed_versions(site: Path) -> dict[str, str]:
    """Return the versions of the distributions in a folder of packages, by canonical name."""
    return {
        canonicalize_name(found.name): found.version for found in metadata.distributions(path=[str(site)])
    }


def read_environment(home: Path) -> Environment | None:
    """Return a group's environment by its marker; None where there is no marker, or no interpreter where it
    points.
    """
    try:
        installed = msgspec.json.decode((home / MARKER_FILE).read_bytes(), type=Installed)
    except (OSError, msgspec.DecodeError):
        return None
    environment = Environment(home / Path(installed.folder).name, installed)
    return environment if environment.python.exists() else None


def write_marker(home: Path, installed: Installed) -> None:
    """Write a group's marker, atomically."""
    part = home / f"{installed.folder}.part"
    with part.open("wb") as file:
        file.write(msgspec.json.encode(installed))
        file.flush()
        os.fsync(file.fileno())
    part.replace(home / MARKER_FILE)
