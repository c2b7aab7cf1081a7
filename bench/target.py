"""The server under measurement: one of our own, in a process of its own, or any other by URL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

PATIENCE = 60.0
ESPEAK: dict[str, Any] = {"engines": {"hibari": {"enabled": False}}}
"""settings with which eSpeak speaks OpenAI's voices: it takes so little that the gateway is what is
measured
"""


class Target(msgspec.Struct):
    """The server under measurement; `pid` and `start_seconds` only where it is ours."""

    base_url: str
    api_key: str | None = None
    pid: int | None = None
    start_seconds: float | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers with the API key."""
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def resident(self, pid: int | None = None) -> float | None:
        """Return a process's resident memory in MB, the gateway's unless another is named (Linux)."""
        try:
            lines = Path(f"/proc/{pid or self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def encoders(self) -> list[int]:
        """Return the process ids of its encoder processes (Linux)."""
        return [
            pid
            for pid in self.workers()
            if b"streaming.encode.process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def workers(self) -> list[int]:
        """Return the process ids of its engine workers and encoders (Linux)."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[1] == str(self.pid):
                found.append(int(status.parent.name))
        return found


@contextmanager
def own(
    config: dict[str, Any] | None = None,
    module: str = "gateway",
    prepare: Callable[[Path], None] = lambda _: None,
) -> Iterator[Target]:
    """Run a server of our own, with default settings but for these, and time its start.

    `prepare` puts something into its data folder before.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        ready = Path(folder) / "ready.json"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBOX_")}
        environ["VOICEBOX_DATA_DIR"] = folder
        settings = Path(folder) / "config.yaml"
        settings.write_text(yaml.safe_dump(config or {}))
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            module,
            "serve",
            "--port",
            "0",
            "--ready-file",
            str(ready),
            "--config",
            str(settings),
            "--stop-with-stdin",
        ]
        # its standard input ends with this process, however that ends
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)
        try:
            _wait(ready.exists, process)
            said = json.loads(ready.read_text())
            _wait(lambda: _status(f"{said['url']}/readyz") == 200, process)
            yield Target(f"{said['url']}/v1", None, said["pid"], time.monotonic() - began)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            if process.stdin:
                process.stdin.close()


def _wait(true: Callable[[], bool], server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with status {server.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not become ready")
        time.sleep(0.01)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code
    except OSError:
        return 0
