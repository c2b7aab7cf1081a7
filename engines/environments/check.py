"""Whether an environment works: its interpreter imports every package and tells what it has to compute with."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engines.environments.commands import InstallFailed, ask
from engines.environments.groups import WORKER, Group
from engines.toolkit.gpu_architectures import mending, named, runs_on


class Package(msgspec.Struct, frozen=True):
    """A package that was imported, or could not be."""

    name: str
    version: str = ""
    fault: str = ""


class Gpu(msgspec.Struct, frozen=True):
    """A GPU as torch sees it."""

    name: str
    capability: str = ""
    """NVIDIA's, as in 9.0; empty where there is no such thing"""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and the line that mends it."""

    what: str
    found: str
    mend: str


class Report(msgspec.Struct, frozen=True):
    """What an interpreter said."""

    version: str = ""
    packages: tuple[Package, ...] = ()
    threads: int = 0
    """that torch computes with; 0 without torch"""
    devices: tuple[str, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    built_for: tuple[str, ...] = ()
    """GPU architectures that torch has code for: sm_90 is machine code, compute_90 is compiled where it runs
    """
    fault: str = ""


def check(group: Group, python: Path) -> Report:
    """Have an interpreter import what a group needs. Raises InstallFailed when it gives no answer."""
    script = Path(__file__).with_name("probe.py").read_text("utf-8")
    said = ask(python, script, *WORKER, *group.packages)
    try:
        return msgspec.convert(said, Report)
    except msgspec.ValidationError as exc:
        raise InstallFailed(f"{python} gave an answer that makes no sense: {exc}") from exc


def faults(group: Group, report: Report, index_url: str = "") -> list[Fault]:
    """Say what is wrong, with the line that mends it; `index_url` is where torch came from."""
    where = f" --index-url {index_url}" if index_url else ""
    again = f"voicebox engines remove {group.name} && voicebox engines install {group.name}{where}"
    found = [Fault(one.name, one.fault, again) for one in report.packages if one.fault]
    if report.fault:
        found.append(Fault("devices", report.fault, "look at the GPU's driver, as with nvidia-smi"))
    for gpu in report.gpus:
        if gpu.capability and report.built_for and not runs_on(report.built_for, gpu.capability):
            told = (
                f"{gpu.name} is of {named(gpu.capability)}; torch has code for {', '.join(report.built_for)}"
            )
            index = mending(report.built_for, gpu.capability)
            found.append(Fault("gpu", told, f"voicebox engines install {group.name} --index-url {index}"))
    return found
