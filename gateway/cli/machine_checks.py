"""The checks of `voicebox doctor` that look at this machine. Packages are looked for, not imported."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from engines.catalogue.hardware import devices
from engines.memory.cores import usable_cores
from engines.memory.measure import available_bytes
from gateway.cli.check import GIGABYTE, Check, gigabytes
from gateway.cli.player import PLAYERS

DISTRIBUTION = "voicebox-gateway"
OLDEST_PYTHON = (3, 11)
LITTLE_MEMORY = 2 * GIGABYTE
LEAST_MEMORY = GIGABYTE // 2
"""what the embedded engines take together, about"""
LITTLE_DISK = 5 * GIGABYTE
LEAST_DISK = GIGABYTE // 2


def machine_checks() -> Iterator[Check]:
    """Yield the results of the checks of this machine."""
    yield _python()
    yield from _packages()
    yield from _devices()
    yield _memory()
    yield _player()


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    good = sys.version_info[:2] >= OLDEST_PYTHON
    return Check(
        "python",
        "version",
        "ok" if good else "missing",
        found,
        "" if good else "install Python 3.11 or newer",
    )


def _packages() -> Iterator[Check]:
    """Yield one check for all packages that this program needs, and one for each that is not in order."""
    count = 0
    for requirement in metadata.requires(DISTRIBUTION) or ():
        needed = Requirement(requirement)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        count += 1
        mend = f"voicebox engines add '{requirement.partition(';')[0].strip()}' --to own"
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Check("package", needed.name, "missing", "not installed", mend)
            continue
        if not needed.specifier.contains(version, prereleases=True):
            yield Check(
                "package", needed.name, "missing", f"{version}, where {needed.specifier} is needed", mend
            )
    yield Check("package", "all", "ok", f"{count} looked for")


def _devices() -> Iterator[Check]:
    yield Check("device", "cpu", "ok", f"{usable_cores()} cores")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        yield Check("device", "mps", "ok", "Apple silicon")
    gpus = _output_of("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    yield from (Check("device", "cuda", "ok", line) for line in gpus)
    if Path("/dev/kfd").exists():
        yield Check("device", "rocm", "ok", "an AMD GPU's compute device is there")
    if "xpu" in devices():
        found = "Intel's; nobody tells its free memory, so models there are not bounded by it"
        yield Check("device", "xpu", "note", found, "voicebox models unload NAME, where one finds too little")
    elif not gpus and not Path("/dev/kfd").exists() and sys.platform != "darwin":
        yield Check("device", "gpu", "ok", "none; everything runs on the processor")


def _memory() -> Check:
    free = available_bytes()
    found = f"{gigabytes(free)} free"
    if free >= LITTLE_MEMORY:
        return Check("memory", "free", "ok", found)
    state: Literal["note", "missing"] = "note" if free >= LEAST_MEMORY else "missing"
    mend = "end other programs; a model that is not wanted: voicebox models unload NAME"
    return Check("memory", "free", state, found, mend)


def check_disk(what: str, folder: Path) -> Check:
    """Return whether there is room on the disk of a folder."""
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    found = f"{gigabytes(free)} free at {folder}"
    if free >= LITTLE_DISK:
        return Check("disk", what, "ok", found)
    state: Literal["note", "missing"] = "note" if free >= LEAST_DISK else "missing"
    return Check(
        "disk", what, state, found, "make room; a model that is not wanted: voicebox models delete NAME"
    )


def _player() -> Check:
    here = [player.name for player in PLAYERS if shutil.which(player.name)]
    if here:
        return Check("player", "for --play", "ok", here[0])
    mend = "brew install ffmpeg" if sys.platform == "darwin" else "apt-get install ffmpeg"
    return Check("player", "for --play", "note", "none is installed; `say -o FILE` needs none", mend)


def _output_of(*command: str) -> list[str]:
    """Return the lines that a program prints; none when it is not installed or fails."""
    program = shutil.which(command[0])
    if program is None:
        return []
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.strip().splitlines()
