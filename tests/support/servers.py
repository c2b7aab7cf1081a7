"""Start and stop the real program on a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import yaml
from with_parent import with_parent

TIMEOUT = 180.0
"""seconds that anything may take before a test gives up; only for liveness: on a crowded machine a server took one minute to
start
"""

EAR = "faster-whisper-tiny.en"
"""the transcribing model that comes with the full installation"""
KNOWN = "engines/pocketsphinx.json"
"""of the data folder: what that engine said of itself. A server that finds it need not start the engine to ask"""
_known: dict[str, bytes] = {}
"""that file of a server before, by its name"""


class Server:
    """A gateway in a process of its own."""

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any] | None = None,
        args: tuple[str, ...] = (),
        *,
        cwd: Path | None = None,
        natural: bool = False,
        new_group: bool = False,
    ) -> None:
        self.folder = folder
        self._clients: list[openai.OpenAI] = []
        self.log_path = folder / "server.log"
        ready = folder / "ready.json"
        settings = {"log": {"format": "json"}, "data_dir": str(folder / "data"), **(config or {})}
        if not natural:
            settings = minimal(settings)
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        command = [
            sys.executable,
            "-m",
            "gateway",
            "serve",
            "--config",
            str(folder / "config.yaml"),
            "--port",
            "0",
        ]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBOX_")}
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                with_parent([*command, "--ready-file", str(ready), *args]),
                stderr=log,
                stdout=log,
                env=environ,
                cwd=cwd,
                process_group=0 if new_group else None,
            )
        try:
            wait_until(lambda: ready.exists() or self.process.poll() is not None, "the server listens")
        except BaseException:  # whatever ends the wait, nobody else knows of the process
            self.process.kill()
            self.process.wait()
            raise
        if not ready.exists():
            raise RuntimeError(
                f"the server ended with {self.process.returncode}:\n{self.log_path.read_text()}"
            )
        self.url: str = json.loads(ready.read_text())["url"]
        self.base_url = f"{self.url}/v1"
        self.port = int(self.url.rsplit(":", 1)[1])

    def wait_ready(self) -> Server:
        """Wait until requests can be served, and return the server."""
        wait_until(lambda: status(f"{self.url}/readyz") == 200, "the engines are ready")
        return self

    def sdk(self, api_key: str = "sk-none", *, strict: bool = False) -> openai.OpenAI:
        """Return a client of the SDK that does not retry; it is closed with the server."""
        client = openai.OpenAI(
            base_url=self.base_url,
            api_key=api_key,
            max_retries=0,
            timeout=TIMEOUT,
            _strict_response_validation=strict,
        )
        self._clients.append(client)
        return client

    def stop(self) -> int:
        """Stop the server with SIGTERM, and return its exit status."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def worker_pids(self) -> list[int]:
        """Return the process ids of its children."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and parent_of(int(entry.name)) == self.process.pid:
                found.append(int(entry.name))
        return found

    def lines(self) -> list[dict[str, Any]]:
        """Return its log, line by line."""
        whole = self.log_path.read_text().rpartition("\n")[0]  # the last line may still be on its way
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def requests(self) -> list[dict[str, Any]]:
        """Return the log lines of its requests."""
        return [line for line in self.lines() if line.get("event") == "request"]


def minimal(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings without the natural voice and the better ear, unless they speak of them: as an
    installation is that lacks both.
    """
    models = settings.get("models", {})
    return {
        **settings,
        "engines": {"hibari": {"enabled": False}, **settings.get("engines", {})},
        "models": {**models, "each": {EAR: {"enabled": False}, **models.get("each", {})}},
    }


def parent_of(pid: int) -> int | None:
    """Return the parent of a process that runs, None for one that does not, or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else int(fields[1])


def status(url: str, timeout: float = TIMEOUT) -> int:
    """Return the status of a GET, 0 when nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code
    except OSError:
        return 0


def wait_until(condition: Any, what: str, timeout: float = TIMEOUT) -> None:
    """Wait until something is true, or fail with its description."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {timeout:g} s: {what}")
        time.sleep(0.02)


@contextmanager
def running(
    folder: Path,
    config: dict[str, Any] | None = None,
    args: tuple[str, ...] = (),
    *,
    cwd: Path | None = None,
    natural: bool = False,
    new_group: bool = False,
    first: bool = False,
) -> Iterator[Server]:
    """Run a server, ready, for the duration of the context; with the natural voice and the better ear if
    `natural`; in a process group of its own if `new_group`; as the first one ever of its data folder if `first`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "data" / KNOWN
    if KNOWN in _known and not first and not known.exists():
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_bytes(_known[KNOWN])
    server = Server(folder, config, args, cwd=cwd, natural=natural, new_group=new_group)
    try:
        yield server.wait_ready()
    finally:
        server.stop()
        if known.is_file():
            _known[KNOWN] = known.read_bytes()
