"""`voicebox engines`: the environments of engines that run models, listed, installed, removed and checked."""

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
from engines.environments.check import Fault, Report, faults
from engines.environments.check import check as look
from engines.environments.commands import InstallFailed
from engines.environments.find import absent
from engines.environments.groups import GROUPS, Group, find
from engines.environments.install import install as make
from engines.environments.install import remove as delete
from gateway.cli import output
from gateway.cli.output import Failure
from gateway.config import load
from gateway.config.folders import data_folder
from voices.naming.matching import did_you_mean

TERMINATED = 143
CPU_TORCH = "https://download.pytorch.org/whl/cpu"


def show(args: Namespace) -> int:
    """List the environments, and which are installed."""
    folder = _folder(args)
    rows = [(group, layout.read(folder / group.name), _engines(group)) for group in GROUPS]
    if args.json:
        output.show_json([_facts(group, found, names) for group, found, names in rows])
        return 0
    output.show_table(
        ("environment", "state", "size", "engines", "for"),
        [
            (group.name, _state(group, found), _size(group.needed()), " ".join(names), group.display)
            for group, found, names in rows
        ],
    )
    return 0


def install(args: Namespace) -> int:
    """Install what an engine needs. The status is 1 where something of it then does not work."""
    group, folder = _group(args.name), _folder(args)
    signal.signal(
        signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED)
    )  # so that what was begun is cleared away
    found = layout.read(folder / group.name)
    index_url = _index(found) if args.index_url is None else args.index_url
    if not found or found.installed.digest != group.digest(index_url):
        _tell_terms(group, folder, index_url)
        if not args.yes:
            _ask()
    with _failing():
        made = make(group, folder, lambda line: print(line, file=sys.stderr), index_url=index_url)
        wrong = faults(group, look(group, made.python), _index(made))
    for fault in wrong:
        output.note(f"{fault.what}: {fault.found}; {fault.mend}")
    output.note(f"{group.name} is installed in {made.path}, and a running server uses it within seconds")
    return 1 if wrong else 0


def remove(args: Namespace) -> int:
    """Delete an environment."""
    group, folder = _group(args.name), _folder(args)
    with _failing():
        freed = delete(group, folder, output.note)
    output.note(f"{_size(freed)} freed" if freed else f"{group.name} was not installed")
    return 0


def check(args: Namespace) -> int:
    """Import all that is installed, and say what is wrong."""
    folder = _folder(args)
    groups = [_group(args.name)] if args.name else list(GROUPS)
    pythons = [(group, _python(group, folder)) for group in groups]
    if args.name and pythons[0][1] is None:
        raise Failure(f"{pythons[0][0].name} is not installed: voicebox engines install {pythons[0][0].name}")
    with _failing():
        reports = [(group, python, look(group, python)) for group, python in pythons if python]
    told = [
        (group, python, report, faults(group, report, _index(layout.read(folder / group.name))))
        for group, python, report in reports
    ]
    if args.json:
        output.show_json([_told(*one) for one in told])
    else:
        output.show_table(
            ("environment", "what", "state", "found", "mend"),
            [row for one in told for row in _rows(one[0], one[2], one[3])],
        )
    if not told:
        output.note("no environment is installed; voicebox engines list names them")
    return 1 if any(wrong for *_, wrong in told) else 0


@contextmanager
def _failing() -> Iterator[None]:
    """Turn our errors into the command's."""
    try:
        yield
    except InstallFailed as exc:
        raise Failure(str(exc)) from exc


def _ask() -> None:
    """Ask whether to go on. Raises Failure when nobody is there, or says no."""
    if not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; --yes agrees to the above", 2)
    print("Install? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise Failure("nothing was installed")


def _tell_terms(group: Group, folder: Path, index_url: str) -> None:
    output.note(f"{group.name}: {group.display}")
    output.note(f"about {_size(group.needed(index_url))}, into {folder / group.name}")
    if group.needed(index_url) > group.size:
        output.note(
            f"that is with torch for CUDA; for CPUs it is about {_size(group.size)}: --index-url {CPU_TORCH}"
        )
    for one in group.licences:
        output.note(f"licence of {one.package}: {one.licence}")


def _group(name: str) -> Group:
    """Find a group by its name or an engine's. Raises Failure."""
    known = {group.name: group.name for group in GROUPS} | {
        record.engine.name: record.engine.group for record in MODELS
    }
    try:
        return find(known[name])
    except KeyError:
        hint = did_you_mean(name, list(known))
        raise Failure(
            f"there is no environment or engine {name!r}.{hint} `voicebox engines list` lists them", 2
        ) from None


def _python(group: Group, folder: Path) -> Path | None:
    """Name the interpreter of a group; None where it is not installed, and not all there in our own."""
    if found := layout.read(folder / group.name):
        return found.python
    return None if absent(group.packages) else Path(sys.executable)


def _index(found: layout.Environment | None) -> str:
    """Tell where an environment's torch came from; empty where that is the usual place."""
    return found.installed.index_url if found else ""


def _state(group: Group, found: layout.Environment | None) -> str:
    if found and found.installed.digest == group.digest(found.installed.index_url):
        return "installed"
    if found:
        return "installed for another version of this program: install it again"
    return "not installed" if absent(group.packages) else "in this program's own Python"


def _engines(group: Group) -> list[str]:
    return list(dict.fromkeys(record.engine.name for record in MODELS if record.engine.group == group.name))


def _folder(args: Namespace) -> Path:
    settings = load.load(args.config, os.environ, {})
    return (Path(settings.data_dir).expanduser() if settings.data_dir else data_folder()) / layout.FOLDER


def _facts(group: Group, found: layout.Environment | None, engines: list[str]) -> dict[str, object]:
    return {
        "name": group.name,
        "display": group.display,
        "state": _state(group, found),
        "size": group.size,
        "engines": engines,
        "licences": [msgspec.to_builtins(licence) for licence in group.licences],
        "python": str(found.python) if found else None,
        "repaired": found.installed.repaired if found else (),
    }


def _told(group: Group, python: Path, report: Report, wrong: list[Fault]) -> dict[str, object]:
    return {
        "name": group.name,
        "python": str(python),
        **msgspec.to_builtins(report),
        "faults": msgspec.to_builtins(wrong),
    }


def _rows(group: Group, report: Report, wrong: list[Fault]) -> Iterator[tuple[str, ...]]:
    yield group.name, "python", "ok", report.version, ""
    broken = {fault.what: fault for fault in wrong}
    for package in report.packages:
        if package.name not in broken:
            yield group.name, package.name, "ok", package.version, ""
    if report.threads:
        yield group.name, "threads", "ok", str(report.threads), ""
    if report.devices:
        yield group.name, "devices", "ok", ", ".join(report.devices), ""
    for fault in wrong:
        yield group.name, fault.what, "missing", fault.found, fault.mend


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
