"""The commands `voicebox engines`: list, install, remove and check the environments of engines that run
models.
"""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engines.catalogue.models import MODELS
from engines.environments import layout
from engines.environments.check import EnvironmentReport, Fault, check_environment, find_faults
from engines.environments.commands import InstallFailed
from engines.environments.find import missing_packages, recommended_group
from engines.environments.groups import GROUPS, Group, find_group, without_credentials
from engines.environments.install import install_environment, remove_environment
from engines.environments.torch_index import INDEX_FOR_CPUS, choose_torch_index
from gateway.cli import output, tables
from gateway.cli.install_log import logged
from gateway.cli.output import Failure
from gateway.config import load
from gateway.config.paths import data_folder
from voices.naming.matching import did_you_mean

TERMINATED = 143
"""exit status after SIGTERM"""


def show(args: Namespace) -> int:
    """Print the environments, and which are installed."""
    folder = environments_folder(args)
    rows = [(group, layout.read_environment(folder / group.name), _engines(group)) for group in GROUPS]
    if args.json:
        output.print_json([_facts(group, environment, names) for group, environment, names in rows])
        return 0
    tables.print_table(
        ("environment", "state", "size", "engines", "for"),
        [
            (
                group.name,
                _state(group, environment),
                _size(group.disk_needed()),
                " ".join(names),
                group.display,
            )
            for group, environment, names in rows
        ],
        whole=("size",),
    )
    best = find_group(recommended_group())
    if _state(best, layout.read_environment(folder / best.name)) == "not installed":
        gpu = "no GPU" if best.name == "onnx" else "a GPU"
        size = _size(best.disk_needed())
        output.print_note(f"this machine has {gpu}: voicebox engines install {best.name}, about {size}")
    return 0


def install(args: Namespace) -> int:
    """Install the environment of an engine. Returns 1 where something of it then does not work."""
    group = named_group(args.name)
    folder = environments_folder(args)
    # so that what was begun is deleted
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED))
    environment = layout.read_environment(folder / group.name)
    index_url = _chosen_index(group, environment) if args.index_url is None else args.index_url
    if not environment or environment.installed.digest != group.digest(index_url):
        _print_terms(group, folder, index_url)
        if not args.yes:
            confirm()
    with (
        _failures(),
        output.progress(group.name) as show,
        logged(folder.parent, f"install-{group.name}", lambda done: show(round(done))) as take,
    ):
        installed = install_environment(
            group,
            folder,
            take,
            index_url=index_url,
            or_usual=args.index_url is None,
            locked=not args.unlocked,
        )
    with _failures():
        faults = find_faults(group, check_environment(group, installed.python), _index_url(installed))
    for fault in faults:
        output.print_note(f"{fault.what}: {fault.found}; {fault.mend}")
    output.print_note(
        f"{group.name} is installed in {installed.path}, and a running server uses it within seconds"
    )
    return 1 if faults else 0


def remove(args: Namespace) -> int:
    """Delete an environment, and print how much disk that frees."""
    group = named_group(args.name)
    folder = environments_folder(args)
    with _failures():
        freed = remove_environment(group, folder, output.print_note)
    output.print_note(f"{_size(freed)} freed" if freed else f"{group.name} was not installed")
    return 0


def check(args: Namespace) -> int:
    """Check what is installed, and print what is wrong. Returns 1 where something is."""
    folder = environments_folder(args)
    groups = [named_group(args.name)] if args.name else list(GROUPS)
    pythons = [(group, _python(group, folder)) for group in groups]
    if args.name and pythons[0][1] is None:
        raise Failure(f"{pythons[0][0].name} is not installed: voicebox engines install {pythons[0][0].name}")
    with _failures():
        reports = [(group, python, check_environment(group, python)) for group, python in pythons if python]
    checked = [
        (
            group,
            python,
            report,
            find_faults(group, report, _index_url(layout.read_environment(folder / group.name))),
        )
        for group, python, report in reports
    ]
    if args.json:
        output.print_json([_report_facts(*one) for one in checked])
    else:
        tables.print_table(
            ("environment", "what", "state", "found", "mend"),
            [row for one in checked for row in _rows(one[0], one[2], one[3])],
        )
    if not checked:
        output.print_note("no environment is installed; voicebox engines list names them")
    return 1 if any(faults for *_, faults in checked) else 0


