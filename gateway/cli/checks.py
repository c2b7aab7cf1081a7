"""The checks of `voicebox doctor`. Packages are looked for, not imported, as importing them might break."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

import msgspec
from packaging.requirements import Requirement

from engines.catalogue.engines import CATALOGUE, EngineRecord, locate_file
from engines.environments import layout
from engines.environments.find import missing_packages, recommended_group
from engines.environments.groups import find_group
from gateway.cli import remote, temporary_server
from gateway.cli.output import Failure
from gateway.cli.temporary_server import EngineHealth
from gateway.config.load import ConfigError, Loaded, load_traced
from gateway.config.paths import data_folder
from gateway.config.settings import Settings
from gateway.security.keys import KeyFileError, KeyStore, key_file

DISTRIBUTION = "voicebox-gateway"
REINSTALL = "pip install --force-reinstall {}"
OLDEST_PYTHON = (3, 11)


class Check(msgspec.Struct, frozen=True):
    """The result of one check: what is `missing` is needed for the work, a `note` is not."""

    area: str
    name: str
    state: Literal["ok", "note", "missing"]
    found: str
    mend: str = ""
    """the command that repairs it"""


def run_checks(config: Path | None) -> Iterator[Check]:
    """Yield the results of all checks, the cheap ones first."""
    yield _python()
    yield from _packages()
    yield from _devices()
    loaded, check = _settings(config)
    yield check
    if loaded is None:
        return
    yield from _data(loaded.settings)
    yield _environment(loaded.settings)
    yield _port(loaded.settings)
    enabled = [record for record in CATALOGUE if record.is_enabled(loaded.settings.engines)]
    for record in enabled:
        yield from _files(record)
    yield from _workers(enabled, config)


# This machine...


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
    for requirement in metadata.requires(DISTRIBUTION) or ():
        needed = Requirement(requirement)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        name = needed.name
        try:
            yield Check("package", name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(
                "package",
                name,
                "missing",
                "not installed",
                f"pip install '{requirement.partition(';')[0].strip()}'",
            )


def _devices() -> Iterator[Check]:
    yield Check("device", "cpu", "ok", f"{os.cpu_count()} cores")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        yield Check("device", "mps", "ok", "Apple silicon")
    gpus = _output_of("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    yield from (Check("device", "cuda", "ok", line) for line in gpus)
    if Path("/dev/kfd").exists():
        yield Check("device", "rocm", "ok", "an AMD GPU's compute device is there")
    if not gpus and not Path("/dev/kfd").exists() and sys.platform != "darwin":
        yield Check("device", "gpu", "note", "none found; the embedded engines need none")


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


# Settings and what they name...


def _settings(config: Path | None) -> tuple[Loaded | None, Check]:
    try:
        loaded = load_traced(config, os.environ, {})
    except ConfigError as exc:
        return None, Check(
            "settings", "file", "missing", str(exc), "mend it, and look again with: voicebox config check"
        )
    return loaded, Check("settings", "file", "ok", str(loaded.file or "none, defaults"))


def _data(settings: Settings) -> Iterator[Check]:
    store = KeyStore(key_file(settings))
    folder = store.path.parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        yield Check("data", "folder", "ok", str(folder))
    else:
        yield Check(
            "data", "folder", "missing", f"{folder} cannot be written", f"sudo chown -R $USER '{existing}'"
        )
    try:
        keys = store.list()
    except KeyFileError as exc:
        yield Check("data", "keys", "missing", str(exc), f"mend or delete {store.path}")
        return
    good = sum(not key.expired() for key in keys)
    if store.empty():
        yield Check("data", "keys", "note", "none: any key is accepted", "voicebox keys create NAME")
    elif sys.platform != "win32" and store.path.stat().st_mode & 0o077:
        yield Check("data", "keys", "missing", f"others can read {store.path}", f"chmod 600 '{store.path}'")
    elif not good:
        yield Check(
            "data", "keys", "missing", "all have expired or were revoked", "voicebox keys create NAME"
        )
    else:
        yield Check("data", "keys", "ok", f"{good} good, {len(keys) - good} expired")


def _environment(settings: Settings) -> Check:
    """Return whether the packages are there that suit this machine for engines that run models."""
    group = find_group(recommended_group())
    if environment := layout.read_environment(
        data_folder(settings) / layout.ENVIRONMENTS_FOLDER / group.name
    ):
        return Check("environment", group.name, "ok", str(environment.path))
    if not missing_packages(group.packages):
        return Check("environment", group.name, "ok", "in this program's own Python")
    found = f"not installed; for {group.display}"
    return Check("environment", group.name, "note", found, f"voicebox engines install {group.name}")


def _port(settings: Settings) -> Check:
    host, port = settings.server.host, settings.server.port
    shown = f"{host}:{port}"
    if port == 0:
        return Check("port", shown, "ok", "any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            who = _server_name("127.0.0.1" if host == "0.0.0.0" else host, port)
            if who == "Voicebox Gateway":
                return Check("port", shown, "ok", "a Voicebox Gateway runs there")
            found = f"taken by {who}" if who else f"cannot be listened on: {exc.strerror}"
            return Check("port", shown, "missing", found, "voicebox serve --port 8001")
    return Check("port", shown, "ok", "free")


def _server_name(host: str, port: int) -> str:
    """Return the name of the program that answers HTTP there; empty when none does."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=3) as response:
            body: dict[str, Any] = msgspec.json.decode(response.read(65536), type=dict)
            return str(body.get("name", "another program"))
    except (urllib.error.HTTPError, msgspec.DecodeError):
        return "another program"
    except OSError:
        return ""


# Engines...


def _files(record: EngineRecord) -> Iterator[Check]:
    for file in record.files:
        if locate_file(file):
            yield Check("engine file", f"{record.name}: {file}", "ok", "there")
        else:
            package = file.partition("/")[0]
            is_there = util.find_spec(package) is not None
            found = "the file is missing" if is_there else f"the package {package} is not installed"
            mend = REINSTALL.format(package.replace("_", "-"))
            yield Check("engine file", f"{record.name}: {file}", "missing", found, mend)


def _workers(enabled: list[EngineRecord], config: Path | None) -> Iterator[Check]:
    """Start a server with all its workers, and yield which become ready."""
    try:
        engines = remote.run(_engines(config))
    except Failure as exc:
        yield Check("worker", "server", "missing", str(exc), "voicebox serve --log-level debug")
        return
    for record in enabled:
        engine = engines.get(record.name)
        if engine and engine.ready:
            yield Check("worker", record.name, "ok", "starts and is ready")
        elif engine and engine.on_demand and engine.usable:
            yield Check("worker", record.name, "ok", "rests until it is wanted")
        else:
            reasons = [worker.reason for worker in engine.workers if worker.reason] if engine else []
            found = f"does not start: {reasons[0]}" if reasons else "does not start"
            yield Check("worker", record.name, "missing", found, "voicebox serve --log-level debug")


async def _engines(config: Path | None) -> dict[str, EngineHealth]:
    async with temporary_server.run_temporary_server(config) as server:
        return server.engines
