"""Check at the start that Python imports our own packages under their names, and no other distribution's.

Our top-level packages have common names. Another distribution's `streaming` in front of ours on the path, or
written over ours in the same folder, would fail somewhere later, with a traceback that helps nobody.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "voicebox-gateway"
PACKAGES = ("compat", "conformance", "engines", "gateway", "streaming", "voices")
ROOT = Path(os.path.abspath(__file__)).parents[2]  # noqa: PTH100 - links stay: a package may be a farm of them
"""the folder in which our packages lie"""
ADVICE = (
    "This program needs an environment of its own: install it with `pipx install` or `uv tool install`, "
    "and keep other folders out of PYTHONPATH."
)


class ForeignPackage(Exception):
    """Another distribution's package is where one of ours should be."""


def check_packages(root: Path = ROOT) -> None:
    """Raise ForeignPackage for a name under which Python does not find our package in `root`, as installed.

    A start with nothing wrong takes less than a millisecond for this: other distributions are searched only
    when something is wrong.
    """
    for name in PACKAGES:
        found = _find_folder(name)
        if found is None or not (root / name / "__init__.py").is_file():
            raise ForeignPackage(f"the package `{name}` is missing in {root}: install {DISTRIBUTION} again.")
        if found.resolve() != (root / name).resolve():
            owner = _owner(name, found)
            raise ForeignPackage(
                f"Python finds {owner} under the name of our package `{name}`, at {found}; ours is "
                f"{root / name}. {ADVICE}"
            )
    for name in _changed_packages(root):
        if others := _other_distributions(name):
            raise ForeignPackage(
                f"the distribution {' and '.join(others)} has files in our package `{name}`, "
                f"at {root / name}. {ADVICE}"
            )


def _find_folder(name: str) -> Path | None:
    """Return the folder, or the file, from which a package would be imported, None when there is none."""
    spec = find_spec(name)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin else None


def _owner(name: str, folder: Path) -> str:
    others = _other_distributions(name)
    return f"the distribution {' or '.join(others)}" if others else f"another `{folder.name}`"


def _other_distributions(name: str) -> list[str]:
    """Return the other distributions with a top-level package of a name. Takes up to a second."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    owners = sorted({owner for owner in packages_distributions().get(name, ()) if owner} - {DISTRIBUTION})
    found = []
    for owner in owners:
        with suppress(PackageNotFoundError):
            found.append(f"{owner} {version(owner)}")
    return found


def _changed_packages(root: Path) -> Iterator[str]:
    """Yield the names of our packages that hold anything but what our wheel has put there.

    A package counts as changed when it has other entries than the wheel's, or another `__init__.py`. An
    editable installation has no record, and a folder that nothing else is installed into.
    """
    record = next(root.glob(f"{DISTRIBUTION.replace('-', '_')}-*.dist-info/RECORD"), None)
    if record is None:
        return
    sizes: dict[str, str] = {}
    entries: dict[str, set[str]] = {name: {"__pycache__"} for name in PACKAGES}
    for path, _, size in (row for row in csv.reader(record.read_text("utf-8").splitlines()) if len(row) == 3):
        name, *rest = path.split("/")
        if name in entries and rest:
            entries[name].add(rest[0])
            sizes[path] = size
    for name in PACKAGES:
        init = root / name / "__init__.py"
        recorded_size = sizes.get(f"{name}/__init__.py")
        present = {path.name for path in (root / name).iterdir()}
        if not present <= entries[name] or str(init.stat().st_size) != recorded_size:
            yield name
