"""A small model to pull, and pulls of it in this process and in others."""

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
from engines.hub.download import Patience
from engines.hub.errors import ModelError
from engines.hub.progress import Progress
from engines.hub.store import ModelFiles

ROOT = Path(__file__).parents[2]
REPO = "acme/toy"
TONE = Adapter("tone", "engines.fakes.tone:Tone", (), 0)
TOY = ModelRecord(
    "toy", "Toy", TONE, REPO, "Apache-2.0", ("speech",), files=("config.json", "*.safetensors", "voices/*.pt")
)  # fmt: skip
WEIGHTS = "model.safetensors"
BYTES = random.Random(7).randbytes(300_000)
FILES = {"config.json": b'{"a": 1}\n', WEIGHTS: BYTES, "voices/a.pt": BYTES[:20_000], "README.md": b"# Toy\n"}
PULLED = {path: data for path, data in FILES.items() if path != "README.md"}
TOTAL = sum(map(len, PULLED.values()))
PATIENT = Patience(stall=60.0, tries=3, pause=0.01, longest=5.0)
"""not so patient with what comes at once, and patient where only the machine may be slow"""


def toys(folder: Path, url: str, patience: Patience = PATIENT, **how: Any) -> ModelFiles:
    """Give a folder for a hub, by default without a token."""
    return ModelFiles(folder, endpoint=url, patience=patience, **{"token": "", **how})


def pull(files: ModelFiles, record: ModelRecord = TOY) -> Path:
    """Pull in this thread."""
    return files.pull(record, lambda _: None, threading.Event())


def contents(folder: Path) -> dict[str, bytes]:
    """Give what a snapshot has."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def partials(folder: Path) -> list[Path]:
    """Give the files of which only a part is there."""
    return sorted(folder.glob("*/blobs/*.incomplete"))


def arrived(folder: Path) -> int:
    """Give how many bytes are in parts of files."""
    return sum(path.stat().st_size for path in partials(folder))


class Puller(threading.Thread):
    """A pull in a thread of its own."""

    def __init__(self, files: ModelFiles, record: ModelRecord = TOY) -> None:
        super().__init__(daemon=True)
        self.cancel = threading.Event()
        self.seen: list[Progress] = []
        self.path: Path | None = None
        self.error: ModelError | None = None
        self._files = files
        self._record = record
        self.start()

    def run(self) -> None:
        """Pull."""
        try:
            self.path = self._files.pull(self._record, self.seen.append, self.cancel)
        except ModelError as exc:
            self.error = exc

    def state(self) -> str:
        """Give what it does."""
        return self.seen[-1].state if self.seen else ""


class Process:
    """A pull in a process of its own."""

    def __init__(self, folder: Path, url: str, **environ: str) -> None:
        self._log = folder.parent / f"{id(self)}.log"
        with self._log.open("wb") as log:
            command = [sys.executable, __file__, str(folder), url]
            whole = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=whole, cwd=ROOT)

    def lines(self) -> list[dict[str, Any]]:
        """Give what it said so far."""
        return [
            json.loads(line)
            for line in self._log.read_text().splitlines(keepends=True)
            if line.startswith("{") and line.endswith("\n")
        ]

    def state(self) -> str:
        """Give what it does."""
        return str(self.lines()[-1].get("state", "")) if self.lines() else ""

    def end(self, patience: float = 60.0) -> int:
        """Wait for its end, and give its status."""
        return self.process.wait(patience)

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()
        self.process.wait()


def main(folder: str, url: str) -> int:
    """Pull, and say how far it is line by line."""

    def say(what: Any) -> None:
        print(msgspec.json.encode(what).decode(), flush=True)

    try:
        toys(Path(folder), url).pull(TOY, say, threading.Event())
    except ModelError as exc:
        say({"error": type(exc).__name__, "message": exc.message})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
