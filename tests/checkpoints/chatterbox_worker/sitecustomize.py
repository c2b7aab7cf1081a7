"""Python imports this module when it starts, where its folder is in PYTHONPATH: it shrinks Chatterbox once that
is imported.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

PACKAGE = "chatterbox"


class Shrinking(MetaPathFinder):
    """Finds Chatterbox as Python does, and has it shrunk after its import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the package is; None for all others."""
        if fullname != PACKAGE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        loader, execute = spec.loader, spec.loader.exec_module

        def execute_and_shrink(module: ModuleType) -> None:
            execute(module)
            sys.path.append(str(Path(__file__).parents[1]))
            from shrunk_chatterbox import shrink

            shrink()

        loader.exec_module = execute_and_shrink  # type: ignore[method-assign] # of this one object
        return spec


sys.meta_path.insert(0, Shrinking())
