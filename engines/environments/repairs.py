"""Repairs of what published packages get wrong, made after an install where they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engines.environments.commands import Installer, InstallFailed, Note, OnLine, run_command, run_script
from engines.environments.layout import installed_versions


class RepairContext(msgspec.Struct, frozen=True):
    """An environment that is being made, and the means to repair it."""

    python: Path
    site: Path
    """the folder of its packages"""
    without_dependencies: tuple[str, ...]
    """requirements to install without their dependencies: `name==version`"""
    installer: Installer
    on_line: OnLine


Repair = Callable[[RepairContext], str]
"""returns what it did, empty where there was nothing to do; raises InstallFailed"""

IMPORT_SCRIPT = """
import importlib, json, sys
try:
    importlib.import_module(sys.argv[1])
    print(json.dumps(""))
except Exception as exc:
    print(json.dumps(f"{type(exc).__name__}: {exc}"))
"""


def repair_environment(context: RepairContext) -> list[str]:
    """Make every repair that is needed, and return what was done. Raises InstallFailed."""
    done = []
    for repair in REPAIRS:
        if what := repair(context):
            context.on_line(Note(what))
            done.append(what)
    return done


def install_without_dependencies(context: RepairContext) -> str:
    """Install packages whose lists of dependencies are wrong: too long, or in conflict with others."""
    installed = installed_versions(context.site)
    missing = [one for one in context.without_dependencies if not _is_installed(installed, one)]
    if not missing:
        return ""
    names = ", ".join(missing)
    run_command(
        context.installer.install_command(context.python, "--no-deps", *missing),
        context.on_line,
        f"installing {names}",
    )
    return f"installed without what they ask for: {names}"


def delete_torchaudio_libraries(context: RepairContext) -> str:
    """Delete torchaudio's libraries where they do not load: beside a torch for CPUs, or for another CUDA than
    theirs.

    Without them it uses its parts in Python, which are all that engines need.
    """
    folder = context.site / "torchaudio" / "lib"
    libraries = [path for pattern in ("*.so", "*.pyd", "*.dylib") for path in folder.glob(pattern)]
    if not libraries or not (fault := _fault(context, "torchaudio")) or _fault(context, "torch"):
        return ""
    for path in libraries:
        path.unlink()
    if fault_left := _fault(context, "torchaudio"):
        raise InstallFailed(f"torchaudio cannot be imported, with its libraries or without: {fault_left}")
    return f"torchaudio: {len(libraries)} libraries taken away that do not load beside this torch ({fault})"


def reinstall_soundfile(context: RepairContext) -> str:
    """Install the platform's own wheel of soundfile over the one without a library, which uv may choose."""
    version = installed_versions(context.site).get("soundfile")
    if (
        not version
        or any((context.site / "_soundfile_data").glob("*sndfile*"))
        or not _fault(context, "soundfile")
    ):
        return ""
    for command in context.installer.reinstall_commands(context.python, f"soundfile=={version}"):
        run_command(command, context.on_line, "installing soundfile again")
    if fault := _fault(context, "soundfile"):
        raise InstallFailed(
            f"soundfile has no library of its own, and there is none on this machine: {fault}"
        )
    return "soundfile: the wheel with its library installed in place of the one without"


def downgrade_setuptools(context: RepairContext) -> str:
    """Install an old setuptools for perth: it imports pkg_resources, hides that this failed, and has no
    watermarker then.
    """
    if not (context.site / "perth").is_dir() or (context.site / "pkg_resources").is_dir():
        return ""
    run_command(
        context.installer.install_command(context.python, "setuptools<81"),
        context.on_line,
        "installing setuptools<81",
    )
    return "setuptools: one with pkg_resources installed, for perth"


REPAIRS: tuple[Repair, ...] = (
    install_without_dependencies,
    delete_torchaudio_libraries,
    reinstall_soundfile,
    downgrade_setuptools,
)


def _is_installed(installed: dict[str, str], requirement: str) -> bool:
    """Return whether `name==version` is installed, whatever it was built for ("+cpu")."""
    wanted = Requirement(requirement)
    version = installed.get(canonicalize_name(wanted.name))
    return version is not None and wanted.specifier.contains(version, prereleases=True)


def _fault(context: RepairContext, package: str) -> str:
    """Return what goes wrong when a package is imported; empty where nothing does."""
    return str(run_script(context.python, IMPORT_SCRIPT, package))
