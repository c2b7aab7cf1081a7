"""The command that installs a package into the environment in which an engine runs, for messages."""

from __future__ import annotations

import sys
from pathlib import Path

MARKER_FILE = "installed.json"
"""beside an environment's folder: engines/environments/layout.py"""


def add_command(*packages: str) -> str:
    """Return the command that adds packages for the engine of this process: to the environment that runs it,
    or to the program's own Python where that does.
    """
    home = Path(sys.prefix).parent
    target = home.name if (home / MARKER_FILE).is_file() else "own"
    return f"voicebox engines add {' '.join(packages)} --to {target}"
