"""The temporary folders of a gateway and its workers: how they are called, and what becomes of stale ones."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

PREFIX = "voicebox-"
"""how the name of a temporary folder begins; the id of its gateway's process comes next"""


def folder_prefix() -> str:
    """Return how the name of a temporary folder of this process begins."""
    return f"{PREFIX}{os.getpid()}-"


def remove_stale_folders() -> None:
    """Remove the folders of gateways that were killed before they could do so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isascii() and owner.isdigit() and len(owner) < 10 and not _exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)  # another user's stays: it cannot be removed


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill would end it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
