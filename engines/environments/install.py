"""Installing and removing environments. All calls block, and are for threads or commands."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from engines.environments import layout
from engines.environments.commands import (
    Installer,
    InstallFailed,
    Note,
    OnLine,
    run_command,
    run_script,
)
from engines.environments.groups import Group, without_credentials
from engines.environments.layout import Environment, Installed, installed_versions, interpreter, site_packages
from engines.environments.on_request import add_commands
from engines.environments.repairs import RepairContext, repair_environment
from engines.hub.locks import locked

DISK_FACTOR = 1.5
"""how much more than its own size an install needs meanwhile: archives are kept beside what they hold"""
VERSION_SCRIPT = "import json, platform; print(json.dumps(platform.python_version()))"


def install_environment(
    group: Group,
    folder: Path,
    on_line: OnLine,
    *,
    index_url: str = "",
    or_usual: bool = False,
    locked: bool = True,
    installer: Installer | None = None,
) -> Environment:
    """Install a group's environment below a folder, and return it, also where it was installed before.

    `index_url` is where torch is downloaded from; with `or_usual` it comes from where all packages do where
    that index has none, or cannot be reached. Without `locked` all is in the newest versions that the
    requirements allow. An old environment is used until the new one is complete.
    Raises InstallFailed; nothing that counts as installed is left then.
    """
    home = folder / group.name
    with environment_lock(home, on_line):
        known = layout.read_environment(home)
        if known and known.installed.digest == group.digest(index_url):
            on_line(Note(f"{group.name} is installed already"))
            return known
        if _delete_others(home, known):
            on_line(Note("an install that did not end was cleared away; this one begins afresh"))
        _check_room(group, home, index_url)
        path = home / secrets.token_hex(4)
        try:
            installer = installer or Installer.detect()
            installed = _install_into(
                path, group, index_url, installer, on_line, or_usual=or_usual, locked=locked
            )
            if known and known.installed.added:
                installed = _add_again(path, known.installed.added, installed, installer, on_line)
            layout.write_marker(home, installed)
        except OSError as exc:
            shutil.rmtree(path, ignore_errors=True)
            raise InstallFailed(
                f"{group.name} could not be written to {path}: {exc.strerror or exc}"
            ) from exc
        except BaseException:  # whatever ends it, gigabytes that nobody uses do not stay
            shutil.rmtree(path, ignore_errors=True)
            raise
        environment = Environment(path, installed)
        _delete_others(home, environment)
        return environment


def remove_environment(group: Group, folder: Path, on_line: OnLine = lambda _line: None) -> int:
    """Delete a group's environment, and what broken installs left; return the bytes that this frees."""
    home = folder / group.name
    if not home.exists():
        return 0
    with environment_lock(home, on_line):
        size = sum(path.lstat().st_size for path in home.rglob("*") if not path.is_dir() or path.is_symlink())
        with suppress(FileNotFoundError):
            (home / layout.MARKER_FILE).unlink()  # first: half an environment must not count
        try:
            shutil.rmtree(home)
        except OSError as exc:
            raise InstallFailed(f"{home} could not be deleted: {exc}") from exc
    return size


@contextmanager
def environment_lock(home: Path, on_line: OnLine) -> Iterator[None]:
    """Hold the group's lock for the block. It lies beside the folder, which may be deleted."""
    waiting = False

    def on_wait() -> None:
        nonlocal waiting
        if not waiting:
            waiting = True
            on_line(Note("another command works on this environment; waiting for it"))

    with locked(home.with_name(f".{home.name}.lock"), on_wait):
        yield


def _install_into(
    path: Path,
    group: Group,
    index_url: str,
    installer: Installer,
    on_line: OnLine,
    *,
    or_usual: bool,
    locked: bool,
) -> Installed:
    """Make an environment and install a group into it; return what its marker says.

    Raises InstallFailed and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    run_command(
        installer.create_command(installer.find_python(group), path), on_line, "making the environment"
    )
    python = interpreter(path)
    if group.first:
        index_url = _install_first(python, group, index_url, installer, on_line, or_usual=or_usual)
    run_command(
        installer.install_command(python, *group.install_arguments(locked=locked)),
        on_line,
        f"installing {group.display}",
    )
    repaired = repair_environment(
        RepairContext(python, site_packages(path), group.without_dependencies, installer, on_line)
    )
    return Installed(
        group=group.name,
        digest=group.digest(index_url),
        folder=path.name,
        python=str(run_script(python, VERSION_SCRIPT)),
        packages=installed_versions(site_packages(path)),
        index_url=without_credentials(index_url),
        repaired=tuple(repaired),
    )


def _add_again(
    path: Path, added: tuple[str, ...], installed: Installed, installer: Installer, on_line: OnLine
) -> Installed:
    """Install what somebody had added to the environment before, and return what the marker says then.

    What cannot be had any more is said, and left out: the others are not to be lost for it.
    """
    kept = []
    for package in added:
        try:
            for command in add_commands(interpreter(path), [package], installer):
                run_command(command, on_line, f"adding {package}")
            kept.append(package)
        except InstallFailed as exc:
            on_line(Note(f"{package}, which was added before, could not be installed again: {exc}"))
    packages = installed_versions(site_packages(path))
    return msgspec.structs.replace(installed, added=tuple(kept), packages=packages)


def _install_first(
    python: Path, group: Group, index_url: str, installer: Installer, on_line: OnLine, *, or_usual: bool
) -> str:
    """Install what comes first, and return the index that it came from; empty for the usual. Raises
    InstallFailed.
    """
    what = f"installing {', '.join(group.first)}"
    options = ("--index-url", index_url) if index_url else ()
    try:
        run_command(installer.install_command(python, *group.first, *options), on_line, what)
    except InstallFailed:
        if not (index_url and or_usual):
            raise
        where = without_credentials(index_url)
        on_line(Note(f"{where} does not give it: it comes from where all packages do"))
        _check_room(group, python.parent, "")
        run_command(installer.install_command(python, *group.first), on_line, what)
        return ""
    return index_url


def _delete_others(home: Path, kept: Environment | None) -> bool:
    """Delete all but the environment that counts; return whether there was anything."""
    stray = [
        path for path in home.glob("*") if kept is None or path not in (kept.path, home / layout.MARKER_FILE)
    ]
    for path in stray:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return bool(stray)


def _check_room(group: Group, home: Path, index_url: str) -> None:
    """Raise InstallFailed, with the figures, unless the disk has room."""
    existing = next(path for path in (home, *home.parents) if path.exists())
    needed = round(group.disk_needed(index_url) * DISK_FACTOR)
    free = shutil.disk_usage(existing).free
    if free < needed:
        reason = f"{group.name} needs about {needed / 1e9:.1f} GB of disk while it is installed"
        raise InstallFailed(f"{reason}, and {existing} has {free / 1e9:.1f} GB free")