@contextmanager
def _failures() -> Iterator[None]:
    """Raise Failure in place of the InstallFailed that is raised in the block."""
    try:
        yield
    except InstallFailed as exc:
        raise Failure(str(exc)) from exc


def confirm() -> None:
    """Ask whether to go on. Raises Failure when there is no terminal, or the answer is no."""
    if not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; --yes agrees to the above", 2)
    if not output.confirm("Install?"):
        raise Failure("nothing was installed")


def _print_terms(group: Group, folder: Path, index_url: str) -> None:
    """Print the size and the licences of an environment."""
    output.print_note(f"{group.name}: {group.display}")
    output.print_note(f"about {_size(group.disk_needed(index_url))}, into {folder / group.name}")
    if group.has_torch and index_url:
        output.print_note(f"with torch from {without_credentials(index_url)}")
    elif group.disk_needed(index_url) > group.size:
        smaller = f"for CPUs it is about {_size(group.size)}: --index-url {INDEX_FOR_CPUS}"
        output.print_note(f"that is with torch for CUDA; {smaller}")
    for one in group.licences:
        output.print_note(f"licence of {one.package}: {one.licence}")


def named_group(name: str) -> Group:
    """Return the group of its own name or an engine's. Raises Failure."""
    names = {group.name: group.name for group in GROUPS} | {
        record.engine.name: record.engine.group for record in MODELS
    }
    try:
        return find_group(names[name])
    except KeyError:
        hint = did_you_mean(name, list(names))
        raise Failure(
            f"there is no environment or engine {name!r}.{hint} `voicebox engines list` lists them", 2
        ) from None


def _python(group: Group, folder: Path) -> Path | None:
    """Return the interpreter of a group; None where it is not installed, and our own lacks packages."""
    if environment := layout.read_environment(folder / group.name):
        return environment.python
    return None if missing_packages(group.packages) else Path(sys.executable)


def _index_url(environment: layout.Environment | None) -> str:
    """Return the index that an environment's torch came from; empty where that is the default."""
    return environment.installed.index_url if environment else ""


def _chosen_index(group: Group, environment: layout.Environment | None) -> str:
    """Return the index for torch where nobody names one: as before, or the one that suits this machine."""
    if environment:
        return _index_url(environment)
    return choose_torch_index() if group.has_torch else ""


def _state(group: Group, environment: layout.Environment | None) -> str:
    if environment and environment.installed.digest == group.digest(environment.installed.index_url):
        return "installed"
    if environment:
        return "installed for another version of this program: install it again"
    return "not installed" if missing_packages(group.packages) else "in this program's own Python"


def _engines(group: Group) -> list[str]:
    return list(dict.fromkeys(record.engine.name for record in MODELS if record.engine.group == group.name))


def environments_folder(args: Namespace) -> Path:
    """Return the folder in which environments are."""
    settings = load.load(args.config, os.environ, {})
    return data_folder(settings) / layout.ENVIRONMENTS_FOLDER


def _facts(group: Group, environment: layout.Environment | None, engines: list[str]) -> dict[str, object]:
    return {
        "name": group.name,
        "display": group.display,
        "state": _state(group, environment),
        "size": group.size,
        "engines": engines,
        "licences": [msgspec.to_builtins(licence) for licence in group.licences],
        "python": str(environment.python) if environment else None,
        "repaired": environment.installed.repaired if environment else (),
    }


def _report_facts(
    group: Group, python: Path, report: EnvironmentReport, faults: list[Fault]
) -> dict[str, object]:
    return {
        "name": group.name,
        "python": str(python),
        **msgspec.to_builtins(report),
        "faults": msgspec.to_builtins(faults),
    }


def _rows(group: Group, report: EnvironmentReport, faults: list[Fault]) -> Iterator[tuple[str, ...]]:
    yield group.name, "python", "ok", report.version, ""
    broken = {fault.what: fault for fault in faults}
    for package in report.packages:
        if package.name not in broken:
            yield group.name, package.name, "ok", package.version, ""
    if report.threads:
        yield group.name, "threads", "ok", str(report.threads), ""
    if report.devices:
        yield group.name, "devices", "ok", ", ".join(report.devices), ""
    for fault in faults:
        yield group.name, fault.what, "missing", fault.found, fault.mend


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
