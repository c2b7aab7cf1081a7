"""Tests of the user's folders on each operating system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from platformdirs import unix, windows

from gateway.config.paths import APP, config_folder, data_folder
from gateway.config.settings import Settings

OTHER_SYSTEM = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG is Linux's")


@OTHER_SYSTEM
def test_linux_without_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XDG variables the folders are in ~/.local/share and ~/.config."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert data_folder(Settings()) == tmp_path / ".local/share/voicebox"
    assert config_folder() == tmp_path / ".config/voicebox"


@OTHER_SYSTEM
@pytest.mark.parametrize("value", ["relative", "", "./here", "~/there"])
def test_xdg_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """XDG variables say where; a relative path in one is ignored, as the specification has it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/settings")
    assert data_folder(Settings()) == Path("/srv/data/voicebox")
    assert config_folder() == Path("/srv/settings/voicebox")
    monkeypatch.setenv("XDG_DATA_HOME", value)
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    assert data_folder(Settings()) == tmp_path / ".local/share/voicebox"
    assert config_folder() == tmp_path / ".config/voicebox"


def test_unix_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """platformdirs' own class for Unix agrees, whichever system runs the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folders = unix.Unix(APP, appauthor=False, roaming=True)
    assert folders.user_data_dir == "/srv/data/voicebox"
    assert Path(folders.user_config_dir) == tmp_path / ".config/voicebox"


def test_macos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both folders are in Application Support, even where XDG variables are set: keys must not move."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/settings")
    assert data_folder(Settings()) == tmp_path / "Library/Application Support/voicebox"
    assert config_folder() == tmp_path / "Library/Application Support/voicebox"


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data is local to the machine, settings roam; there is no author's folder in the path."""
    known = {"CSIDL_APPDATA": "/users/me/Roaming", "CSIDL_LOCAL_APPDATA": "/users/me/Local"}
    monkeypatch.setattr(windows, "get_win_folder", known.__getitem__)
    data = windows.Windows(APP, appauthor=False)
    settings = windows.Windows(APP, appauthor=False, roaming=True)
    assert Path(data.user_data_dir) == Path("/users/me/Local/voicebox")
    assert Path(settings.user_config_dir) == Path("/users/me/Roaming/voicebox")


def test_data_dir_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`data_dir` overrides the user's own folder, with ~ for the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(Settings(data_dir="/srv/voices")) == Path("/srv/voices")
    assert data_folder(Settings(data_dir="~/voices")) == tmp_path / "voices"
