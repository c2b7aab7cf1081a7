"""Load an engine from several folders, one after the other, in one process: `python load_errors.py MODULE:CLASS JSON`, in an
environment that has its library. JSON is a list of objects with the engine's arguments; what is printed is a list of the
errors, empty where it loads.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from engines.api import Place
from engines.errors import SpeechError


class Quiet:
    """An output that drops what it gets."""

    def beat(self, progress: float | None = None) -> None:
        """Drop a sign."""


def main(import_path: str, orders: list[dict[str, Any]]) -> None:
    """Load, and print the errors."""
    module, _, name = import_path.partition(":")
    engine_class = getattr(importlib.import_module(module), name)
    errors = []
    for order in orders:
        try:
            engine_class(**order).load(Place(threads=1), Quiet())
        except SpeechError as exc:
            errors.append(str(exc))
        else:
            errors.append("")
    print("\n" + json.dumps(errors))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
