"""Packages that somebody adds to an environment or to our own interpreter: what a single model wants.

The marker of an environment names them, so that a new install of it has them too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from engines.environments import layout
from engines.environments.commands import Installer, InstallFailed, OnLine, run_command
from engines.environments.install import environment_lock
from engines.environments.layout import Environment, installed_versions
from engines.environments.on_request import ON_REQUEST, OnRequest, add_commands


def checked_packages(packages: Sequence[str]) -> tuple[str, ...]:
    """Return packages by name, with a version perhaps. Raises InstallFailed for anything else: a URL, a path
    or an option of pip's.
    """
    for package in packages:
        try:
            named = Requirement(package)
        except InvalidRequirement:
            raise InstallFailed(f"{package!r} is no package's name, such as uroman or uroman==1.3") from None
        if named.url:
            raise InstallFailed(f"{package!r} is an address; give the name of a package")
    return tuple(packages)


def add_to_environment(
    home: Path,
    packages: Sequence[str],
    on_line: OnLine,
    installer: Installer | None = None,
    known: Sequence[OnRequest] = ON_REQUEST,
) -> Environment:
    """Install packages, or what goes by a known name, into the environment of a group, and return it.

    `home` is the environment's folder. Raises InstallFailed.
    """
    with environment_lock(home, on_line):
        environment = layout.read_environment(home)
        if environment is None:
            raise InstallFailed(f"{home.name} is not installed: voicebox engines install {home.name}")
        installer = installer or Installer.detect()
        for command in add_commands(environment.python, packages, installer, known):
            run_command(command, on_line, f"installing {', '.join(packages)}")
        installed = msgspec.structs.replace(
            environment.installed,
            added=tuple(dict.fromkeys((*environment.installed.added, *packages))),
            packages=installed_versions(environment.site),
        )
        layout.write_marker(home, installed)
        return Environment(environment.path, installed)


def add_to_own(packages: Sequence[str], on_line: OnLine, installer: Installer | None = None) -> None:
    """Install packages beside this program. Raises InstallFailed."""
    installer = installer or Installer.detect()
    what = f"installing {', '.join(packages)}"
    run_command(installer.install_command(Path(sys.executable), *packages), on_line, what)
