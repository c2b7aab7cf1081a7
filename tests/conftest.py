"""Shared by all tests: the helpers' folders on the import path, and one real server."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

FOLDERS = ("support", "checkpoints", "conformance")
"""folders of modules that tests share"""
sys.path[:0] = [str(Path(__file__).parent / name) for name in FOLDERS]

from servers import Server, running  # noqa: E402 - found by the line before

signal.signal(signal.SIGINT, signal.default_int_handler)
"""a shell's background job is started with Ctrl-C ignored, and so would be all that it starts"""
signal.signal(signal.SIGTERM, signal.default_int_handler)
"""so that fixtures end what they have started, as after Ctrl-C"""

os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
"""as in an environment that is activated: messages then have plain `voicebox`"""

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
"""as workers have it (engines/fleet/worker_environ.py): tests that compute with torch run beside each other"""

NOBODY = str(Path(__file__).parent / "data" / "nobody.pem")
"""a certificate of nobody's"""
os.environ.setdefault("SSL_CERT_FILE", NOBODY)
"""clients and servers of the tests speak plain HTTP, and to load the certificates of all authorities took each of them
50 ms of the processor, at each request
"""
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""programs that tests start would compile our modules each time"""

settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")  # no test depends on speed

pytest_plugins = [
    "engine_tests",
    "engine_runs",
    "shown_answers",
    "stores",
    "hub_server",
    "index_server",
    "cloning_server",
    "gpus",
]


@pytest.fixture(autouse=True)
def clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the tests; those of engines may fetch weights and packages by HTTPS."""
    if request.node.get_closest_marker("engines") and os.environ.get("SSL_CERT_FILE") == NOBODY:
        monkeypatch.delenv("SSL_CERT_FILE")
    for name in list(os.environ):
        if name.startswith(("VOICEBOX_", "OPENAI_", "AWS_", "PG")):
            monkeypatch.delenv(name)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing open a socket."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one gateway with its embedded engines and the test engine, for all tests that do not change it."""
    with running(tmp_path_factory.mktemp("server"), {"engines": {"tone": {"enabled": True}}}) as started:
        yield started
