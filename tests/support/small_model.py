"""A small model to pull, and pulls of it in threads and in other processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from engines.catalogue.records import Adapter, ModelRecord
from engines.hub.download import DownloadPolicy
from engines.hub.errors import ModelError
from engines.hub.progress import PullProgress
from engines.hub.store import ModelFiles

ROOT = Path(__file__).parents[2]
REPO = "acme/toy"
TONE = Adapter("tone", "engines.fakes.tone:Tone", (), 0)
MODEL = ModelRecord(
    "toy", "Toy", TONE, REPO, "Apache-2.0", ("speech",), files=("config.json", "*.safetensors", "voices/*.pt")
)
WEIGHTS = "model.safetensors"
WEIGHT_BYTES = random.Random(7).randbytes(300_000)
FILES = {
    "config.json": b'{"a": 1}\n',
    WEIGHTS: WEIGHT_BYTES,
    "voices/a.pt": WEIGHT_BYTES[:20_000],
    "README.md": b"# Toy\n",
}
PULLED = {path: data for path, data in FILES.items() if path != "README.md"}
TOTAL_BYTES = sum(map(len, PULLED.values()))
POLICY = DownloadPolicy(stall_timeout=60.0, attempts=3, retry_delay=0.01, max_delay=5.0)
"""short delays, and a long timeout where only the machine may be slow"""


def model_files(folder: Path, url: str, policy: DownloadPolicy = POLICY, **options: Any) -> ModelFiles:
    """Return the model files of a folder and a hub, by default without a token."""
    return ModelFiles(folder, endpoint=url, policy=policy, **{"token": "", **options})


def pull(files: ModelFiles, record: ModelRecord = MODEL) -> Path:
    """Pull a model in this thread, and return its snapshot."""
    return files.pull(record, lambda _: None, threading.Event())


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a snapshot by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def partial_blobs(folder: Path) -> list[Path]:
    """Return the blobs of which only a part is there."""
    return sorted(folder.glob("*/blobs/*.incomplete"))


def partial_bytes(folder: Path) -> int:
    """Return how many bytes are in partial blobs."""
    return sum(path.stat().st_size for path in partial_blobs(folder))


class PullThread(threading.Thread):
    """A thread that pulls a model."""

    def __init__(self, files: ModelFiles, record: ModelRecord = MODEL) -> None:
        super().__init__(daemon=True)
        self.cancel = threading.Event()
        self.progress: list[PullProgress] = []
        self.path: Path | None = None
        self.error: ModelError | None = None
        self._files = files
        self._record = record
        self.start()

    def run(self) -> None:
        """Pull, and keep the path or the error."""
        try:
            self.path = self._files.pull(self._record, self.progress.append, self.cancel)
        except ModelError as exc:
            self.error = exc

    def state(self) -> str:
        """Return the state of the pull, empty before it began."""
        return self.progress[-1].state if self.progress else ""


class PullProcess:
    """A process that pulls a model."""

    def __init__(self, folder: Path, url: str, **environ: str) -> None:
        self._log = folder.parent / f"{id(self)}.log"
        with self._log.open("wb") as log:
            command = [sys.executable, __file__, str(folder), url]
            variables = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=variables, cwd=ROOT)

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines that it has printed so far."""
        return [
            json.loads(line)
            for line in self._log.read_text().splitlines(keepends=True)
            if line.startswith("{") and line.endswith("\n")
        ]

    def state(self) -> str:
        """Return the state of the pull, empty before it began."""
        return str(self.lines()[-1].get("state", "")) if self.lines() else ""

    def end(self, policy: float = 60.0) -> int:
        """Wait for its end, and return its exit status."""
        return self.process.wait(policy)

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()
        self.process.wait()


def main(folder: str, url: str) -> int:
    """Pull, and print the progress as lines of JSON; return the exit status."""

    def print_json(value: Any) -> None:
        print(msgspec.json.encode(value).decode(), flush=True)

    try:
        model_files(Path(folder), url).pull(MODEL, print_json, threading.Event())
    except ModelError as exc:
        print_json({"error": type(exc).__name__, "message": exc.message})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
