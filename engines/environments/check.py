"""Checks of an environment: its interpreter imports every package and reports its devices."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engines.environments.commands import InstallFailed, run_script
from engines.environments.groups import WORKER_PACKAGES, Group
from engines.toolkit.gpu_architectures import describe_capability, runs_on, torch_index


class PackageReport(msgspec.Struct, frozen=True):
    """A package that an interpreter imported, or could not; `fault` is the reason."""

    name: str
    version: str = ""
    fault: str = ""


class Gpu(msgspec.Struct, frozen=True):
    """A GPU as torch sees it."""

    name: str
    capability: str = ""
    """NVIDIA's, as in 9.0; empty where there is no such thing"""


class Fault(msgspec.Struct, frozen=True):
    """Something that is wrong with an environment, and the command that repairs it."""

    what: str
    found: str
    mend: str


class EnvironmentReport(msgspec.Struct, frozen=True):
    """What an interpreter reports about itself."""

    version: str = ""
    packages: tuple[PackageReport, ...] = ()
    threads: int = 0
    """that torch computes with; 0 without torch"""
    devices: tuple[str, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    built_for: tuple[str, ...] = ()
    """GPU architectures that torch has code for: sm_90 is machine code, compute_90 is compiled where it runs
    """
    fault: str = ""


def check_environment(group: Group, python: Path) -> EnvironmentReport:
    """Return what an interpreter reports after importing all that a group needs.

    Raises InstallFailed when it reports nothing.
    """
    script = Path(__file__).with_name("probe.py").read_text("utf-8")
    reported = run_script(python, script, *WORKER_PACKAGES, *group.packages)
    try:
        return msgspec.convert(reported, EnvironmentReport)
    except msgspec.ValidationError as exc:
        raise InstallFailed(f"{python} gave an answer that makes no sense: {exc}") from exc


def find_faults(group: Group, report: EnvironmentReport, index_url: str = "") -> list[Fault]:
    """Return what is wrong, with the commands that repair it; `index_url` is where torch came from."""
    option = f" --index-url {index_url}" if index_url else ""
    reinstall = f"voicebox engines remove {group.name} && voicebox engines install {group.name}{option}"
    found = [Fault(one.name, one.fault, reinstall) for one in report.packages if one.fault]
    if report.fault:
        found.append(Fault("devices", report.fault, "look at the GPU's driver, as with nvidia-smi"))
    for gpu in report.gpus:
        if gpu.capability and report.built_for and not runs_on(report.built_for, gpu.capability):
            capability = describe_capability(gpu.capability)
            what = f"{gpu.name} is of {capability}; torch has code for {', '.join(report.built_for)}"
            index = torch_index(report.built_for, gpu.capability)
            found.append(Fault("gpu", what, f"voicebox engines install {group.name} --index-url {index}"))
    return found
