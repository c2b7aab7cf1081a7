"""The interpreter that runs an engine, its group's environment or ours, and what keeps this machine from
running a model. Packages are looked for, not imported.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import msgspec

from engines.catalogue.hardware import devices
from engines.catalogue.records import Device, ModelRecord
from engines.environments import layout

MOST_NAMED = 2
"""packages that are named where more are missing: one command brings them all"""


class InterpreterChoice(msgspec.Struct, frozen=True):
    """An interpreter, or the command that installs one."""

    python: str | None
    """its path; empty is our own, None is none"""
    site: Path | None = None
    """the folder of its packages; None is our own interpreter's"""
    missing: tuple[str, ...] = ()
    """packages that our own lacks"""
    install_command: str = ""


def choose_interpreter(group: str, packages: Sequence[str], folder: Path | None) -> InterpreterChoice:
    """Return the interpreter for packages of a group; `folder` is where environments are, None where there
    are none.

    The group's environment goes before our own interpreter: there the versions are those that were tried.
    """
    environment = layout.read_environment(folder / group) if folder else None
    if environment and not missing_packages(packages, environment.site):
        return InterpreterChoice(str(environment.python), environment.site)
    missing = missing_packages(packages)
    return (
        InterpreterChoice(None, None, missing, f"voicebox engines install {group}")
        if missing
        else InterpreterChoice("")
    )


def obstacle(record: ModelRecord, environments: Path | None = None) -> str:
    """Return what keeps this machine from running a model, and what to do about it; empty where nothing does.

    `environments` is the folder of environments, None where there are none. Reads the disk.
    """
    if record.unfit:
        return record.unfit
    engine = record.engine
    here = devices()
    if not here & set(record.requires):
        return f"it needs one of {', '.join(record.requires)}; this machine has {', '.join(sorted(here))}"
    choice = choose_interpreter(engine.group, engine.packages, environments)
    if choice.python is not None:
        return ""
    command = f"voicebox engines add {engine.added_as}" if engine.added_as else choice.install_command
    named = ", ".join(choice.missing[:MOST_NAMED])
    more = f" and {len(choice.missing) - MOST_NAMED} more" if len(choice.missing) > MOST_NAMED else ""
    return f"{named}{more} not installed: {command}"


def recommended_group(available: Collection[Device] | None = None) -> str:
    """Return the name of the group that suits a machine best: the one without torch where no GPU is there.

    `available` are the machine's devices, `devices()` by default.
    """
    return "main" if set(devices() if available is None else available) - {"cpu"} else "onnx"


def missing_packages(packages: Sequence[str], site: Path | None = None) -> tuple[str, ...]:
    """Return the packages that cannot be found in a folder of packages, or by our own interpreter."""
    tops = [(package, package.partition(".")[0]) for package in packages]
    if site is None:
        return tuple(package for package, top in tops if find_spec(top) is None)
    return tuple(package for package, top in tops if PathFinder.find_spec(top, [str(site)]) is None)
