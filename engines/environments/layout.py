"""Where an environment lies, and whether it is whole.

`FOLDER/GROUP/installed.json` is written last and names the folder beside it that holds the virtual
environment. Each install has such a folder of its own: what a killed one left running writes into that and
into no other, and the old environment serves until the new one is whole. (A virtual environment cannot be
renamed: its scripts name their interpreter.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import msgspec

FOLDER = "environments"
"""in the data folder"""
MARKER = "installed.json"
STRAY = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
)
"""variables by which one interpreter's packages get into another's"""


class Installed(msgspec.Struct, frozen=True):
    """What was installed."""

    group: str
    digest: str
    """of what was asked for: Group.digest"""
    folder: str
    """beside the marker"""
    python: str
    """version"""
    packages: dict[str, str] = {}
    """versions by the names of distributions"""
    index_url: str = ""
    """where torch came from, without a password; empty is where all came from"""
    repaired: tuple[str, ...] = ()
    """what was mended after the installation, in words"""


class Environment(msgspec.Struct, frozen=True):
    """A virtual environment that is whole."""

    path: Path
    installed: Installed

    @property
    def python(self) -> Path:
        """Name its interpreter."""
        return interpreter(self.path)

    @property
    def site(self) -> Path:
        """Name the folder of its packages."""
        return site_of(self.path)


def foreign(environ: Mapping[str, str]) -> dict[str, str]:
    """Give a process of another interpreter its environment variables: ours, without those that name our
    packages.
    """
    return {name: value for name, value in environ.items() if name not in STRAY}


def interpreter(path: Path) -> Path:
    """Name the interpreter of a virtual environment."""
    return path / "Scripts" / "python.exe" if os.name == "nt" else path / "bin" / "python"


def site_of(path: Path) -> Path:
    """Name the folder of a virtual environment's packages."""
    if os.name == "nt":
        return path / "Lib" / "site-packages"
    return next(path.glob("lib/python3*/site-packages"), path / "lib" / "site-packages")


def versions(site: Path) -> dict[str, str]:
    """Give the versions of the distributions in a folder of packages, by `normal` name."""
    return {normal(found.name): found.version for found in metadata.distributions(path=[str(site)])}


def normal(name: str) -> str:
    """Write a distribution's name as all its spellings are compared: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(home: Path) -> Environment | None:
    """Read a group's marker; None where there is none, or no interpreter where it points."""
    try:
        installed = msgspec.json.decode((home / MARKER).read_bytes(), type=Installed)
    except (OSError, msgspec.DecodeError):
        return None
    found = Environment(home / Path(installed.folder).name, installed)
    return found if found.python.exists() else None


def write(home: Path, installed: Installed) -> None:
    """Write a group's marker, all at once."""
    part = home / f"{installed.folder}.part"
    with part.open("wb") as file:
        file.write(msgspec.json.encode(installed))
        file.flush()
        os.fsync(file.fileno())
    part.replace(home / MARKER)
