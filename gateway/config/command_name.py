"""What a user types here to run this program: plain `voicebox` only where that is this very program.

In a clone it is `.venv/bin/voicebox` until the environment is activated. Messages have `voicebox …`, which
may go to callers on other machines; where they are shown on this one, `as_called_here` puts in what works.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

PROGRAM = "voicebox"
COMMANDS = (
    "cache",
    "clone",
    "config",
    "doctor",
    "engines",
    "keys",
    "models",
    "say",
    "serve",
    "setup",
    "transcribe",
    "voices",
)
PLAIN = re.compile(rf"(?<![\w./\\-]){PROGRAM}(?= (?:{'|'.join(COMMANDS)}|--help)\b)")


@cache
def command_name() -> str:
    """Return how this program is run from a shell in the folder where it was started."""
    name = f"{PROGRAM}.exe" if sys.platform == "win32" else PROGRAM
    script = Path(sysconfig.get_path("scripts"), name)
    if not script.is_file():
        return _quoted([sys.executable, "-m", "gateway"])
    found = shutil.which(PROGRAM)
    if found and script.samefile(found):
        return PROGRAM
    try:
        return _quoted([str(script.relative_to(Path.cwd()))])
    except (ValueError, OSError):  # it lies elsewhere, or the folder is gone
        return _quoted([str(script)])


def as_called_here(message: str) -> str:
    """Return a message with what works here in the place of `voicebox` before a command."""
    if PROGRAM not in message:
        return message
    return PLAIN.sub(lambda _: command_name(), message)


def _quoted(command: list[str]) -> str:
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
