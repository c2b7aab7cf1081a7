"""What published packages get wrong, looked for and mended after an install. Each looks first, and says what
it did.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from engines.environments.commands import Installer, InstallFailed, Told, ask, run
from engines.environments.layout import normal, versions


class Patient(msgspec.Struct, frozen=True):
    """An environment that is being made."""

    python: Path
    site: Path
    """the folder of its packages"""
    bare: tuple[str, ...]
    """`name==version`: what is installed without what it asks for"""
    installer: Installer
    told: Told


Repair = Callable[[Patient], str]
"""gives what it did, empty where there was nothing to do; raises InstallFailed"""

FAULT = """
import importlib, json, sys
try:
    importlib.import_module(sys.argv[1])
    print(json.dumps(""))
except Exception as exc:
    print(json.dumps(f"{type(exc).__name__}: {exc}"))
"""


def mend(patient: Patient) -> list[str]:
    """Make every repair that is needed; give what was done. Raises InstallFailed."""
    done = []
    for repair in REPAIRS:
        if what := repair(patient):
            patient.told(what)
            done.append(what)
    return done


def without_dependencies(patient: Patient) -> str:
    """Install packages whose lists of what they need are wrong: too much, or what clashes."""
    here = versions(patient.site)
    missing = [one for one in patient.bare if not _matches(here, one)]
    if not missing:
        return ""
    names = ", ".join(missing)
    run(patient.installer.install(patient.python, "--no-deps", *missing), patient.told, f"installing {names}")
    return f"installed without what they ask for: {names}"


def torchaudio(patient: Patient) -> str:
    """Take torchaudio's libraries away where they do not load: beside a torch for CPUs, or for another CUDA
    than theirs.

    Without them it goes by its parts in Python, which are all that engines use.
    """
    folder = patient.site / "torchaudio" / "lib"
    libraries = [path for pattern in ("*.so", "*.pyd", "*.dylib") for path in folder.glob(pattern)]
    if not libraries or not (fault := _fault(patient, "torchaudio")) or _fault(patient, "torch"):
        return ""
    for path in libraries:
        path.unlink()
    if left := _fault(patient, "torchaudio"):
        raise InstallFailed(f"torchaudio cannot be imported, with its libraries or without: {left}")
    return f"torchaudio: {len(libraries)} libraries taken away that do not load beside this torch ({fault})"


def soundfile(patient: Patient) -> str:
    """Put the platform's own wheel of soundfile in the place of the one without a library, which uv may take."""
    version = versions(patient.site).get("soundfile")
    if (
        not version
        or any((patient.site / "_soundfile_data").glob("*sndfile*"))
        or not _fault(patient, "soundfile")
    ):
        return ""
    for command in patient.installer.reinstall(patient.python, f"soundfile=={version}"):
        run(command, patient.told, "installing soundfile again")
    if fault := _fault(patient, "soundfile"):
        raise InstallFailed(
            f"soundfile has no library of its own, and there is none on this machine: {fault}"
        )
    return "soundfile: the wheel with its library installed in place of the one without"


def setuptools(patient: Patient) -> str:
    """Give perth the old setuptools: it imports pkg_resources, hides that it failed, and has no watermarker
    then.
    """
    if not (patient.site / "perth").is_dir() or (patient.site / "pkg_resources").is_dir():
        return ""
    run(patient.installer.install(patient.python, "setuptools<81"), patient.told, "installing setuptools<81")
    return "setuptools: one with pkg_resources installed, for perth"


REPAIRS: tuple[Repair, ...] = (without_dependencies, torchaudio, soundfile, setuptools)


def _matches(here: dict[str, str], requirement: str) -> bool:
    """Tell whether `name==version` is there, whatever it was built for ("+cpu")."""
    name, _, version = requirement.partition("==")
    return here.get(normal(name), "").partition("+")[0] == version


def _fault(patient: Patient, package: str) -> str:
    """Import a package, and say what went wrong."""
    return str(ask(patient.python, FAULT, package))
