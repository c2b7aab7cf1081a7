"""Which interpreter runs an engine: its group's environment, or ours. Nothing is imported for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import msgspec

from engines.environments import layout


class Choice(msgspec.Struct, frozen=True):
    """An interpreter, or the command that brings one."""

    python: str | None
    """its path; empty is our own, None none"""
    missing: tuple[str, ...] = ()
    """packages that our own lacks"""
    mend: str = ""


def choose(group: str, packages: Sequence[str], folder: Path | None) -> Choice:
    """Choose the interpreter for packages of a group; `folder` is where environments are, None where there
    are none.

    The group's environment goes before our own interpreter: there the versions are those that were tried.
    """
    found = layout.read(folder / group) if folder else None
    if found and not absent(packages, found.site):
        return Choice(str(found.python))
    missing = absent(packages)
    return Choice(None, missing, f"voicebox engines install {group}") if missing else Choice("")


def absent(packages: Sequence[str], site: Path | None = None) -> tuple[str, ...]:
    """Name the packages that cannot be found, in a folder of packages or by our own interpreter."""
    tops = [(package, package.partition(".")[0]) for package in packages]
    if site is None:
        return tuple(package for package, top in tops if find_spec(top) is None)
    return tuple(package for package, top in tops if PathFinder.find_spec(top, [str(site)]) is None)
