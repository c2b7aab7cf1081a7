"""Making, remaking and removing environments. All calls block, and are for threads or commands."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engines.environments import layout
from engines.environments.commands import Installer, InstallFailed, Told, ask, run
from engines.environments.groups import Group, open_part
from engines.environments.layout import Environment, Installed, interpreter, site_of, versions
from engines.environments.repairs import Patient, mend
from engines.hub.locks import locked

SPARE = 1.5
"""how much more than its own size an install takes while it goes on: archives are kept beside what they hold
"""
VERSION = "import json, platform; print(json.dumps(platform.python_version()))"


def install(
    group: Group, folder: Path, told: Told, *, index_url: str = "", installer: Installer | None = None
) -> Environment:
    """Make a group's environment below a folder, or find it made; `index_url` is where torch is taken from.

    One that is whole serves until its successor is. Raises InstallFailed; nothing that counts as installed is
    left then.
    """
    home = folder / group.name
    with _alone(home, told):
        known = layout.read(home)
        if known and known.installed.digest == group.digest(index_url):
            told(f"{group.name} is installed already")
            return known
        if _sweep(home, known):
            told("an install that did not end was cleared away; this one begins afresh")
        _check_room(group, home, index_url)
        path = home / secrets.token_hex(4)
        try:
            installed = _fill(group, path, index_url, installer or Installer.found(), told)
            layout.write(home, installed)
        except OSError as exc:
            shutil.rmtree(path, ignore_errors=True)
            raise InstallFailed(
                f"{group.name} could not be written to {path}: {exc.strerror or exc}"
            ) from exc
        except BaseException:  # whatever ends it, gigabytes that nobody uses do not stay
            shutil.rmtree(path, ignore_errors=True)
            raise
        made = Environment(path, installed)
        _sweep(home, made)
        return made


def remove(group: Group, folder: Path, told: Told = lambda _line: None) -> int:
    """Delete a group's environment, and what broken installs left; give the bytes that frees."""
    home = folder / group.name
    if not home.exists():
        return 0
    with _alone(home, told):
        size = sum(path.lstat().st_size for path in home.rglob("*") if not path.is_dir() or path.is_symlink())
        with suppress(FileNotFoundError):
            (home / layout.MARKER).unlink()  # first: half an environment must not count
        try:
            shutil.rmtree(home)
        except OSError as exc:
            raise InstallFailed(f"{home} could not be deleted: {exc}") from exc
    return size


@contextmanager
def _alone(home: Path, told: Told) -> Iterator[None]:
    """Hold the group's lock. It lies beside the folder, which may be deleted."""
    said: list[str] = []

    def waiting() -> None:
        if not said:
            said.append("another command works on this environment; waiting for it")
            told(said[0])

    with locked(home.with_name(f".{home.name}.lock"), waiting):
        yield


def _fill(group: Group, path: Path, index_url: str, installer: Installer, told: Told) -> Installed:
    """Make an environment and install into it. Raises InstallFailed and OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    run(installer.create(installer.python(group), path), told, "making the environment")
    python = interpreter(path)
    if group.first:
        where = ("--index-url", index_url) if index_url else ()
        run(installer.install(python, *group.first, *where), told, f"installing {', '.join(group.first)}")
    run(
        installer.install(python, "-r", str(group.requirements)),
        told,
        f"installing {group.requirements.name}",
    )
    repaired = mend(Patient(python, site_of(path), group.bare, installer, told))
    return Installed(
        group=group.name,
        digest=group.digest(index_url),
        folder=path.name,
        python=str(ask(python, VERSION)),
        packages=versions(site_of(path)),
        index_url=open_part(index_url),
        repaired=tuple(repaired),
    )


def _sweep(home: Path, kept: Environment | None) -> bool:
    """Delete all but the environment that counts; tell whether there was anything."""
    stray = [path for path in home.glob("*") if kept is None or path not in (kept.path, home / layout.MARKER)]
    for path in stray:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return bool(stray)


def _check_room(group: Group, home: Path, index_url: str) -> None:
    """See that the disk has room. Raises InstallFailed with the figures."""
    there = next(path for path in (home, *home.parents) if path.exists())
    needed, free = round(group.needed(index_url) * SPARE), shutil.disk_usage(there).free
    if free < needed:
        wanted = f"{group.name} needs about {needed / 1e9:.1f} GB of disk while it is installed"
        raise InstallFailed(f"{wanted}, and {there} has {free / 1e9:.1f} GB free")
