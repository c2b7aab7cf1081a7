"""The settings of a request, checked against those that an engine has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engines.api import Setting, Settings, SettingValue
from engines.errors import BadInput


def checked_settings(
    given: Mapping[str, SettingValue], known: Iterable[Setting], engine: str
) -> tuple[Settings, list[str]]:
    """Return those of some settings that an engine knows, and the names of the others.

    Raises BadInput for a value that the engine does not allow.
    """
    by_name = {setting.name: setting for setting in known}
    for name, value in given.items():
        setting = by_name.get(name)
        if setting and not setting.allows(value):
            message = f"`settings.{name}` should be {setting.allowed} for `{engine}`."
            raise BadInput(message, param=f"settings.{name}")
    accepted = {name: value for name, value in given.items() if name in by_name}
    return accepted, [name for name in given if name not in by_name]
