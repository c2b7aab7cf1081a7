"""Where this user's settings and data are kept, as each system has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

APP = "voicebox"


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder for settings: `$XDG_CONFIG_HOME`, %APPDATA%, or Application Support."""
    return _folder(environ, windows="APPDATA", xdg="XDG_CONFIG_HOME", fallback=".config")


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder for data: `$XDG_DATA_HOME`, %LOCALAPPDATA%, or Application Support."""
    return _folder(environ, windows="LOCALAPPDATA", xdg="XDG_DATA_HOME", fallback=".local/share")


def _folder(environ: Mapping[str, str], *, windows: str, xdg: str, fallback: str) -> Path:
    if sys.platform == "win32":
        return Path(environ.get(windows) or Path.home() / "AppData" / "Local") / APP
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APP
    given = environ.get(xdg, "")
    # The XDG specification has relative paths ignored.
    return (Path(given) if given.startswith("/") else Path.home() / fallback) / APP
