"""The checks of `voicebox doctor`: settings and what they name; the others lie beside."""

from __future__ import annotations

import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engines.catalogue.hardware import GPUS, devices
from engines.environments import layout
from engines.environments.find import missing_packages, recommended_group
from engines.environments.gpu_builds import gpu_build
from engines.environments.groups import GROUPS, find_group
from engines.toolkit.gpu_architectures import INDEX_FOR_NEWER_GPUS, INDEX_FOR_ROCM
from gateway.cli.check import Check
from gateway.cli.engine_checks import engine_checks
from gateway.cli.machine_checks import check_disk, machine_checks
from gateway.cli.server_address import server_url
from gateway.cli.temporary_server import EngineHealth, Health
from gateway.config.load import ConfigError, Loaded, load_traced
from gateway.config.paths import data_folder
from gateway.config.settings import Settings
from gateway.http.listening import OUR_NAME, server_name
from gateway.models.on_disk import model_files
from gateway.security.hosts import is_loopback
from gateway.security.keys import KeyFileError, KeyStore, key_file


def run_checks(config: Path | None) -> Iterator[Check]:
    """Yield the results of all checks, the cheap ones first."""
    yield from machine_checks()
    loaded, check = _settings(config)
    yield check
    if loaded is None:
        return
    settings = loaded.settings
    yield from _data(settings)
    yield check_disk("data", data_folder(settings))
    yield check_disk("models", model_files(settings).folder)
    yield from _environment(settings)
    port = _port(settings)
    yield port
    running = _running_engines(server_url(config)) if port.found.startswith("a ") else None
    if running is None:
        yield Check("server", "running", "ok", "none")
    else:
        ready = sum(engine.ready or engine.on_demand for engine in running.values())
        yield Check(
            "server", "running", "ok", f"at {server_url(config)}, {ready} of {len(running)} engines work"
        )
    yield from engine_checks(settings, config, running)


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
    if store.empty() and is_loopback(settings.server.host):
        yield Check("data", "keys", "ok", "none made, and none needed: it listens on this machine only")
    elif store.empty():
        yield Check("data", "keys", "note", "none: any key is accepted", "voicebox keys create NAME")
    elif sys.platform != "win32" and store.path.stat().st_mode & 0o077:
        yield Check("data", "keys", "missing", f"others can read {store.path}", f"chmod 600 '{store.path}'")
    elif not good:
        yield Check(
            "data", "keys", "missing", "all have expired or were revoked", "voicebox keys create NAME"
        )
    else:
        yield Check("data", "keys", "ok", f"{good} good, {len(keys) - good} expired")


def _environment(settings: Settings) -> Iterator[Check]:
    """Yield whether the packages are there that suit this machine for engines that run models, and what there
    uses none of its GPUs.
    """
    folder = data_folder(settings) / layout.ENVIRONMENTS_FOLDER
    slow = list(_torches_without_gpu(folder))
    yield from slow
    group = find_group(recommended_group())
    if environment := layout.read_environment(folder / group.name):
        yield Check("environment", group.name, "ok", str(environment.path))
    elif not missing_packages(group.packages):
        yield Check("environment", group.name, "ok", "in this program's own Python")
    elif not slow:
        found = f"not installed; for {group.display}"
        yield Check("environment", group.name, "note", found, f"voicebox engines install {group.name}")


def _torches_without_gpu(folder: Path) -> Iterator[Check]:
    """Yield each torch that is built for none of the GPUs of this machine: in the environments in a folder,
    and in our own Python, which does in place of the environment "main".
    """
    gpus = GPUS & devices()
    for group in GROUPS:
        environment = layout.read_environment(folder / group.name)
        if not (gpus and group.has_torch and (environment or group.name == "main")):
            continue
        build = gpu_build(("torch",), environment.site if environment else None)
        if build and not build.kinds & gpus:
            name = "torch" if group.name == "main" else f"torch of {group.name}"
            found = f"{build.library} is not built for this machine's GPU ({', '.join(sorted(gpus))})"
            index = INDEX_FOR_NEWER_GPUS if "cuda" in gpus else INDEX_FOR_ROCM
            mend = f"voicebox engines install {group.name} --index-url {index}"
            yield Check("environment", name, "note", f"{found}: models use the processor", mend)


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
            who = server_name(host, port)
            if who == OUR_NAME:
                return Check("port", shown, "ok", "a Voicebox Gateway runs there")
            found = f"taken by {who}" if who else f"cannot be listened on: {exc.strerror}"
            return Check("port", shown, "missing", found, "voicebox serve --port 8001")
    return Check("port", shown, "ok", "free")


def _running_engines(url: str) -> dict[str, EngineHealth] | None:
    """Return the engines of the server that runs; None where it does not tell."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as response:  # noqa: S310 - our own address
            return msgspec.json.decode(response.read(), type=Health).engines
    except (OSError, msgspec.DecodeError):
        return None
