"""Checkpoints that scripts make in environments of engines: made once, and kept for other tests and later runs.

They lie beside the environments, under a hash of all that they are made of, and are never written to again: a test
that spoils one copies it first. `make clean` deletes them.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine_environments import FOLDER as ENVIRONMENTS
from engine_environments import environment
from model_worker import run_in_environment

SCRIPTS = Path(__file__).parents[1] / "checkpoints"
KEPT = ENVIRONMENTS.parent / "checkpoints"


def made_checkpoint(group: str, script: str, shapes: Any) -> Path:
    """Return the folder that `script FOLDER SHAPES` wrote in the environment of a group."""
    path = SCRIPTS / script
    order = json.dumps(shapes, sort_keys=True)
    parts = (path.read_bytes(), order.encode(), str(environment(group).python).encode())
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    kept = KEPT / f"{path.stem}-{digest}"
    if not kept.is_dir():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as folder:
            made = Path(folder) / "made"
            run_in_environment(group, path, str(made), order)
            with suppress(OSError):  # another process has made it meanwhile
                made.rename(kept)
    return kept
