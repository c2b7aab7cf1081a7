"""What this machine is, as far as it matters for what should be installed on it."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec
import psutil

from engines.catalogue.hardware import devices
from engines.catalogue.records import Device, SourceName
from engines.hub.pip_configuration import PackagePlaces, Place, package_places, split_credentials
from engines.memory.cores import usable_cores
from engines.memory.driver_answers import DriverSilent
from engines.memory.measure import total_gpu_bytes
from gateway.config.paths import data_folder
from gateway.config.settings import Settings

PROBE_SECONDS = 5.0
HUB = "https://huggingface.co"
GIGABYTE = 1e9


class Machine(msgspec.Struct, frozen=True):
    """A machine, and what can be reached from it."""

    devices: frozenset[Device]
    gpus: tuple[str, ...] = ()
    """their names, where a driver tells them"""
    gpu_memory: int = 0
    """bytes of the largest GPU; 0 where none tells"""
    memory: int = 0
    """bytes"""
    cores: int = 1
    disk_free: int = 0
    """bytes, where environments and models go"""
    sources: tuple[SourceName, ...] = ()
    """where models can be pulled from"""
    platform: str = sys.platform
    """as Python names it"""

    @property
    def has_gpu(self) -> bool:
        """Whether models can compute on something else than the processor."""
        return bool(self.devices - {"cpu"})

    def description(self) -> str:
        """Return a line for people."""
        if self.gpus:
            gpu = ", ".join(self.gpus)
        elif "mps" in self.devices:
            gpu = "Apple silicon"
        else:
            gpu = "a GPU" if self.has_gpu else "no GPU"
        memory = f" with {self.gpu_memory / GIGABYTE:.0f} GB" if self.gpu_memory else ""
        return (
            f"{gpu}{memory}, {self.cores} cores, {self.memory / GIGABYTE:.0f} GB of memory, "
            f"{self.disk_free / GIGABYTE:.0f} GB of disk free"
        )


def look_at(settings: Settings) -> Machine:
    """Return this machine, and ask what can be reached."""
    return Machine(
        devices(),
        tuple(gpu_names()),
        _largest_gpu_bytes(),
        psutil.virtual_memory().total,
        usable_cores(),
        shutil.disk_usage(_existing(data_folder(settings))).free,
        tuple(_reachable(settings)),
    )


def _largest_gpu_bytes() -> int:
    """Return all bytes of the GPU that has most; 0 where there is none, or its driver does not answer."""
    with suppress(DriverSilent):
        return max(total_gpu_bytes(), default=0)
    return 0


def gpu_names() -> list[str]:
    """Return the names of NVIDIA's GPUs, as their driver's program prints them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.strip().splitlines()


def _reachable(settings: Settings) -> list[SourceName]:
    """Return the sources of models that can be reached now, of those that the settings allow."""
    places = package_places(settings.models.package_index)
    offline = settings.models.offline or os.environ.get("HF_HUB_OFFLINE", "") in ("1", "true", "True")
    found: list[SourceName] = []
    for source in settings.models.sources:
        if source == "hub":
            hub = os.environ.get("HF_ENDPOINT") or HUB
            is_there = not offline and _answers(hub, "")
        else:
            chosen = places.local() if offline else places
            is_there = any(_is_there(place, chosen) for place in chosen.places)
        if is_there:
            found.append(source)
    return found


def _is_there(place: Place, places: PackagePlaces) -> bool:
    if place.is_local:
        return Path(url2pathname(urlsplit(place.url).path)).exists()
    return _answers(split_credentials(place.url)[0], places.certificates)


def _answers(url: str, certificates: str) -> bool:
    """Return whether a server answers at a URL, whatever it says."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the hub or an index of the settings
    try:
        trusted = ssl.create_default_context(cafile=certificates or None)
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS, context=trusted):  # noqa: S310 - as above
            return True
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code != 502  # a proxy's, which did not reach it
    except (OSError, ValueError):
        return False


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
