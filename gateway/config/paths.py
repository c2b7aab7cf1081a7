"""The folders in which this user's settings and data are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

from gateway.config.settings import Settings

APP = "voicebox"


def data_folder(settings: Settings) -> Path:
    """Return the folder for keys, voices, environments and what was learned of models.

    It is `data_dir` of the settings, or the user's own: `$XDG_DATA_HOME` or ~/.local/share on Linux,
    %LOCALAPPDATA% on Windows, ~/Library/Application Support on macOS.
    """
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    return default_data_folder()


def default_data_folder() -> Path:
    """Return the user's own folder for data; which is in their home.

    Raises RuntimeError where nobody knows the home.
    """
    return _own_folder("LOCALAPPDATA") or platformdirs.user_data_path(APP, appauthor=False)


def config_folder() -> Path:
    """Return the folder for the user's settings file.

    It is `$XDG_CONFIG_HOME` or ~/.config on Linux, %APPDATA% on Windows, ~/Library/Application Support on
    macOS.
    """
    return _own_folder("APPDATA") or platformdirs.user_config_path(APP, appauthor=False, roaming=True)


def _own_folder(windows_variable: str) -> Path | None:
    """Return the folder where platformdirs would name another than this program ever did, else None.

    On macOS it obeys XDG variables since 4.6; on Windows it asks the system before the environment. A server
    that did so too would look for its keys elsewhere than it did, find none, and let everybody in.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APP
    if sys.platform == "win32" and (folder := os.environ.get(windows_variable)):
        return Path(folder) / APP
    return None
