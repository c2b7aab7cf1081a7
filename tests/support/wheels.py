"""Tiny packages for tests of installing: wheels written by hand, and a package index that is a folder of
them.
"""

from __future__ import annotations

import re
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

ANY = "py3-none-any"
PLATFORM = f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"
"""a tag that fits this machine only, and is preferred"""


def make_wheel(
    folder: Path, name: str, files: Mapping[str, str], version: str = "1.0", tag: str = ANY
) -> Path:
    """Write a wheel of some files, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{re.sub('[-.]', '_', name)}-{version}"
    path = folder / f"{stem}-{tag}.whl"
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    contents = {**files, **{f"{stem}.dist-info/{file}": text for file, text in metadata.items()}}
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(file, text)
        archive.writestr(record, "".join(f"{file},,\n" for file in [*contents, record]))
    return path


def make_package(folder: Path, name: str, version: str = "1.0", *, module: str = "", text: str = "") -> Path:
    """Write a wheel of a package with one module, and return its path."""
    module = module or name.replace("-", "_")
    return make_wheel(folder, name, {f"{module}/__init__.py": text}, version)


def index_variables(folder: Path) -> dict[str, str]:
    """Return the environment variables with which pip and uv install packages from a folder only."""
    return {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_NO_CACHE_DIR": "1",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(folder),
        "UV_NO_CACHE": "1",
    }
