"""The command `voicebox engines add`: a package into the Python that runs an engine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from engines.environments import layout
from engines.environments.commands import InstallFailed
from engines.environments.extra_packages import add_to_environment, add_to_own, checked_packages
from engines.environments.groups import GROUPS
from engines.environments.on_request import OnRequest, find_on_request
from gateway.cli import engines, output
from gateway.cli.install_log import logged
from gateway.cli.output import Failure

OWN = "own"
"""for --to: the Python that this program runs in"""


def add(args: Namespace) -> int:
    """Install packages into the environment that runs an engine, or into our own Python where that does."""
    folder = engines.environments_folder(args)
    on_request = [found for name in args.packages if (found := find_on_request(name))]
    home = folder / on_request[0].group if on_request else _target(args.to, folder)
    try:
        packages = checked_packages(args.packages)
        if on_request:
            _agree(on_request, yes=args.yes)
        where = home.name if home else "this program's own Python"
        with logged(folder.parent, "add-packages", lambda _bytes: None) as on_line:
            if home:
                add_to_environment(home, packages, on_line)
            else:
                add_to_own(packages, on_line)
    except InstallFailed as exc:
        raise Failure(str(exc)) from exc
    output.print_note(
        f"{', '.join(packages)}: installed in {where}. What has failed for want of it is tried again when"
        " somebody asks for it, or at once by `voicebox models load NAME`."
    )
    return 0


def _agree(wanted: Sequence[OnRequest], *, yes: bool) -> None:
    """Print sizes and licences, and ask. Raises Failure unless somebody agrees."""
    for one in wanted:
        output.print_note(f"{one.name}: {one.display}; about {one.size / 1e6:.0f} MB, into {one.group}")
        for part in one.licences:
            output.print_note(f"licence of {part.package}: {part.licence}")
    if not yes:
        engines.confirm()


def _target(name: str, folder: Path) -> Path | None:
    """Return the folder of the environment that is meant; None where it is our own Python. Raises Failure."""
    installed = [group.name for group in GROUPS if layout.read_environment(folder / group.name)]
    if name == OWN:
        return None
    if name:
        group = engines.named_group(name).name
        return folder / group if group in installed else None
    if len(installed) > 1:
        choice = " or ".join(f"--to {one}" for one in (*installed, OWN))
        raise Failure(f"several environments are installed; say which: {choice}", 2)
    return folder / installed[0] if installed else None
